import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';

const SOURCE = fileURLToPath(new URL('..', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/konstruct/', import.meta.url));
const WORKFLOWS = path.join(SOURCE, 'workflows', 'index.ts');
/** All that workflows import. */
const BUNDLED_FOLDERS = ['workflows', 'domain'];

/**
 * The workflows' code for the sandbox. Bundling takes some 4 s, so the result is kept, by a hash of the
 * sources and of the SDK's version, and made anew only when one of them has changed. `interceptorModules`
 * (absolute paths) are bundled with the workflows and see their calls.
 *
 * The workflows' modules are evaluated once a thread and shared (`preloadModules`), as the SDK's are, not once an execution:
 * that took 1.8 CPU-ms each. So none of them may hold state of its own (eslint.config.mjs sees the usual forms of it).
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
    logger: new DefaultLogger('WARN'),
  });
  await mkdir(CACHE, { recursive: true });
  // Written aside and renamed: another process never reads half a bundle.
  const aside = `${cached}.${process.pid}`;
  await writeFile(aside, bundle.code);
  await rename(aside, cached);
  return { code: bundle.code };
}

async function hashSources(interceptorModules: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const sdk = new URL('../../node_modules/@temporalio/worker/package.json', import.meta.url);
  hash.update(await readFile(sdk));
  for (const module of interceptorModules) hash.update(module).update(await readFile(module));
  for (const folder of BUNDLED_FOLDERS) {
    const names = await readdir(path.join(SOURCE, folder), { recursive: true });
    for (const name of names.filter((each) => path.extname(each) === '.ts').sort()) {
      hash.update(name).update(await readFile(path.join(SOURCE, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
