/** TLS in front of a service that speaks none. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import type { KeyPair } from './certificates.ts';

export type TlsTerminator = { port: number; stop(): Promise<void> };

/** `asked`: the protocol asks for TLS first, as Postgres' does (SSLRequest, answered by `S`). */
export async function startTlsTerminator(options: {
  to: { host: string; port: number };
  certificate: KeyPair;
  asked?: boolean;
}): Promise<TlsTerminator> {
  const { to, certificate, asked = false } = options;
  const secure: TLSSocketOptions = { isServer: true, cert: certificate.cert, key: certificate.key };
  const sockets = new Set<Socket>();
  const pass = (plain: Socket): void => {
    const client = new TLSSocket(plain, secure);
    const service = connect(to.port, to.host);
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const) {
      one.on('error', () => undefined);
      one.once('close', () => other.destroy());
      one.pipe(other);
    }
  };
  const server = createServer((plain) => {
    sockets.add(plain);
    plain.on('error', () => undefined);
    if (!asked) return void pass(plain);
    plain.once('data', (request) => {
      // Whoever doesn't ask for TLS is shown the door.
      if (request.readUInt32BE(4) !== SSL_REQUEST) return void plain.destroy();
      plain.write('S');
      pass(plain);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const SSL_REQUEST = 80_877_103;
