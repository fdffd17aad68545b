/**
 * `npm run console:build` checks the console against the API's types, and builds its page where its sources
 * have changed. `npm run console:dev` serves it as it is edited, beside an API that runs already
 * (`npm start`, or the one at KONSTRUCT_API).
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildConsole, VITE } from '../local/console.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program of ours to its end; when it fails it has said why. */
function run(file: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

run('scripts/console-types.ts');
if (process.argv.includes('--dev')) {
  const child = spawn(process.execPath, [VITE, 'console'], { cwd: ROOT, stdio: 'inherit' });
  child.on('exit', (code) => process.exit(code ?? 0));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
} else {
  run('node_modules/typescript/bin/tsc', '-p', 'console');
  await buildConsole();
  console.log('the console is built: console/dist');
}
