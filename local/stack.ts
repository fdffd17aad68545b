// `npm run stack [-- --cluster]`: starts the backing services alone. Writes their URLs
// to standard output as NAME=value lines, and progress to standard error.
import path from 'node:path';
import { clusterOption } from './stack/cluster-option.ts';
import { writePids, writeStackEnv } from './stack/home-files.ts';
import { startStack } from './stack/index.ts';
import { homeDirectory } from '../src/config/installation.ts';
import { runUntilStopped } from './stack/run-until-stopped.ts';

const home = homeDirectory(process.env);
const cluster = clusterOption();

await runUntilStopped(async (onHandle) => {
  const stack = await startStack({
    home,
    want: ['postgres', 'redis', 'temporal', 'model'],
    cluster,
    env: process.env,
    onHandle,
    onPids: (pids) => writePids(home, pids),
  });
  process.stdout.write(writeStackEnv(home, stack.urls));
  process.stderr.write(`  running; logs are in ${path.join(home, 'logs')}, Ctrl-C stops everything\n`);
});
