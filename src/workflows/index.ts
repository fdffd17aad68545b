/** The workflow types that a worker registers, by the names they have in the Web UI. */
export { EmbedAndStore } from './embed-and-store.ts';
export { HandleMessage } from './handle-message.ts';
