import type { Schemas } from '../api/client.ts';

/** What a reply had to do without, in words. */
export const MISSING: Readonly<Record<Schemas['Preview']['missing'][number], string>> = {
  window: 'the window could not be read in time',
  recall: 'nothing could be recalled in time',
  embedding: 'the message could not be embedded in time',
  append: 'it is not yet in the window',
  order: 'it did not wait for the message before it',
  delivery: 'the reply could not be delivered',
};
