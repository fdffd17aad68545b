/** The commands of PRIVACY that import files: which answers they ask again after. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { readBody, serve } from '../support/http-server.ts';

test('a file that has no place is sent again, and one that is refused ends the loop', async () => {
  const privacy = await readFile(new URL('../../docs/PRIVACY.md', import.meta.url), 'utf8');
  const [, commands = ''] = /```sh\n([^`]*\$NEW\/v1[^`]*)```/.exec(privacy) ?? [];
  const answers = [409, 503, 202, 413];
  const sent: string[] = [];
  const server = await serve(async (req, res) => {
    sent.push(await readBody(req));
    res.writeHead(answers[sent.length - 1] ?? 202, { 'retry-after': '1' }).end('{}');
  });
  const cwd = await mkdtemp(path.join(os.tmpdir(), 'konstruct-import-'));
  try {
    for (const name of ['1', '2', '3']) await writeFile(path.join(cwd, `ada.part-00${name}.ndjson`), name);
    const env = { ...process.env, NEW: server.url, NEW_KEY: 'k', NEW_AGENT: 'a' };
    // Nobody waits here.
    await promisify(execFile)('sh', ['-c', `sleep() { :; }\n${commands}`], { cwd, env });
    expect(sent).toEqual(['1', '1', '1', '2']);
  } finally {
    await rm(cwd, { recursive: true });
    await server.close();
  }
});
