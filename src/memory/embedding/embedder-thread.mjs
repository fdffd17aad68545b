/** The worker thread that runs the model. Plain JavaScript, so that it needs no loader under jest. */
import { workerData } from 'node:worker_threads';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { env, pipeline } from '@xenova/transformers';

const MODEL = 'Xenova/all-MiniLM-L6-v2';
const options = workerData[1] ?? workerData;

env.localModelPath = options.modelsPath;
env.allowLocalModels = true;
env.allowRemoteModels = false;

// transformers.js passes the model as bytes, for which this version of
// onnxruntime ignores session options and uses a thread per core. Passing the
// path makes it use one thread, which embeds short texts about as fast.
const create = ort.InferenceSession.create;
ort.InferenceSession.create = () =>
  create(path.join(options.modelsPath, MODEL, 'onnx', 'model.onnx'), {
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
export default async function embed(texts) {
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
