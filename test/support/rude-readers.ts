/** Clients that ask and then go away at any moment, or stay and take nothing. */
import { connect, type Socket } from 'node:net';

type Place = { baseUrl: string; apiKey: string };

/** What is asked, as HTTP has it. */
export type Asked = {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
};

/** How somebody who has asked behaves after that. */
export type Manner =
  /** Resets the connection. */
  | 'resets'
  /** Reads on, and says that nothing more comes from its side. */
  | 'closes its half'
  /** Stays, and takes nothing of the answer. */
  | 'takes nothing';

/** Asks several things over one connection, without waiting for an answer. */
export function askRudely({ baseUrl, apiKey }: Place, asked: readonly Asked[], manner: Manner): Socket {
  const { hostname, port, host } = new URL(baseUrl);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on('error', () => undefined);
  if (manner === 'takes nothing') socket.pause();
  else socket.resume();
  for (const { method, path, headers = {}, body } of asked) {
    const sent = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const all = {
      host,
      authorization: `Bearer ${apiKey}`,
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(sent)),
      }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${sent}`);
  }
  if (manner === 'closes its half') socket.end();
  return socket;
}

/** Resolves when a connection is closed from the other side, or has been given up. */
export const resetAfter = (socket: Socket, ms: number): Promise<void> =>
  new Promise((resolve) =>
    setTimeout(() => {
      socket.resetAndDestroy();
      resolve();
    }, ms),
  );
