/**
 * `npm run chaos [-- --minutes 5 --seed 7 --kill worker,redis --hostile --forget --cluster]`: sends messages
 * to a stack of its own, inflicts faults of every kind at times that the seed decides, and then audits the
 * stored state. With `--hostile` one more tenant writes what careless code stumbles over, and its model
 * hangs. With `--forget` scopes are erased meanwhile, and with `--cluster` Temporal is its own server. The
 * exit code is 1 on any difference.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { audit } from './audit.ts';
import { collectEvidence, isDrained, keepNumbers } from './evidence.ts';
import { inflict } from './faults.ts';
import { makePlan, VICTIMS, type Victim } from './plan.ts';
import { reportOf } from './report.ts';
import { prepareScopes, startSystem } from './system.ts';
import { sendAll } from './traffic.ts';
import { poll, StackError } from '../../local/stack/report.ts';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';

const DRAIN_WITHIN_MS = 300_000;
/** An erasure waits ten minutes for a start that was given up on. */
const FORGET_WITHIN_MS = 900_000;
const log = (line: string): void => void process.stderr.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kill: { type: 'string' },
    hostile: { type: 'boolean', default: false },
    forget: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

await runUntilStopped(
  async (onHandle) => {
    const options = {
      seed: Number(values.seed),
      minutes: Number(values.minutes),
      victims: victims(values.kill ?? usualVictims(values.cluster).join(',')),
      hostile: values.hostile,
      forget: values.forget,
    };
    if (!Number.isInteger(options.seed)) throw new StackError('--seed must be a whole number');
    if (!(options.minutes > 0)) throw new StackError('--minutes must be a number greater than 0');
    const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-chaos-'));
    const right = await run({ ...options, cluster: values.cluster, home, onHandle });
    if (right && !values.keep) await discard(home);
    else log(`state and logs are in ${home}`);
    process.exit(right ? 0 : 1);
  },
  { stopIsSuccess: false },
);

type RunOptions = { home: string; cluster: boolean } & Parameters<typeof makePlan>[0] &
  Pick<Parameters<typeof startSystem>[0], 'onHandle'>;

async function run({ home, cluster, onHandle, ...options }: RunOptions): Promise<boolean> {
  const { seed, minutes, hostile, forget } = options;
  const more = Object.entries({ hostile, forget, cluster }).flatMap(([name, on]) =>
    on ? [` --${name}`] : [],
  );
  const same = `--minutes ${minutes} --seed ${seed}${more.join('')}`;
  log(`  seed ${seed}: repeat this run with npm run chaos -- ${same}`);
  const drainWithinMs = forget ? FORGET_WITHIN_MS : DRAIN_WITHIN_MS;
  const plan = makePlan(options);
  const system = await startSystem({ home, cluster, seed, onHandle });
  const scopes = await prepareScopes(system, plan.scopes);
  await keepNumbers(system.sources.admin);
  const startedAt = Date.now();
  const faultsEnd = startedAt + minutes * 60_000;
  const sending = sendAll(plan, {
    baseUrl: system.sources.baseUrl,
    scopes,
    startedAt,
    giveUpAt: faultsEnd + drainWithinMs,
  });
  const [traffic] = await Promise.all([
    sending,
    inflict(plan.faults, { stack: system.stack, startedAt, log: (line) => log(`  ${line}`) }),
  ]);
  log('  all messages are sent and all faults are over; waiting for the last reply and the last memory …');
  const drained = await poll(() => isDrained(system.sources), drainWithinMs, 1_000);
  const drainMs = drained ? Date.now() - faultsEnd : undefined;
  const evidence = await collectEvidence(system.sources, traffic.accepted);
  const verdict = audit(plan.messages, traffic, evidence);
  const { asked } = system.llm;
  process.stdout.write(
    `${reportOf({ seed, minutes, drainMs, faults: plan.faults, traffic, asked, evidence, verdict })}\n`,
  );
  await system.stop();
  return drained && verdict.differences.length === 0 && traffic.wrongAnswers.length === 0;
}

/** The server's Postgres is there with `--cluster` alone. */
function usualVictims(cluster: boolean): readonly Victim[] {
  return cluster ? VICTIMS : VICTIMS.filter((name) => name !== 'temporal-postgres');
}

function victims(list: string): Victim[] {
  return list.split(',').map((name) => {
    const victim = VICTIMS.find((known) => known === name.trim());
    if (!victim) throw new StackError(`--kill ${name}: must be one of ${VICTIMS.join(', ')}`);
    return victim;
  });
}

/**
 * Removes the home, and Postgres' data directory when that is outside of it (see local/stack/postgres.ts).
 */
async function discard(home: string): Promise<void> {
  const postgresDirectory = await readFile(path.join(home, 'postgres-directory'), 'utf8').catch(() => '');
  if (postgresDirectory.trim()) await rm(postgresDirectory.trim(), { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
}
