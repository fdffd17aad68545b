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

const extract = await pipeline('feature-extraction', MODEL, { quantized: false });

/**
 * @param {string[]} texts
 * @returns {Promise<Float32Array[]>} one embedding of 384 numbers a text, mean-pooled and normalised
 */
export default async function embed(texts) {
  const { data, dims } = await extract(texts, { pooling: 'mean', normalize: true });
  const width = dims[1];
  return texts.map((_, i) => Float32Array.from(data.subarray(i * width, (i + 1) * width)));
}
