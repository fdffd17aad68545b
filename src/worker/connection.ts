import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { TemporalConfig } from '../config/index.ts';
import { connectionOptions, orUnreachable } from '../temporal/connection.ts';

/** A worker's connection. Rejects with one line that says which address was asked, and how. */
export async function connectWorker(config: TemporalConfig): Promise<NativeConnection> {
  return orUnreachable(config, NativeConnection.connect(workerOptions(config)));
}

/**
 * Nothing is compressed on the way to a server in one's own network, which is one without TLS: there gzip,
 * the default, costs both sides more than the bytes that it saves.
 */
export function workerOptions(config: TemporalConfig): NativeConnectionOptions {
  return { ...connectionOptions(config), grpcCompression: { codec: config.tls ? 'gzip' : 'none' } };
}
