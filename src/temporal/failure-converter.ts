/**
 * Loaded by path: by client and worker, and into the workflows' bundle. Failures put their messages and stack
 * traces into a payload, so that the payload codec encrypts them.
 */
import { DefaultFailureConverter } from '@temporalio/common';

/** The SDK finds this export by its name. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
