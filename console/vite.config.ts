import { defineConfig } from 'vite';

/** Where `npm run console:dev` finds an API. */
const API = process.env['KONSTRUCT_API'] ?? 'http://127.0.0.1:3000';

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  build: {
    // The policy allows no data: addresses.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1_000,
    reportCompressedSize: false,
    rolldownOptions: {
      onLog(level, log, handle) {
        // Packages mark what runs in browsers for frameworks that tell the two apart.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
  server: { proxy: { '/v1': API, '/console/session': API } },
});
