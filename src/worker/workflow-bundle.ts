import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import { FAILURE_CONVERTER } from '../temporal/data-converter.ts';

const SOURCE = fileURLToPath(new URL('..', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/konstruct/', import.meta.url));
const WORKFLOWS = path.join(SOURCE, 'workflows', 'index.ts');
/** The only folders of `src` that workflows import at run time. */
const BUNDLED_FOLDERS = ['workflows', 'domain'];

/**
 * The workflows' code for the sandbox. Bundling takes seconds, so the result is
 * cached by a hash of the sources and the SDK's version. `interceptorModules`
 * (absolute paths) are bundled with the workflows and intercept their calls.
 *
 * `preloadModules` evaluates the workflows' modules once per thread, not once per execution, which saves
 * processor time. All executions in a thread share these modules, so a module must not have mutable state
 * (eslint.config.mjs rejects its usual forms).
 */
export async function workflowBundle(
  options: { interceptorModules?: readonly string[] } = {},
): Promise<WorkflowBundle> {
  const interceptorModules = options.interceptorModules ?? [];
  const cached = path.join(CACHE, `workflows-${await hashSources(interceptorModules)}.js`);
  const code = await readFile(cached, 'utf8').catch(() => undefined);
  if (code !== undefined) return { code };
  const bundle = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    workflowInterceptorModules: [...interceptorModules],
    preloadModules: [WORKFLOWS],
    failureConverterPath: FAILURE_CONVERTER,
    logger: new DefaultLogger('WARN'),
  });
  await mkdir(CACHE, { recursive: true });
  // Written under another name and renamed, so that another process never reads half a bundle.
  const temporary = `${cached}.${process.pid}`;
  await writeFile(temporary, bundle.code);
  await rename(temporary, cached);
  return { code: bundle.code };
}

async function hashSources(interceptorModules: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const sdk = new URL('../../node_modules/@temporalio/worker/package.json', import.meta.url);
  hash.update(await readFile(sdk));
  for (const module of [FAILURE_CONVERTER, ...interceptorModules])
    hash.update(module).update(await readFile(module));
  for (const folder of BUNDLED_FOLDERS) {
    const names = await readdir(path.join(SOURCE, folder), { recursive: true });
    for (const name of names.filter((each) => path.extname(each) === '.ts').sort()) {
      hash.update(name).update(await readFile(path.join(SOURCE, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
