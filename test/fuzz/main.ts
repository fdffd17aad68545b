/**
 * `npm run fuzz [-- --minutes 5 --seed 7]`: sends what chance comes up with, as a chat user, as Slack, as a
 * stranger and as a model, and looks for server errors, for event loops that are held up, for memory that
 * grows and for turns that never end. The exit code is 1 when there is any.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { StackError } from '../../local/stack/report.ts';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';
import { STORE_TIMEOUT_MS } from '../../src/domain/timing.ts';
import { isDrained } from '../chaos/evidence.ts';
import { messageBodies, modelAnswers, oddRequests, slackEvents, type ModelAnswer } from './inputs.ts';
import { sendMessage, sendRaw, sendSlackEvent, type Answer } from './send.ts';
import { startSystem, type FuzzSystem } from './system.ts';
import { growthBytes, look, type Process, type Sample } from './watch.ts';

const LONGEST_STALL_MS = 200;
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;
const LOOK_EVERY_MS = 1_000;
const SENDERS = 4;
/** Senders pause while so many executions are open: what is looked for isn't how long a backlog takes. */
const MAX_OPEN = 8;
/** What is open and stands still for longer than any step of it may take never ends. */
const STANDS_STILL_MS = STORE_TIMEOUT_MS;

/** What the model says once nothing is sent any more, to turns that it left without an answer. */
const SENSIBLE: ModelAnswer = { kind: 'stream', text: 'Noted.', pieceLength: 10 };

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const log = (line: string): void => void process.stderr.write(`${line}\n`);

await runUntilStopped(
  async (onHandle) => {
    const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
    if (!(minutes > 0)) throw new StackError('--minutes must be a number greater than 0');
    if (!Number.isInteger(seed)) throw new StackError('--seed must be a whole number');
    log(`  seed ${seed}: repeat this run with npm run fuzz -- --minutes ${minutes} --seed ${seed}`);
    const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-fuzz-'));
    const answers = endless(modelAnswers, seed + 1);
    const calm = new AbortController();
    const nextAnswer = () => (calm.signal.aborted ? SENSIBLE : answers.next().value);
    const system = await startSystem({ home, nextAnswer, onHandle });
    const faults = await run(system, { minutes, seed, calm });
    await system.stop();
    for (const fault of faults) log(`  FOUND ${fault}`);
    process.stdout.write(`${faults.length === 0 ? 'nothing found' : `${faults.length} found`}\n`);
    if (faults.length === 0) await rm(home, { recursive: true, force: true });
    else log(`state and logs are in ${home}`);
    process.exit(faults.length === 0 ? 0 : 1);
  },
  { stopIsSuccess: false },
);

/** An input, and what sends it. */
type Input = { what: string; send: () => Promise<Answer | undefined> };

async function run(
  system: FuzzSystem,
  { minutes, seed, calm }: { minutes: number; seed: number; calm: AbortController },
): Promise<string[]> {
  const processes: Process[] = [
    { name: 'api', metricsUrl: `${system.sources.baseUrl}/metrics` },
    { name: 'worker', metricsUrl: `${system.workerUrl}/metrics` },
  ];
  const pids = system.stack.pids();
  const inputs = inputsFor(system, seed);
  const faults: string[] = [];
  const answered = new Map<number, number>();
  /** What was sent since the last look. */
  let recent: Input[] = [];
  const suspects: Array<{ process: Process; inputs: Input[] }> = [];

  let open = 0;
  const until = Date.now() + minutes * 60_000;
  const send = async (): Promise<void> => {
    while (Date.now() < until) {
      if (open >= MAX_OPEN) {
        await delay(LOOK_EVERY_MS / 4);
        continue;
      }
      const input = inputs.next().value;
      recent.push(input);
      const answer = await input.send();
      answered.set(answer?.status ?? 0, (answered.get(answer?.status ?? 0) ?? 0) + 1);
      if (answer && answer.status >= 500)
        faults.push(`${answer.status} ${answer.body.slice(0, 200)} for ${input.what}`);
    }
  };
  const samples = new Map<string, Sample[]>(processes.map(({ name }) => [name, []]));
  await Promise.all(processes.map(look));
  const watch = async (): Promise<void> => {
    while (Date.now() < until) {
      await delay(LOOK_EVERY_MS);
      for (const process of processes) {
        const sample = await look(process);
        samples.get(process.name)?.push(sample);
        if (sample.stallMs > LONGEST_STALL_MS) suspects.push({ process, inputs: recent.slice(-50) });
      }
      recent = recent.slice(-20);
      open = (await system.sources.temporal.workflow.count("ExecutionStatus = 'Running'")).count;
    }
  };
  await Promise.all([watch(), ...Array.from({ length: SENDERS }, send)]);
  calm.abort();
  log(`  answers: ${[...answered].map(([status, n]) => `${n} × ${status || 'none'}`).join(', ')}`);

  if (!(await allEnds(system.sources))) faults.push('turns that never end');
  for (const { name } of processes) {
    const growth = growthBytes(samples.get(name) ?? []);
    log(`  ${name}: ${Math.round(growth / 1024 / 1024)} MiB more than when warm`);
    if (growth > MAX_GROWTH_BYTES) faults.push(`${name} grew by ${growth} bytes`);
    if (system.stack.pids()[name] !== pids[name]) faults.push(`${name} was restarted`);
  }
  for (const suspect of suspects) faults.push(...(await stalls(suspect)));
  return faults;
}

