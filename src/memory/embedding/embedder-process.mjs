/** The process that runs the model. Plain JavaScript, so that it needs no loader under jest. */
import os from 'node:os';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { AutoTokenizer, env } from '@xenova/transformers';
import { wordPieces } from './word-pieces.mjs';

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
tokenizer.model.encode = wordPieces(tokenizer.model);

/** What the model reads at once. */
const ROW_PLACES = 512;
/** The two special tokens around a row. */
const [begin, end] = tokenizer.encode('');

/**
 * The tokens of a text's parts, in rows of as many parts as the model reads at once. Of a part that is longer
 * than `tokensEach`, or than the model can read, its beginning counts.
 * @param {{ parts: string[], tokensEach: number }} text
 * @returns {Array<{ places: number, parts: number[][] }>} `places` counts the tokens around the parts, too
 */
function rowsOf({ parts, tokensEach }) {
  const around = [begin, end].length;
  const most = Math.min(tokensEach, ROW_PLACES - around);
  const rows = [{ places: around, parts: [] }];
  for (const part of parts) {
    const tokens = tokenizer.encode(part, null, { add_special_tokens: false }).slice(0, most);
    if (rows.at(-1).places + tokens.length > ROW_PLACES) rows.push({ places: around, parts: [] });
    const row = rows.at(-1);
    row.parts.push(tokens);
    row.places += tokens.length;
  }
  return rows;
}

/**
 * Runs rows of parts through the model together, each as long as the longest. The pooling is done here
 * because the library's own reads each number through a Proxy, which is slow.
 * @param {number[][][]} rows
 * @returns {Promise<Float32Array[][]>} of each row the sums over the tokens of each part, and last those over
 * the tokens around them
 */
async function read(rows) {
  const { data, width, tokens } = await run(rows.map((parts) => [begin, ...parts.flat(), end]));
  return rows.map((parts, row) => {
    const around = new Float32Array(width);
    const add = (sum, from, count) => {
      for (let token = row * tokens + from; token < row * tokens + from + count; token += 1)
        for (let d = 0; d < width; d += 1) sum[d] += data[token * width + d];
      return sum;
    };
    add(around, 0, 1);
    let at = 1;
    const sums = parts.map(({ length }) => {
      at += length;
      return add(new Float32Array(width), at - length, length);
    });
    return [...sums, add(around, at, 1)];
  });
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

process.on('message', async ({ id, text, rows }) => {
  try {
    process.send?.({ id, found: text ? rowsOf(text) : await read(rows) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
process.send?.({ ready: true });
