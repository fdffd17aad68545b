import { rejectionOf } from './model-answers.ts';
import { fault, good, reasonOf, type Finding, type Patient } from './finding.ts';
import { llmConfig } from '../../src/config/index.ts';
import { createLlmClient } from '../../src/llm/client.ts';
import { createEmbedder } from '../../src/memory/embedding/embedder.ts';

/** A server may load the model first. */
const ANSWER_WITHIN_MS = 60_000;
const DOCTOR = 'doctor';

/** Each model is asked for one word, as a worker asks: nothing else says whether name and key are right. */
export async function checkModels({ env }: Patient): Promise<Finding[]> {
  let config: ReturnType<typeof llmConfig>;
  try {
    config = llmConfig(env);
  } catch {
    return []; // said among the settings
  }
  const client = createLlmClient(config);
  const found: Finding[] = [];
  for (const model of config.models) {
    const startedAt = performance.now();
    try {
      await client.complete({
        tenantId: DOCTOR,
        agentId: DOCTOR,
        model,
        messages: [{ role: 'user', content: 'Answer with the word yes.' }],
        limits: { withinMs: ANSWER_WITHIN_MS, silenceMs: ANSWER_WITHIN_MS },
      });
      found.push(good(`${model} answers, in ${Math.round(performance.now() - startedAt)} ms`));
    } catch (error) {
      found.push(rejectionOf(error, model, config.baseUrl));
    }
  }
  return found;
}

/** The embedding model, as a worker loads it. */
export async function checkEmbedding({ env }: Patient): Promise<Finding[]> {
  const modelsPath = env['KONSTRUCT_MODELS'];
  if (!modelsPath) return [];
  try {
    const embedder = await createEmbedder({ modelsPath });
    await embedder.embed('yes', { tenantId: DOCTOR, userId: DOCTOR, priority: 'query' });
    await embedder.close();
    return [good('the embedding model loads')];
  } catch (error) {
    return [
      fault(
        `the embedding model does not load from ${modelsPath} (${reasonOf(error)})`,
        'set KONSTRUCT_MODELS to a folder with Xenova/all-MiniLM-L6-v2; node local/fetch-model.mjs FOLDER fetches it',
      ),
    ];
  }
}
