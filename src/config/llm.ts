import { z } from 'zod';
import { text } from './variables.ts';

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
    LLM_API_KEY: text.default('none').meta({ description: 'Its API key' }),
  })
  .meta({ title: 'Language model' })
  .transform((read) => ({ baseUrl: read.LLM_BASE_URL, model: read.LLM_MODEL, apiKey: read.LLM_API_KEY }));
