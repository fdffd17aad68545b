import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';

export type ServerLimits = {
  /** For a request's headers, from the connection's first moment on. */
  headersTimeoutMs: number;
  /** For a whole request, its body included; how late it is answered is not bounded by it. */
  requestTimeoutMs: number;
  /** For the client to take a whole answer. The connection of one that doesn't is closed. */
  answerTimeoutMs: number;
  /** How often the two are looked at. */
  checkEveryMs: number;
  /**
   * Longer than what clients keep an idle connection for: a request must not meet one that is being closed.
   */
  keepAliveMs: number;
  /** One more is closed as it comes. */
  maxConnections: number;
  /** From here on each that comes takes the place of an idle one. */
  crowdedFrom: number;
  /** Idle connections that one address may keep, those included whose requests are not whole yet. */
  idlePerAddress: number;
};

const LIMITS: ServerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 30_000,
  checkEveryMs: 1_000,
  // Clients and load balancers mostly have 60 s.
  keepAliveMs: 75_000,
  maxConnections: 2_000,
  crowdedFrom: 1_500,
  // A proxy has one address for all: it keeps some tens of connections for each of its processes.
  idlePerAddress: 500,
};

/**
 * An HTTP server that nobody can occupy by connections without requests, by requests without an end, or by
 * answers that aren't read.
 */
export function createBoundedServer(listener: RequestListener, limits: Partial<ServerLimits> = {}): Server {
  const all = { ...LIMITS, ...limits };
  const server = createServer(
    {
      headersTimeout: all.headersTimeoutMs,
      requestTimeout: all.requestTimeoutMs,
      connectionsCheckingInterval: all.checkEveryMs,
      keepAliveTimeout: all.keepAliveMs,
    },
    listener,
  );
  server.maxConnections = all.maxConnections;
  server.on('request', (_req, res) => {
    // An error of one answer, a write after its end say, must not end the process.
    res.on('error', () => res.destroy());
    // Everything is written, and nothing may be taken yet.
    res.once('prefinish', () => {
      if (res.closed) return;
      const timer = setTimeout(() => res.destroy(), all.answerTimeoutMs);
      res.once('close', () => clearTimeout(timer));
    });
  });
  boundIdle(server, all);
  return server;
}

type Connection = {
  /** A closed socket has none any more. */
  address: string;
  /** Requests under way. A client may send the next one before it has the answer. */
  requests: number;
};

/**
 * Closes idle connections, those that have no request under way or wait for the rest of its body, when there
 * are too many: the longest idle first. An address that keeps too many loses its own. Where connections run
 * short, the address that keeps the most idle ones loses one for each that comes, so nobody keeps the others
 * out by doing nothing.
 */
function boundIdle(
  server: Server,
  { crowdedFrom, idlePerAddress }: Pick<ServerLimits, 'crowdedFrom' | 'idlePerAddress'>,
): void {
  const open = new Map<Socket, Connection>();
  /** Of each address, the longest idle first. */
  const idle = new Map<string, Set<Socket>>();

  const wake = (socket: Socket, address: string): void => {
    const own = idle.get(address);
    own?.delete(socket);
    if (own?.size === 0) idle.delete(address);
  };
  const rest = (socket: Socket, address: string): void => {
    wake(socket, address);
    const own = idle.get(address) ?? new Set();
    idle.set(address, own.add(socket));
    if (own.size > idlePerAddress) closeLongestIdle(own);
  };
  const forget = (socket: Socket): void => {
    const connection = open.get(socket);
    if (!connection) return;
    wake(socket, connection.address);
    open.delete(socket);
  };
  const closeLongestIdle = (sockets: ReadonlySet<Socket>): void => {
    const [longest] = sockets;
    if (!longest) return;
    forget(longest);
    longest.destroy();
  };
  const mostOfOneAddress = (): ReadonlySet<Socket> =>
    [...idle.values()].reduce((most, own) => (own.size > most.size ? own : most), new Set<Socket>());

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    open.set(socket, { address, requests: 0 });
    socket.once('close', () => forget(socket));
    if (open.size > crowdedFrom) closeLongestIdle(mostOfOneAddress());
    rest(socket, address);
  });
  server.on('request', (req, res) => {
    const { socket } = req;
    const connection = open.get(socket);
    if (!connection) return;
    const { address } = connection;
    connection.requests += 1;
    if (hasBody(req)) {
      rest(socket, address);
      req.once('end', () => {
        // What was answered before its body came is idle.
        if (connection.requests > 0) wake(socket, address);
      });
    } else wake(socket, address);
    res.once('close', () => {
      connection.requests -= 1;
      if (connection.requests === 0 && open.has(socket)) rest(socket, address);
    });
  });
}

/** Whether a request brings something besides its headers. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
