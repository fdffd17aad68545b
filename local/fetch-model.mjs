/**
 * all-MiniLM-L6-v2 (fp32) in the layout that the worker reads, from the model hub. Weights and vocabulary are
 * pinned by revision and hash: whatever the source, no other bytes are used.
 *
 * `node local/fetch-model.mjs FOLDER` needs no packages.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export const MODEL = 'Xenova/all-MiniLM-L6-v2';
const HUB = 'https://huggingface.co';
const REVISION = '751bff37182d3f1213fa05d7196b954e230abad9';
const SHA256 = {
  'onnx/model.onnx': '759c3cd2b7fe7e93933ad23c4c9181b7396442a2ed746ec7c1d46192c469c46e',
  'tokenizer.json': 'da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0',
};
const ANSWER_WITHIN_MS = 4_000;
const FETCHED_WITHIN_MS = 10 * 60_000;

// What the model is; it goes with the weights, whichever source they have.
const CONFIG = {
  architectures: ['BertModel'],
  model_type: 'bert',
  attention_probs_dropout_prob: 0.1,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  hidden_size: 384,
  initializer_range: 0.02,
  intermediate_size: 1536,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 512,
  num_attention_heads: 12,
  num_hidden_layers: 6,
  pad_token_id: 0,
  position_embedding_type: 'absolute',
  type_vocab_size: 2,
  vocab_size: 30_522,
};
const TOKENIZER_CONFIG = {
  tokenizer_class: 'BertTokenizer',
  do_lower_case: true,
  do_basic_tokenize: true,
  tokenize_chinese_chars: true,
  strip_accents: null,
  never_split: null,
  model_max_length: 512,
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};

/**
 * Fetches the model into a folder. Rejects when the hub doesn't answer, or answers with other bytes.
 * @param {string} folder
 * @param {{ hub?: string, signal?: AbortSignal }} [options]
 */
export async function fetchModel(folder, { hub = HUB, signal = new AbortController().signal } = {}) {
  const get = async (file, method, withinMs) => {
    const url = `${hub}/${MODEL}/resolve/${REVISION}/${file}`;
    const within = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    const response = await fetch(url, { method, signal: within });
    if (!response.ok) throw new Error(`the model hub answers ${response.status} to ${url}`);
    return Buffer.from(await response.arrayBuffer());
  };
  await get('tokenizer.json', 'HEAD', ANSWER_WITHIN_MS);
  for (const file of Object.keys(SHA256)) placeFile(folder, file, await get(file, 'GET', FETCHED_WITHIN_MS));
  placeConfiguration(folder);
}

/**
 * Writes a file of the model to its place, if it is the one that is pinned.
 * @param {string} folder
 * @param {keyof typeof SHA256} file
 * @param {Buffer} bytes
 */
export function placeFile(folder, file, bytes) {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== SHA256[file]) throw new Error(`${file} has the wrong sha256 (${found}) and is not used`);
  write(folder, file, bytes);
}

/**
 * Writes what describes the model.
 * @param {string} folder
 */
export function placeConfiguration(folder) {
  write(folder, 'config.json', JSON.stringify(CONFIG, null, 2) + '\n');
  write(folder, 'tokenizer_config.json', JSON.stringify(TOKENIZER_CONFIG, null, 2) + '\n');
}

function write(folder, file, content) {
  const target = path.join(folder, MODEL, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, content);
}

if (import.meta.main) await fetchModel(process.argv[2] ?? './models');
