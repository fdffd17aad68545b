/** How often what changes by itself is asked for anew. */
export const REFRESH_MS = 30_000;
