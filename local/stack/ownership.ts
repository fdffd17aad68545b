import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { killQuietly } from './kill.ts';
import { writePrivate } from './paths.ts';
import { processIdentity } from './process-identity.ts';
import { StackError, poll } from './report.ts';

const identifiedSchema = z.object({ pid: z.int(), identity: z.string() });
const recordSchema = z.object({ owner: identifiedSchema, processes: z.record(z.string(), identifiedSchema) });
type Identified = z.infer<typeof identifiedSchema>;
type OwnerRecord = z.infer<typeof recordSchema>;

const FILE = 'supervisor.json';
// SIGINT is Postgres' fast shutdown. All others stop on SIGTERM.
const STOP_SIGNALS: Record<string, NodeJS.Signals> = { postgres: 'SIGINT', 'temporal-postgres': 'SIGINT' };
const STOP_TIMEOUT_MS = 10_000;

/** Exclusive use of a home until `release`. */
export type Ownership = {
  /** Records the running processes, so that the next start can stop them if this process is killed. */
  record: (pids: Record<string, number>) => void;
  release: () => void;
};

/**
 * Makes this process the only supervisor of `home`. First it stops the processes that a killed supervisor has
 * left behind; pid and start time must both match.
 * @throws StackError when another running process owns the home.
 */
export async function ownHome(home: string, log: (line: string) => void): Promise<Ownership> {
  const file = path.join(home, FILE);
  const self = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  while (!claim(file, { owner: self, processes: {} })) {
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    const record = parse(text);
    if (record && isRunning(record.owner)) {
      throw new StackError(
        `process ${record.owner.pid} already uses ${home}: stop it first, or set KONSTRUCT_HOME to another directory`,
      );
    }
    if (record) await stopLeftOvers(record, log);
    removeIfUnchanged(file, text);
  }
  return {
    record: (pids) => writePrivate(file, JSON.stringify({ owner: self, processes: identified(pids) }) + '\n'),
    release: () => fs.rmSync(file, { force: true }),
  };
}

/** Creates the file with its full content atomically; false when it exists. */
function claim(file: string, record: OwnerRecord): boolean {
  const temporary = `${file}.${process.pid}.claim`;
  fs.writeFileSync(temporary, JSON.stringify(record) + '\n', { mode: 0o600 });
  try {
    fs.linkSync(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    fs.rmSync(temporary);
  }
}

/** Removes a dead owner's file, unless another start has replaced it meanwhile. */
function removeIfUnchanged(file: string, seen: string): void {
  const removed = `${file}.${process.pid}.removed`;
  try {
    fs.renameSync(file, removed);
    if (fs.readFileSync(removed, 'utf8') !== seen) fs.linkSync(removed, file);
    fs.rmSync(removed);
  } catch {
    // Another start was faster. The next `claim` finds out.
  }
}

async function stopLeftOvers(record: OwnerRecord, log: (line: string) => void): Promise<void> {
  // Last started, first stopped: applications before the services that they use.
  for (const [name, left] of Object.entries(record.processes).reverse()) {
    if (!isRunning(left)) continue;
    log(`  stopping ${name} (${left.pid}), left over from a killed run`);
    killQuietly(left.pid, STOP_SIGNALS[name] ?? 'SIGTERM');
    if (!(await poll(() => Promise.resolve(!isRunning(left)), STOP_TIMEOUT_MS)))
      killQuietly(-left.pid, 'SIGKILL');
    await poll(() => Promise.resolve(!isRunning(left)), STOP_TIMEOUT_MS);
  }
}

function identified(pids: Record<string, number>): Record<string, Identified> {
  const of = (pid: number): Identified => ({ pid, identity: processIdentity(pid) ?? '' });
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, of(pid)]));
}

function isRunning({ pid, identity }: Identified): boolean {
  return identity !== '' && processIdentity(pid) === identity;
}

function parse(text: string): OwnerRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