/** Whether all that is open ends; how long that takes is the embedding model's matter. */
async function allEnds(sources: FuzzSystem['sources']): Promise<boolean> {
  let [least, since] = [Number.POSITIVE_INFINITY, Date.now()];
  while (Date.now() - since < STANDS_STILL_MS) {
    if (await isDrained(sources)) return true;
    const { count } = await sources.temporal.workflow.count("ExecutionStatus = 'Running'");
    if (count < least) [least, since] = [count, Date.now()];
    await delay(LOOK_EVERY_MS);
  }
  return false;
}

/**
 * Which of the inputs hold a process up, when each is sent alone, three times: a pause of the machine does
 * not come back.
 */
async function stalls({ process, inputs }: { process: Process; inputs: Input[] }): Promise<string[]> {
  const found: string[] = [];
  for (const input of inputs) {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3 && least > LONGEST_STALL_MS; i += 1) {
      await look(process);
      await input.send();
      await delay(300);
      least = Math.min(least, (await look(process)).stallMs);
    }
    if (least > LONGEST_STALL_MS)
      found.push(`${process.name} was held up ${Math.round(least)} ms by ${input.what}`);
  }
  return found;
}

function* inputsFor(
  { sources: { baseUrl }, agentId, apiKey }: FuzzSystem,
  seed: number,
): Generator<Input, never> {
  const [messages, events, requests] = [
    endless(messageBodies, seed + 2),
    endless(slackEvents, seed + 3),
    endless(oddRequests, seed + 4),
  ];
  for (let n = 0; ; n += 3) {
    const body = messages.next().value;
    yield {
      what: `message ${told(body)}`,
      send: () => sendMessage(`${baseUrl}/v1/agents/${agentId}/messages`, apiKey, body),
    };
    const event = events.next().value;
    yield { what: `event ${told(event)}`, send: () => sendSlackEvent(baseUrl, `Ev${n}`, event) };
    const odd = requests.next().value;
    const headers = {
      ...(odd.hasKey && { authorization: `Bearer ${apiKey}` }),
      ...Object.fromEntries(
        Object.entries(odd.headers).map(([name, value]) => [name, value.replace('KEY', apiKey)]),
      ),
    };
    const url = baseUrl + odd.path.replace('AGENT', agentId);
    yield { what: `request ${told(odd)}`, send: () => sendRaw(url, { ...odd, headers }) };
  }
}

function told(input: unknown): string {
  return JSON.stringify(input).slice(0, 300);
}

/** Values of an arbitrary, the same for the same seed. */
function* endless<T>(arbitrary: fc.Arbitrary<T>, seed: number): Generator<T, never> {
  for (let nth = 0; ; nth += 1) yield* fc.sample(arbitrary, { seed: seed * 1_000 + nth, numRuns: 50 });
}
