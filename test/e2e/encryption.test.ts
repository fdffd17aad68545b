/** An installation's files after a turn: none of its words is in what Temporal keeps, in a log or metric. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';
import { parseEnv } from 'node:util';
import { eventually } from '../support/eventually.ts';
import { startFakeLlm } from '../support/fake-llm.ts';
import { startInstallation, temporalFolder, type Installation } from '../support/installation.ts';
import { createApiClient } from '../support/api-client.ts';

jest.setTimeout(180_000);

const MESSAGE = 'tanzanitemessage';
const REPLY = 'feldsparreply';
const NAME = 'Rhodonitename';
const PROMPT = 'hematiteprompt';
/** Controls: these stand in Temporal's files in clear, so the search would find the others. */
const ENCODING = 'binary/encrypted';
const USER = 'user-sodalite';

let installation: Installation | undefined;
let home = '';
const llm = await startFakeLlm();
afterAll(async () => {
  await installation?.interrupt();
  await rm(home, { recursive: true, force: true });
  await llm.close();
});

/** The files below a folder that hold a word, as UTF-8. */
async function filesWith(folder: string, word: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const found = await Promise.all(
    files.map(async (file) => ((await readFile(file)).includes(word) ? [path.relative(home, file)] : [])),
  );
  return found.flat();
}

test('words of a turn are in no file of Temporal’s, in no log and no metric', async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-encryption-'));
  const running = await startInstallation(home, {
    LLM_BASE_URL: llm.baseUrl,
    LLM_MODEL: 'recorded',
    LOG_LEVEL: 'trace',
  });
  installation = running;
  llm.answerWith(() => REPLY);
  const { body: agent } = await createApiClient(running.demo).request('POST', '/v1/agents', {
    name: NAME,
    systemPrompt: PROMPT,
  });
  const client = createApiClient({ ...running.demo, agentId: String(agent['id']) });
  const answer = await client.postMessage(USER, MESSAGE, { prefer: 'wait=60' });
  expect(answer.body).toMatchObject({ state: 'done', reply: { text: REPLY } });
  expect(llm.prompts.at(-1)?.[0]?.content).toContain(PROMPT);
  await eventually(
    async () => ((await client.memoryOf(USER, '?limit=10')).body['memories'] as unknown[]).length === 2,
  );
  // Visibility is written up to a second later.
  const temporal = temporalFolder(home);
  await eventually(async () => (await filesWith(temporal, USER)).length > 0);
  expect(await filesWith(temporal, ENCODING)).not.toEqual([]);
  const metrics = await fetch(`${running.demo.baseUrl}/metrics`).then((response) => response.text());
  for (const word of [MESSAGE, REPLY, NAME, PROMPT]) {
    expect({ word, files: await filesWith(temporal, word) }).toEqual({ word, files: [] });
    expect({ word, files: await filesWith(path.join(home, 'logs'), word) }).toEqual({ word, files: [] });
    expect(metrics).not.toContain(word);
  }

  for (const name of ['secrets.json', 'stack.env'])
    expect(((await stat(path.join(home, name))).mode & 0o777).toString(8)).toBe('600');
  const { KONSTRUCT_ENCRYPTION_KEYS: keys } = parseEnv(await readFile(path.join(home, 'stack.env'), 'utf8'));
  expect(keys).toMatch(/^local:/);
  expect(await filesWith(path.join(home, 'logs'), String(keys).slice(6))).toEqual([]);
});
