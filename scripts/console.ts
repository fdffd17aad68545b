/**
 * `npm run console:build` builds the console's page where its sources have changed. `npm run console:dev`
 * serves it as it is edited, beside an API that runs already (`npm start`, or the one at KONSTRUCT_API).
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildConsole, VITE } from '../local/console.ts';

if (process.argv.includes('--dev')) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const child = spawn(process.execPath, [VITE, 'console'], { cwd: root, stdio: 'inherit' });
  child.on('exit', (code) => process.exit(code ?? 0));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
} else {
  await buildConsole();
  console.log('the console is built: console/dist');
}
