/** Names that stand in Temporal: task queues and search attributes. */

/** Replies. */
export const REPLY_TASK_QUEUE = 'konstruct';
/** Backfills, apart so that a pile of them never delays a reply. */
export const EMBEDDING_TASK_QUEUE = 'konstruct-embeddings';
