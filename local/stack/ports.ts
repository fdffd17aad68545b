import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { hostProblem } from '../../src/lib/address.ts';
import { freePort, isFree } from '../../src/lib/free-port.ts';
import { StackError } from './report.ts';

const FILE = 'ports.json';

function remembered(home: string): Record<string, number> {
  try {
    const parsed: unknown = JSON.parse(fs.readFileSync(path.join(home, FILE), 'utf8'));
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(
      Object.entries(parsed).filter((entry): entry is [string, number] => Number.isInteger(entry[1])),
    );
  } catch {
    return {};
  }
}

/**
 * A loopback port for each name: last time's if it is still free, so that bookmarks and open clients survive
 * a restart, else a random free one. The choice is remembered in `home`. With `afresh`, last time's are not
 * looked at.
 */
export async function choosePorts<Name extends string>(
  home: string,
  names: readonly Name[],
  afresh = false,
): Promise<Record<Name, number>> {
  const last = afresh ? {} : remembered(home);
  const taken = new Set(Object.values(last));
  const chosen = {} as Record<Name, number>;
  for (const name of names) {
    const before = last[name];
    const port = before !== undefined && (await isFree(before)) ? before : await freePort(taken);
    taken.add(port);
    chosen[name] = port;
  }
  fs.writeFileSync(path.join(home, FILE), JSON.stringify({ ...last, ...chosen }) + '\n', { mode: 0o600 });
  return chosen;
}

/** Listens for a moment. Rejects with the system's error. */
async function listen(port: number, host: string): Promise<void> {
  const server = createServer().listen({ port, host, exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

/**
 * The port that a setting names, if it can be had on `host`; 0 chooses a free one.
 * @throws StackError that names port and setting, or HOST.
 */
export async function requireFreePort(
  setting: string,
  value: string,
  host: string = '0.0.0.0',
): Promise<number> {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new StackError(`${setting}=${value} is not a port`);
  const wrong = await listen(port, host).then(
    () => undefined,
    (error: unknown) => hostProblem(error, host) ?? 'in use',
  );
  if (wrong === undefined) return port === 0 ? freePort() : port;
  if (wrong !== 'in use') throw new StackError(wrong);
  throw new StackError(`port ${port} is in use: stop what uses it, or set ${setting} to a free one`);
}
