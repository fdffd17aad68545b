/** Names of the Temporal task queues, and of the deployment whose workers poll them. */

/** Replies. */
export const REPLY_TASK_QUEUE = 'konstruct';
/** Backfills have a queue of their own, so that a pile of them never delays a reply. */
export const EMBEDDING_TASK_QUEUE = 'konstruct-embeddings';
/** For Temporal's Worker Versioning: builds of it replace each other. */
export const DEPLOYMENT = 'konstruct';
