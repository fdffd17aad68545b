import { Client, Connection, type ClientInterceptors } from '@temporalio/client';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { TemporalConfig } from '../config/index.ts';
import { dataConverter } from './data-converter.ts';

/** A client for starting and looking up workflows. Rejects when the server can't be reached. */
export async function connectClient(config: TemporalConfig): Promise<Client> {
  const connection = await Connection.connect(clientOptions(config));
  return new Client({ connection, namespace: config.namespace, dataConverter });
}

/** As `connectClient`, but connects when it is first used: a server that is away now doesn't stop the process. */
export function lazyClient(config: TemporalConfig, interceptors: ClientInterceptors = {}): Client {
  const connection = Connection.lazy(clientOptions(config));
  return new Client({ connection, namespace: config.namespace, dataConverter, interceptors });
}

/** A worker's connection. */
export async function connectWorker(config: TemporalConfig): Promise<NativeConnection> {
  return NativeConnection.connect(workerOptions(config));
}

/**
 * Nothing is compressed on the way to a server in one's own network, which is one without TLS: there gzip, the
 * default, costs both sides more than the bytes that it saves.
 */
export function workerOptions(config: TemporalConfig): NativeConnectionOptions {
  return { ...options(config), grpcCompression: { codec: config.tls ? 'gzip' : 'none' } };
}

/**
 * gRPC waits up to two minutes before it dials again: a Temporal that was away for one would seem away for
 * three, and every message would be refused meanwhile.
 */
const clientOptions = (config: TemporalConfig) => ({
  ...options(config),
  channelArgs: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 },
});

function options({ address, apiKey, tls }: TemporalConfig) {
  const tlsOptions =
    tls === undefined
      ? undefined
      : {
          ...(tls.serverName && { serverNameOverride: tls.serverName }),
          ...(tls.serverRootCa && { serverRootCACertificate: tls.serverRootCa }),
          ...(tls.clientCert && { clientCertPair: { crt: tls.clientCert.crt, key: tls.clientCert.key } }),
        };
  return { address, ...(apiKey && { apiKey }), ...(tlsOptions && { tls: tlsOptions }) };
}
