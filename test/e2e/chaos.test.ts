/**
 * A short run of `npm run chaos`: real processes are killed, paused and kept down, then the state is audited.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, jest, test } from '@jest/globals';

jest.setTimeout(300_000);

const CHAOS = fileURLToPath(new URL('../chaos/main.ts', import.meta.url));

async function chaos(...args: string[]): Promise<{ code: number | null; output: string }> {
  const on = process.env['KONSTRUCT_TEST_CLUSTER'] ? ['--cluster'] : [];
  const child = spawn(process.execPath, [CHAOS, ...args, ...on], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, output };
}

test('with any process killed and a hostile tenant beside, every message is answered, in its window and remembered exactly once', async () => {
  const { code, output } = await chaos('--minutes', '0.4', '--seed', '2', '--hostile');
  if (code !== 0) throw new Error(output);
  expect(output).toMatch(/\| replied exactly once \| 70 of 70 \|/);
  expect(output).toMatch(/\| exactly two memories, in their scope \| 70 of 70 \|/);
  expect(output).toMatch(/\| differences \| 0 \|/);
});

// Not Temporal: a start that it may have taken is waited for, ten minutes long.
test('with processes killed, every erasure ends once, and nothing of what it forgot comes back', async () => {
  const { code, output } = await chaos(
    '--minutes',
    '0.4',
    '--seed',
    '3',
    '--forget',
    '--kill',
    'worker,redis,postgres',
  );
  if (code !== 0) throw new Error(output);
  expect(output).toMatch(/\| erasures that ended once \| (\d+) of \1 \|/);
  expect(output).toMatch(/\| forgotten in every store \| ([1-9]\d*) of \1 \|/);
  expect(output).toMatch(/\| differences \| 0 \|/);
});

test('an unknown process is refused in one line', async () => {
  const { code, output } = await chaos('--kill', 'worker,moon');
  expect(code).toBe(1);
  expect(output.trim().split('\n')).toEqual([
    expect.stringMatching(/--kill moon: must be one of worker, api/),
  ]);
});
