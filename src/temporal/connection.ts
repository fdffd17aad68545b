import { Client, Connection, type ClientInterceptors } from '@temporalio/client';
import type { KeyRing, TemporalConfig } from '../config/index.ts';
import type { Needed } from '../lib/wait-for.ts';
import { dataConverter } from './data-converter.ts';

/**
 * A connection for calls that a `Client` doesn't offer (the operator's). The caller closes it. Rejects when
 * no server answers within 10 s, or the server refuses: one line says which address was asked, and how.
 */
export async function connect(config: TemporalConfig): Promise<Connection> {
  return orUnreachable(config, Connection.connect(clientOptions(config)));
}

/** A client for starting and looking up workflows. Rejects as `connect` does. */
export async function connectClient(config: TemporalConfig, keys: KeyRing): Promise<Client> {
  const connection = await connect(config);
  return new Client({ connection, namespace: config.namespace, dataConverter: dataConverter(keys) });
}

/** As `connectClient`, but connects at its first use: a server that is away now doesn't stop the process. */
export function lazyClient(
  config: TemporalConfig,
  keys: KeyRing,
  interceptors: ClientInterceptors = {},
): Client {
  const connection = Connection.lazy(clientOptions(config));
  return new Client({
    connection,
    namespace: config.namespace,
    dataConverter: dataConverter(keys),
    interceptors,
  });
}

/** What a process that needs Temporal waits for at its start. */
export function temporalNeeded(client: Client, config: TemporalConfig): Needed {
  return {
    service: 'Temporal',
    probe: () => client.connection.ensureConnected(),
    cure: unreachable(config),
  };
}

/**
 * gRPC waits up to two minutes before it dials again: a Temporal that was away for one would seem away for
 * three, and every message would be refused meanwhile.
 */
const clientOptions = (config: TemporalConfig) => ({
  ...connectionOptions(config),
  channelArgs: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 },
});

/** Address, TLS, key and headers, as client and worker both take them. */
export function connectionOptions({ address, apiKey, tls, metadata }: TemporalConfig) {
  const tlsOptions =
    tls === undefined
      ? undefined
      : {
          ...(tls.serverName && { serverNameOverride: tls.serverName }),
          ...(tls.serverRootCa && { serverRootCACertificate: tls.serverRootCa }),
          ...(tls.clientCert && { clientCertPair: { crt: tls.clientCert.crt, key: tls.clientCert.key } }),
        };
  return {
    address,
    ...(apiKey && { apiKey }),
    ...(tlsOptions && { tls: tlsOptions }),
    ...(metadata && { metadata }),
  };
}

/** The connection, or one line that says which address was asked, and how. */
export async function orUnreachable<T>(config: TemporalConfig, connecting: Promise<T>): Promise<T> {
  try {
    return await connecting;
  } catch (error) {
    throw new Error(`Temporal can't be reached: ${unreachable(config)} (${reasonOf(error)})`, {
      cause: error,
    });
  }
}

/** Which address was asked, and how: the right one doesn't answer either when only one side speaks TLS. */
function unreachable({ address, apiKey, tls }: TemporalConfig): string {
  const how = [
    tls ? 'over TLS' : 'without TLS',
    ...(tls?.serverRootCa ? ['trusting the given authority alone'] : []),
    ...(tls?.clientCert ? ['with a client certificate'] : []),
    ...(apiKey ? ['with an API key'] : []),
  ].join(', ');
  return `nothing answers at TEMPORAL_ADDRESS=${address} (${how}): check the address and TEMPORAL_TLS…`;
}

/** The innermost message: the outer ones only say that connecting failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
