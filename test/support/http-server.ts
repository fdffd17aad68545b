/** HTTP servers on free loopback ports: stand-ins for remote services, and the API itself. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HttpServer = {
  /** Without a slash at its end. */
  url: string;
  /** Breaks what is open, so that a client which keeps its connections does not hold the test up. */
  close(): Promise<void>;
};

/** `create` makes another server than a plain one. */
export async function serve(
  listener: RequestListener,
  create: (listener: RequestListener) => Server = createServer,
): Promise<HttpServer> {
  const server = create(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The whole body of a request. */
export async function readBody(request: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
  // Joined before it is decoded: a chunk may end within a character.
  return Buffer.concat(chunks).toString('utf8');
}
