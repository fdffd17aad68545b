import type { DataConverter } from '@temporalio/common';

/**
 * How payloads are written into histories: the one place that client, worker and replay ask. A payload
 * codec (encryption, compression) goes here and nowhere else.
 */
export const dataConverter: DataConverter = {};
