/** The workflow types that a worker registers, by the names they have in the Web UI. */
export { EmbedAndStore } from './embed-and-store.ts';
export { ForgetUser } from './forget-user.ts';
export { HandleMessage } from './handle-message.ts';
export { ImportMemory } from './import-memory.ts';
export { Reindex } from './reindex.ts';
export { RemoveTenant } from './remove-tenant.ts';
export { SweepRetention } from './sweep-retention.ts';
