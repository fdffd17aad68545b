import { createServer } from 'node:net';

// Below the range from which systems take the local ports of outgoing connections (32768 on Linux, 49152 on
// macOS). From inside it, a service that is down for a second can find its port taken, and a client that
// keeps dialling a dead loopback port of that range ends up connected to itself.
const LOWEST = 20_000;
const HIGHEST = 31_999;
const TRIES = 200;

/** A random loopback port that nobody listens on now, and that is none of `taken`. */
export async function freePort(taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} in ${TRIES} tries`);
}

/** Whether one could listen on this port now. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
