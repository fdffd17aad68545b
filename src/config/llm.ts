import { z } from 'zod';
import { DEFAULT_MAX_OUTPUT_TOKENS } from '../domain/prompt.ts';
import { LLM_SILENCE_MS, LLM_WITHIN_MS } from '../domain/timing.ts';
import { count, text } from './variables.ts';

const LLM_MODELS = text
  .default('')
  .transform((value) => value.split(',').map((name) => name.trim()))
  .meta({
    description: 'The models that agents may name besides `LLM_MODEL`, separated by commas',
    cure: 'names of models that LLM_BASE_URL serves',
    unset: 'agents may name none but `LLM_MODEL`',
  });

/** The models that agents may name, without repeats. */
const offered = (model: string | undefined, models: readonly string[]): readonly string[] => [
  ...new Set([model ?? '', ...models].filter((name) => name !== '')),
];

/** What the API knows of the model: which names it may let agents have. */
export const models = z
  .object({
    LLM_MODEL: text.optional().meta({
      description: 'The model of agents that name none',
      cure: 'the name of a model that LLM_BASE_URL serves',
      unset: 'required by the worker',
    }),
    LLM_MODELS,
  })
  .meta({ title: 'Language model' })
  .transform((read) => offered(read.LLM_MODEL, read.LLM_MODELS));

export const llm = z
  .object({
    LLM_BASE_URL: text.meta({
      description: 'The server of the language model',
      cure: 'any OpenAI-compatible server, e.g. http://127.0.0.1:8080/v1',
    }),
    LLM_MODEL: text.meta({
      description: 'The model of agents that name none',
      cure: 'the name of a model that LLM_BASE_URL serves',
    }),
    LLM_MODELS,
    LLM_API_KEY: text.default('none').meta({ description: 'Its API key' }),
    LLM_FIRST_BYTE_TIMEOUT_MS: count
      .max(LLM_WITHIN_MS)
      .default(LLM_SILENCE_MS)
      .meta({
        description: 'How long it may be silent, before its first byte and between two, in ms',
        cure: `a whole number up to ${LLM_WITHIN_MS}`,
      }),
    LLM_TIMEOUT_MS: count
      .max(LLM_WITHIN_MS)
      .default(LLM_WITHIN_MS)
      .meta({
        description: 'How long one answer may take, in ms',
        cure: `a whole number up to ${LLM_WITHIN_MS}`,
      }),
    LLM_CONTEXT_TOKENS: count.optional().meta({
      description: 'What the model’s context holds, prompt and answer together, in its own tokens',
      cure: 'the size that the model is served with',
      unset: 'learned from the server’s refusals',
    }),
    LLM_MAX_OUTPUT_TOKENS: count.default(DEFAULT_MAX_OUTPUT_TOKENS).meta({
      description: 'The largest answer, its thoughts included, in tokens',
    }),
  })
  .meta({ title: 'Language model' })
  .transform((read) => ({
    baseUrl: read.LLM_BASE_URL,
    model: read.LLM_MODEL,
    /** Those that agents may name. */
    models: offered(read.LLM_MODEL, read.LLM_MODELS),
    apiKey: read.LLM_API_KEY,
    /** For agents that set none of their own. */
    limits: {
      silenceMs: read.LLM_FIRST_BYTE_TIMEOUT_MS,
      withinMs: read.LLM_TIMEOUT_MS,
      contextTokens: read.LLM_CONTEXT_TOKENS,
      maxOutputTokens: read.LLM_MAX_OUTPUT_TOKENS,
    },
  }));
