import { z } from 'zod';
import { MAX_PROMPT_TOKENS } from '../domain/bounds.ts';
import { DEFAULT_MAX_PROMPT_TOKENS } from '../domain/prompt.ts';
import { count, port, text } from './variables.ts';

/** The address that a process of ours listens on. */
export const host = text
  .default('127.0.0.1')
  // As it stands in a URL.
  .transform((value) => value.replace(/^\[(.*)\]$/, '$1'))
  .meta({
    description: 'The address to listen on, IPv4 or IPv6, or a name of this machine',
    cure: '0.0.0.0 or :: to be reached from other machines',
  });

export const api = z
  .object({
    PORT: port.default(3000).meta({ description: 'Where the API listens', cure: 'a free port' }),
    HOST: host,
    KONSTRUCT_AGENTS_PER_TENANT: count.default(100).meta({ description: 'Agents that a tenant may have' }),
    KONSTRUCT_WAITING_REQUESTS: count.default(500).meta({
      description:
        'Requests of a tenant that is alone that one API process lets wait for replies or erasures at the same ' +
        'time. Tenants that are there together share them out; what is over is answered at once',
    }),
    KONSTRUCT_MODELS: text.optional().meta({
      description:
        'The embedding model, a folder that holds `Xenova/all-MiniLM-L6-v2`: loaded when somebody first ' +
        'searches a memory or previews a prompt',
      cure: 'what the worker has',
      unset: 'memories can’t be searched, and a preview has the window alone',
    }),
    TEMPORAL_UI_URL: z
      .url({ protocol: /^https?$/, error: 'is no URL of http or https' })
      .optional()
      .meta({
        description: 'Temporal’s Web UI, as those who use the console reach it',
        cure: 'a URL',
        unset: 'the console shows no link to it',
      }),
    KONSTRUCT_HOLD_FOLLOWERS_MS: count.default(30_000).meta({
      description:
        'How long a message waits for the one before it in the same conversation to be answered, in ms',
    }),
    LLM_MAX_PROMPT_TOKENS: count
      .max(MAX_PROMPT_TOKENS)
      .default(DEFAULT_MAX_PROMPT_TOKENS)
      .meta({
        description: 'The largest prompt, in tokens, for agents that have no limit of their own',
        cure: `at most ${MAX_PROMPT_TOKENS}, which is what a turn may carry`,
      }),
  })
  .meta({ title: 'API' })
  .transform((read) => ({
    port: read.PORT,
    host: read.HOST,
    agentsPerTenant: read.KONSTRUCT_AGENTS_PER_TENANT,
    /** Undefined: memories can't be searched. */
    modelsPath: read.KONSTRUCT_MODELS,
    temporalUiUrl: read.TEMPORAL_UI_URL,
    waitingRequests: read.KONSTRUCT_WAITING_REQUESTS,
    holdFollowersMs: read.KONSTRUCT_HOLD_FOLLOWERS_MS,
    maxPromptTokens: read.LLM_MAX_PROMPT_TOKENS,
  }));
