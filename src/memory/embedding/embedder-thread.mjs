/**
 * The worker thread that holds the model. Plain JavaScript: it runs without a loader, under jest too.
 */
import { workerData } from 'node:worker_threads';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { env, pipeline } from '@xenova/transformers';

const MODEL = 'Xenova/all-MiniLM-L6-v2';
const options = workerData[1] ?? workerData;

env.localModelPath = options.modelsPath;
env.allowLocalModels = true;
env.allowRemoteModels = false;

// transformers.js hands the model over as bytes, and this onnxruntime ignores session options then: it
// spins a thread per core for texts that one thread embeds in about the same time. By path it obeys.
const create = ort.InferenceSession.create;
ort.InferenceSession.create = () =>
  create(path.join(options.modelsPath, MODEL, 'onnx', 'model.onnx'), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });

const { tokenizer, model } = await pipeline('feature-extraction', MODEL, { quantized: false });

/**
 * Mean-pooled and normalised here: the library's own pooling reads each number through a Proxy, which took a fifth of
 * this thread's time.
 * @param {string[]} texts
 * @returns {Promise<Float32Array[]>} one embedding of 384 numbers a text
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
