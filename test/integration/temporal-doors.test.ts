/** What a web page in a browser on this machine can do with the local Temporal server. */
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '../../local/stack/index.ts';
import { NO_KEYS } from '../../src/config/index.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { isKnown } from '../support/forget-workflow.ts';

let home: string;
let stack: Stack;
beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-doors-'));
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  stack = await startStack({ home, want: ['temporal'], env, ephemeral: true, log: () => undefined });
});
afterAll(async () => {
  await stack.stop();
  await rm(home, { recursive: true, force: true });
});

/** The ports at which a process listens, from /proc. */
async function portsOf(pid: number): Promise<number[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(path.join(folder, fd)).catch(() => '')),
  );
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    return state === '0A' && inodes.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
  });
}

/** A POST as a page makes it without asking anybody first, under the host that its address bar shows. */
function postAsPage(port: number, at: string, host: string): Promise<number | undefined> {
  const headers = { host, origin: 'http://evil.example', 'content-type': 'text/plain' };
  return new Promise((resolve) => {
    const sent = request(
      { port, host: '127.0.0.1', method: 'POST', path: at, headers, timeout: 3_000 },
      (res) => {
        res.resume();
        resolve(res.statusCode);
      },
    );
    // A port of gRPC hangs up.
    sent.on('error', () => resolve(undefined)).on('timeout', () => sent.destroy());
    sent.end(JSON.stringify({ workflowType: { name: 'Forged' }, taskQueue: { name: 'forged' } }));
  });
}

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a page’s request starts no workflow, at whichever port and under whichever name', async () => {
  const ports = await portsOf(stack.pids()['temporal'] ?? 0);
  // gRPC, HTTP, the Web UI at least.
  expect(ports.length).toBeGreaterThanOrEqual(3);
  const client = lazyClient({ address: stack.urls.TEMPORAL_ADDRESS ?? '', namespace: 'default' }, NO_KEYS);
  const statuses: Array<number | undefined> = [];
  for (const port of ports) {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `evil.example:${port}`])
      statuses.push(await postAsPage(port, '/api/v1/namespaces/default/workflows/forged', host));
  }
  // The HTTP API was among them, and refused.
  expect(statuses).toContain(403);
  expect(await isKnown(client, 'forged')).toBe(false);
  await client.connection.close();
});
