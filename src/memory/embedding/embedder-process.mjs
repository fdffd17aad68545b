/** The process that runs the model. Plain JavaScript, so that it needs no loader under jest. */
import os from 'node:os';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { AutoTokenizer, env } from '@xenova/transformers';

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

// By its path: of a model that is given as bytes this version of onnxruntime ignores the options, and uses a
// thread per core. One thread embeds short texts about as fast.
const session = await ort.InferenceSession.create(path.join(modelsPath, MODEL, 'onnx', 'model.onnx'), {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const tokenizer = await AutoTokenizer.from_pretrained(MODEL);

/** What the model reads at once, without the two special tokens around it. */
const MAX_TOKENS = 510;
const [begin, end] = tokenizer.encode('');

/**
 * Runs texts, each given in its parts, through the model together. The pooling is done here because the
 * library's own reads each number through a Proxy, which is slow.
 * @param {Array<{ parts: string[], tokensEach: number }>} texts
 * @returns {Promise<Float32Array[][]>} of each text the sums over the tokens of each part, and last those
 * over the tokens around them. Of a part that is longer than `tokensEach`, or than the model can read, its
 * beginning counts.
 */
async function embed(texts) {
  const windows = texts.flatMap((one, text) => windowsOf(one).map((window) => ({ ...window, text })));
  const rows = windows.map(({ parts }) => [begin, ...parts.flat(), end]);
  const { data, width, tokens } = await run(rows);
  const add = (sum, row, from, count) => {
    for (let token = row * tokens + from; token < row * tokens + from + count; token += 1)
      for (let d = 0; d < width; d += 1) sum[d] += data[token * width + d];
    return count;
  };
  const sums = texts.map(({ parts }) => [...parts, 'around'].map(() => new Float32Array(width)));
  windows.forEach(({ text, first, parts }, row) => {
    const own = sums[text];
    let at = add(own.at(-1), row, 0, 1);
    parts.forEach(({ length }, i) => (at += add(own[first + i], row, at, length)));
    add(own.at(-1), row, at, 1);
  });
  return sums;
}

/**
 * The tokens of a text's parts, as many in a window as the model reads at once; `first` is the first part's
 * number.
 * @param {{ parts: string[], tokensEach: number }} text
 */
function windowsOf(text) {
  const most = Math.min(text.tokensEach, MAX_TOKENS);
  const parts = text.parts.map((part) =>
    tokenizer.encode(part, null, { add_special_tokens: false }).slice(0, most),
  );
  const windows = [{ first: 0, parts: [], left: MAX_TOKENS }];
  parts.forEach((part, i) => {
    if (part.length > windows.at(-1).left) windows.push({ first: i, parts: [], left: MAX_TOKENS });
    const window = windows.at(-1);
    window.parts.push(part);
    window.left -= part.length;
  });
  return windows;
}

/** What the model says of rows of tokens: `width` numbers for each of `tokens` places of each row. */
async function run(rows) {
  const tokens = Math.max(...rows.map(({ length }) => length));
  const tensor = (valueOf) => {
    const data = new BigInt64Array(rows.length * tokens);
    rows.forEach((row, i) => row.forEach((id, at) => (data[i * tokens + at] = BigInt(valueOf(id)))));
    return new ort.Tensor('int64', data, [rows.length, tokens]);
  };
  const { last_hidden_state: hidden } = await session.run({
    input_ids: tensor((id) => id),
    attention_mask: tensor(() => 1),
    token_type_ids: tensor(() => 0),
  });
  return { data: hidden.data, width: hidden.dims[2], tokens };
}

process.on('message', async ({ id, texts }) => {
  try {
    process.send?.({ id, sums: await embed(texts) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
process.send?.({ ready: true });
