/**
 * A gRPC proxy in front of a Temporal, over TLS or in clear, that can refuse calls. It records what a client
 * sends, and shows what a client says of a server that is not as it expects.
 */
import { once } from 'node:events';
import { connect, createSecureServer, createServer } from 'node:http2';
import type {
  ClientHttp2Session,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

export type GrpcProxy = {
  /** `127.0.0.1:port`. */
  address: string;
  /** Path and headers of each call that has come in. */
  calls: { path: string; headers: IncomingHttpHeaders }[];
  close(): void;
};

/**
 * Passes calls on to `target` (`host:port`). A call for whose path `refuse` gives a gRPC status is answered
 * with that. Without a target every call is answered with UNIMPLEMENTED. `tls` has the server's key and
 * certificate (PEM). With `clientCa` clients must show a certificate of that authority.
 */
export async function startGrpcProxy(options: {
  target?: string;
  tls?: { key: string; cert: string; clientCa?: string };
  refuse?: (path: string) => number | undefined;
}): Promise<GrpcProxy> {
  const { target, tls, refuse = () => undefined } = options;
  const calls: GrpcProxy['calls'] = [];
  const upstream = target === undefined ? undefined : connect(`http://${target}`);
  upstream?.on('error', () => undefined);
  const server = tls
    ? createSecureServer({
        key: tls.key,
        cert: tls.cert,
        ...(tls.clientCa && { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
      })
    : createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined).on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    const path = headers[':path'] ?? '';
    calls.push({ path, headers });
    stream.on('error', () => undefined);
    const status = upstream ? refuse(path) : (refuse(path) ?? UNIMPLEMENTED);
    if (status !== undefined) answer(stream, status);
    else if (upstream) passOn(upstream, stream, headers);
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close() {
      for (const session of sessions) session.destroy();
      upstream?.destroy();
      server.close();
    },
  };
}

const UNIMPLEMENTED = 12;

function answer(stream: ServerHttp2Stream, status: number): void {
  const headers = { 'content-type': 'application/grpc', 'grpc-status': String(status) };
  stream.respond({ ':status': 200, ...headers, 'grpc-message': 'refused by the proxy' }, { endStream: true });
}

function passOn(upstream: ClientHttp2Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const request = upstream.request(headers);
  let trailers: IncomingHttpHeaders = {};
  stream.on('close', () => request.close());
  stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers }));
  request.on('error', () => stream.close());
  request.on('trailers', (received: IncomingHttpHeaders) => void (trailers = received));
  request.on('response', (received, flags) => {
    const { ':status': status, ...rest } = received;
    const ended = (flags & END_STREAM) !== 0;
    stream.respond({ ':status': status, ...rest }, ended ? { endStream: true } : { waitForTrailers: true });
    if (!ended) request.pipe(stream);
  });
  stream.pipe(request);
}

const END_STREAM = 0x1;
