/**
 * `npm run histories:record -- NAME WORKFLOW_ID`: adds a workflow's history to the committed set, which the
 * replay test runs against every change of the code. It never overwrites one: the code must go on replaying
 * every recorded history.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { replayConfig } from '../src/config/index.ts';
import { connectClient } from '../src/temporal/connection.ts';
import { operatorEnvironment } from './replay/environment.ts';

const FOLDER = fileURLToPath(new URL('../test/replay/histories/', import.meta.url));

const [name, workflowId] = process.argv.slice(2);
if (!name || !/^[a-z0-9-]+$/.test(name) || !workflowId) {
  console.error('usage: npm run histories:record -- NAME WORKFLOW_ID   (NAME: lower case, digits, hyphens)');
  process.exit(2);
}
const client = await connectClient(replayConfig(await operatorEnvironment()).temporal);
const history = await client.workflow.getHandle(workflowId).fetchHistory();
await mkdir(FOLDER, { recursive: true });
const file = path.join(FOLDER, `${name}.json`);
await writeFile(file, `${historyToJSON(history)}\n`, { flag: 'wx' }).catch((error: unknown) => {
  if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
    console.error(`${file} already exists: choose a new name, recorded histories are never replaced`);
    process.exit(1);
  }
  throw error;
});
console.log(file);
await client.connection.close();
