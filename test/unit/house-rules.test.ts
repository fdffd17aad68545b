/** The linter and the import checker refuse what they are there to refuse. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

// Without the rules that need types: reading the whole project for them takes half a minute.
const eslint = new ESLint({
  cwd: ROOT,
  ruleFilter: ({ ruleId }) => ruleId.startsWith('no-restricted-'),
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
});
/** What the linter says of `code` in the place of a file. */
const complaints = async (file: string, code: string) => {
  const [result] = await eslint.lintText(code, { filePath: path.join(ROOT, file) });
  return result?.messages.map(({ ruleId }) => ruleId) ?? [];
};

test.each(["fetch('/v1/agents')", "new EventSource('/v1/agents')"])(
  '%s in the console goes past the client of the API',
  async (call) => {
    const code = `export const sent = ${call};\n`;
    expect(await complaints('console/src/pages/chat/chat-page.tsx', code)).toContain('no-restricted-globals');
    expect(await complaints('console/src/api/client.ts', code)).toEqual([]);
  },
);

test('a statement outside of transactions, which Postgres would never end, fails in src', async () => {
  const code = "export const asked = pool.query('SELECT 1');\n";
  expect(await complaints('src/api/readiness.ts', code)).toContain('no-restricted-properties');
});

describe('the environment is read by entry points alone', () => {
  test.each([
    ["export const url = process.env['REDIS_URL'];\n", 'no-restricted-properties'],
    ['const { env } = process;\nexport const url = env;\n', 'no-restricted-properties'],
    ["export const url = globalThis.process.env['REDIS_URL'];\n", 'no-restricted-properties'],
    ["import { env } from 'node:process';\nexport const url = env['REDIS_URL'];\n", 'no-restricted-imports'],
    ["import own from 'process';\nexport const url = own.env['REDIS_URL'];\n", 'no-restricted-imports'],
    ['const own = process;\nexport const url = own;\n', 'no-restricted-syntax'],
  ])('%j fails in src/memory', async (code, rule) => {
    expect(await complaints('src/memory/window/window.ts', code)).toContain(rule);
  });

  test('it fails in plain JavaScript, too', async () => {
    const code = "export const url = process.env['REDIS_URL'];\n";
    expect(await complaints('src/memory/embedding/embedder-thread.mjs', code)).toContain(
      'no-restricted-properties',
    );
  });

  test('an entry point may', async () => {
    const code = "export const url = process.env['REDIS_URL'];\n";
    expect(await complaints('src/worker.ts', code)).toEqual([]);
  });
});

describe('the import checker', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-imports-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Runs the checker with the project's table over a `src` of these files. */
  const check = async (files: Record<string, string>) => {
    await writeFile(path.join(folder, 'tsconfig.json'), '{}');
    for (const [name, code] of Object.entries(files)) {
      const file = path.join(folder, 'src', name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, code);
    }
    const command = path.join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
    const args = [command, '--config', path.join(ROOT, '.dependency-cruiser.mjs'), 'src'];
    return new Promise<{ fails: boolean; output: string }>((resolve) => {
      execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) =>
        resolve({ fails: error !== null, output: stdout + stderr }),
      );
    });
  };

  const CLEAN = {
    'domain/turn.ts': 'export const turn = 1;\n',
    'channels/channel.ts': "import { turn } from '../domain/turn.ts';\nexport const channel = turn;\n",
  };

  test('passes what keeps to its row', async () => {
    expect(await check(CLEAN)).toMatchObject({ fails: false });
  });

  test('fails an import that the row doesn’t have', async () => {
    const { fails, output } = await check({
      ...CLEAN,
      'domain/reply.ts': "import { channel } from '../channels/channel.ts';\nexport const reply = channel;\n",
    });
    expect(output).toContain('domain-imports-only-its-row');
    expect(fails).toBe(true);
  });

  test('fails a folder without a row', async () => {
    const { fails, output } = await check({ ...CLEAN, 'elsewhere/new.ts': 'export const fresh = 1;\n' });
    expect(output).toContain('src/elsewhere has no row');
    expect(fails).toBe(true);
  });
});
