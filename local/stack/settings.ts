/** What `npm start`, `npm run stack` and the operators' commands read, besides the components' addresses. */
import { z } from 'zod';
import { host } from '../../src/config/api.ts';
import { encryption } from '../../src/config/encryption.ts';
import { operatorToken } from '../../src/config/operator.ts';
import { home } from '../../src/config/installation.ts';
import { parse, text, type Environment } from '../../src/config/variables.ts';

const cache = z
  .object({
    KONSTRUCT_CACHE: text.optional().meta({
      description: 'Where fetched components are kept; all clones on a machine share them',
      cure: 'a folder',
      unset: '`konstruct` in `XDG_CACHE_HOME` or `~/.cache`',
    }),
  })
  .meta({ title: 'Local stack' });

const start = z
  .object({
    HOST: host,
    PORT: text.default('3000').meta({ description: 'Where the API listens', cure: '0 for any that is free' }),
    KONSTRUCT_OPERATOR_TOKEN: operatorToken.meta({
      ...operatorToken.meta(),
      description: 'Who holds it may make tenants and their keys over HTTP',
      unset: 'the one in `secrets.json` of `KONSTRUCT_HOME`',
    }),
    TEMPORAL_NAMESPACE: text.default('default').meta({
      description: 'The namespace that API and worker use; a Temporal that is started has it from the start',
    }),
    TEMPORAL_UI_URL: text.optional().meta({
      description: 'The Web UI of the Temporal at `TEMPORAL_ADDRESS`, for what `npm start` prints',
      cure: 'a URL',
    }),
  })
  .meta({
    title: 'Local stack',
    description:
      'A component whose address is set (`DATABASE_URL`, `REDIS_URL`, `TEMPORAL_ADDRESS`, `LLM_BASE_URL`, ' +
      '`KONSTRUCT_MODELS`) is used, not started. Without `TEMPORAL_ADDRESS` only `TEMPORAL_NAMESPACE` ' +
      'counts of Temporal’s variables: TLS, API key and profile are for another server than the one ' +
      'that is started.',
  });

/** What each command reads. The operators' commands find the addresses of what runs in the home. */
export const LOCAL_SUBJECTS = {
  start: { start, encryption, home, cache },
  stack: { encryption, home, cache },
  operators: { home },
};

/** The cache, as it is set. */
export function cacheSetting(env: Environment): string | undefined {
  return parse({ cache }, env).cache.KONSTRUCT_CACHE;
}

/** What `npm start` reads. `port` is unchecked: `requireFreePort` does that. */
export function startSettings(env: Environment) {
  const { start: read } = parse({ start, encryption }, env);
  return {
    host: read.HOST,
    port: read.PORT,
    namespace: read.TEMPORAL_NAMESPACE,
    operatorToken: read.KONSTRUCT_OPERATOR_TOKEN,
  };
}
