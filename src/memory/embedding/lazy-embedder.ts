import type { Embedder } from './embedder.ts';

/**
 * An embedder that is loaded when it is first asked: an API that nobody searches by needs no model. One that
 * could not be loaded is tried again with the next text.
 */
export function lazyEmbedder(load: () => Promise<Embedder>): Embedder {
  let loading: Promise<Embedder> | undefined;
  return {
    async embed(text, request) {
      loading ??= load();
      const own = loading;
      const embedder = await own.catch((error: unknown) => {
        if (loading === own) loading = undefined;
        throw error;
      });
      return embedder.embed(text, request);
    },
    async close() {
      const embedder = await loading?.catch(() => undefined);
      await embedder?.close();
    },
  };
}
