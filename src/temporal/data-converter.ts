import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import type { KeyRing } from '../config/index.ts';
import { createPayloadCodec } from './payload-codec.ts';

/** How a failure is written; the workflows' bundle needs it too. */
export const FAILURE_CONVERTER = fileURLToPath(new URL('./failure-converter.ts', import.meta.url));

/**
 * How payloads and failures are written into histories, and read: the one place that client, worker and
 * replay ask. Without keys the codec stays in its place, and says so when it meets what is encrypted.
 */
export function dataConverter(keys: KeyRing): DataConverter {
  return { payloadCodecs: [createPayloadCodec(keys)], failureConverterPath: FAILURE_CONVERTER };
}
