/** The process that runs the model. Plain JavaScript, so that it needs no loader under jest. */
import os from 'node:os';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { env, pipeline } from '@xenova/transformers';

const MODEL = 'Xenova/all-MiniLM-L6-v2';
const [, , modelsPath = '', niceness = '0'] = process.argv;

// Before the model's own threads begin.
if (niceness !== '0') os.setPriority(Number(niceness));

// A signal to the whole process group is for the service: it drains, and then lets go of this process.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit());

env.localModelPath = modelsPath;
env.allowLocalModels = true;
env.allowRemoteModels = false;

// transformers.js passes the model as bytes, for which this version of
// onnxruntime ignores session options and uses a thread per core. Passing the
// path makes it use one thread, which embeds short texts about as fast.
const create = ort.InferenceSession.create;
ort.InferenceSession.create = () =>
  create(path.join(modelsPath, MODEL, 'onnx', 'model.onnx'), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });

const { tokenizer, model } = await pipeline('feature-extraction', MODEL, { quantized: false });

/**
 * Embeds texts, mean-pooled and normalised. The pooling is done here because the library's own reads each
 * number through a Proxy, which is slow.
 * @param {string[]} texts
 * @returns {Promise<Float32Array[]>} an embedding of 384 numbers for each text
 */
async function embed(texts) {
  const inputs = tokenizer(texts, { padding: true, truncation: true });
  const { last_hidden_state: hidden } = await model(inputs);
  const [, tokens, width] = hidden.dims;
  const { data } = hidden;
  const attention = inputs.attention_mask.data;
  return texts.map((_, i) => {
    const sum = new Float32Array(width);
    for (let token = i * tokens; token < (i + 1) * tokens; token += 1) {
      if (!attention[token]) continue;
      for (let d = 0; d < width; d += 1) sum[d] += data[token * width + d];
    }
    const length = Math.hypot(...sum);
    return sum.map((value) => value / length);
  });
}

process.on('message', async ({ id, texts }) => {
  try {
    process.send?.({ id, embeddings: await embed(texts) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
process.send?.({ ready: true });
