/** A TCP proxy in front of a service that a test wants away: killed (refused) or stopped (silent). */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type Proxy = {
  /** The same URL, or `host:port`, with this proxy in the service's place. */
  through(target: string): string;
  /** As after SIGKILL: what is open breaks, what comes is refused. */
  cut(): void;
  /** As after SIGSTOP: connections stand, nothing comes through. What was sent arrives after `restore`. */
  stall(): void;
  restore(): void;
  close(): Promise<void>;
};

/** The two ways in which a service is away, each with its name. */
export const HARMS = [
  ['killed', (proxy: Proxy) => proxy.cut()],
  ['stopped', (proxy: Proxy) => proxy.stall()],
] as const;

/** Proxies a service that is given as a URL or as `host:port`. */
export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(isUrl(target) ? target : `tcp://${target}`);
  let state: 'through' | 'cut' | 'stalled' = 'through';
  const pairs = new Set<[Socket, Socket]>();

  const server = createServer((from) => {
    if (state === 'cut') return void from.resetAndDestroy();
    const to = connect(Number(port), hostname);
    const pair: [Socket, Socket] = [from, to];
    pairs.add(pair);
    for (const [socket, other] of [pair, pair.toReversed()] as Array<[Socket, Socket]>) {
      socket.on('data', (chunk) => void other.write(chunk));
      socket.on('error', () => undefined);
      socket.once('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
      if (state === 'stalled') socket.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const breakAll = () => {
    for (const [from, to] of pairs) {
      from.resetAndDestroy();
      to.destroy();
    }
  };
  return {
    through: (other) => (isUrl(other) ? Object.assign(new URL(other), { host }).href : host),
    cut() {
      state = 'cut';
      breakAll();
    },
    stall() {
      state = 'stalled';
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    restore() {
      state = 'through';
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    async close() {
      breakAll();
      server.close();
      await once(server, 'close');
    },
  };
}

const isUrl = (target: string): boolean => target.includes('://');
