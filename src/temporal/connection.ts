import { Client, Connection, type ClientInterceptors } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { TemporalConfig } from '../config.ts';
import { dataConverter } from './data-converter.ts';

/** A client for starting and looking up workflows. Rejects when the server can't be reached. */
export async function connectClient(config: TemporalConfig): Promise<Client> {
  const connection = await Connection.connect(options(config));
  return new Client({ connection, namespace: config.namespace, dataConverter });
}

/** As `connectClient`, but connects when it is first used: a server that is away now doesn't stop the process. */
export function lazyClient(config: TemporalConfig, interceptors: ClientInterceptors = {}): Client {
  const connection = Connection.lazy(options(config));
  return new Client({ connection, namespace: config.namespace, dataConverter, interceptors });
}

/** A worker's connection. */
export async function connectWorker(config: TemporalConfig): Promise<NativeConnection> {
  return NativeConnection.connect(options(config));
}

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
