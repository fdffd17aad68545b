/** The API at whatever address HOST names. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { requireFreePort } from '../../local/stack/ports.ts';
import { baseUrlOf } from '../../src/lib/address.ts';
import { eventually } from '../support/eventually.ts';
import { startInstallation } from '../support/installation.ts';
import { createProcesses, type Processes } from '../support/processes.ts';

jest.setTimeout(60_000);

let processes: Processes;
beforeAll(async () => {
  processes = await createProcesses();
});
afterAll(() => processes.close());

test.each(['::1', '::', '0.0.0.0', 'localhost'])('the API starts at HOST=%s', async (host) => {
  const port = Number(new URL(processes.baseUrl).port);
  // A machine without IPv6.
  const can = await requireFreePort('PORT', String(port), host).catch(() => undefined);
  if (host.includes(':') && can === undefined) return;
  const api = processes.start('api', { HOST: host });
  const isUp = () =>
    fetch(`${baseUrlOf(host, port)}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually(isUp, { timeoutMs: 30_000, what: `an API at ${host}` });
  expect(await api.terminate()).toBe(0);
});

test('an address of another machine ends the start with one line', async () => {
  const api = processes.start('api', { HOST: '192.0.2.1' });
  expect((await api.exit)[0]).toBe(1);
  expect(api.output()).toMatch(/HOST=192\.0\.2\.1 is no address of this machine: set it to/);
  const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-host-'));
  await expect(startInstallation(home, { HOST: '192.0.2.1' })).rejects.toThrow(
    /HOST=192\.0\.2\.1 is no address of this machine: set it to/,
  );
  expect(await readdir(home)).not.toContain('postgres');
  await rm(home, { recursive: true, force: true });
});
