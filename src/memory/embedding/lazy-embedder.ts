import type { Embedder } from './embedder.ts';

/**
 * An embedder that is loaded when it is first asked: an API that nobody searches by needs no model. One that
 * could not be loaded is tried again with the next text.
 */
export function lazyEmbedder(load: () => Promise<Embedder>): Embedder {
  let loading: Promise<Embedder> | undefined;
  const loaded = async (): Promise<Embedder> => {
    loading ??= load();
    const own = loading;
    return own.catch((error: unknown) => {
      if (loading === own) loading = undefined;
      throw error;
    });
  };
  return {
    embed: async (text, request) => (await loaded()).embed(text, request),
    embedParts: async (parts, request) => (await loaded()).embedParts(parts, request),
    async close() {
      const embedder = await loading?.catch(() => undefined);
      await embedder?.close();
    },
  };
}
