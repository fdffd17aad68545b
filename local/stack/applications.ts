import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { SHUTDOWN_WITHIN_MS } from '../../src/domain/timing.ts';
import { baseUrlOf } from '../../src/lib/address.ts';
import { channelSubjects } from '../../src/channels/index.ts';
import { SUBJECTS } from '../../src/config/index.ts';
import { variablesOf, type Subject } from '../../src/config/variables.ts';
import { forLocalTemporal } from '../../src/config/installation.ts';
import { projectRoot } from './paths.ts';
import { plainEnvironment } from './plain-environment.mjs';
import { StackError, poll } from './report.ts';
import { loadSecrets } from './secrets.ts';
import { startSettings } from './settings.ts';
import type { ProcessHandle, ProcessSpec, Stack, StackUrls } from './types.ts';

const READY_TIMEOUT_MS = 120_000;
const READY_EVERY_MS = 250;
const RESTARTS_BEFORE_GIVING_UP = 3;

/** Options of `superviseService`. */
export type ServiceOptions = { home: string; env: NodeJS.ProcessEnv; port: number };

/**
 * Starts worker and API as two supervised processes and waits until `GET /readyz` answers 200.
 * @throws StackError with the end of a log, or the answer of `/readyz`, when that doesn't happen.
 */
export async function superviseService(stack: Stack, { home, env, port }: ServiceOptions): Promise<void> {
  const operatorToken = startSettings(env).operatorToken ?? loadSecrets(home).operatorToken;
  const all = { ...env, PORT: String(port), KONSTRUCT_OPERATOR_TOKEN: operatorToken };
  // The API is started last, so that pids.json is complete before /readyz can answer.
  const specs = [
    application('worker', 'src/worker.ts', applicationEnv('worker', stack.urls, all), WORKER_FLAGS),
    application('api', 'src/api/main.ts', applicationEnv('api', stack.urls, all)),
  ];
  for (const spec of specs) await stack.supervise(spec);
  await untilReady(
    specs.map(({ name }) => stack.process(name)),
    baseUrlOf(startSettings(env).host, port),
  );
}

/** Node's flags for a process that runs workflows. The loaded module explains why it is needed. */
export const WORKER_FLAGS: readonly string[] = [
  `--import=${pathToFileURL(path.join(projectRoot, 'src', 'worker', 'sandbox-time-limit.ts')).href}`,
];

function application(
  name: string,
  script: string,
  env: NodeJS.ProcessEnv,
  flags: readonly string[] = [],
): ProcessSpec {
  return {
    name,
    file: process.execPath,
    args: [...flags, path.join(projectRoot, script)],
    env,
    cwd: projectRoot,
    stopTimeoutMs: SHUTDOWN_WITHIN_MS,
    stopStage: 0,
  };
}

const SETTINGS: Record<'api' | 'worker', Record<string, Subject>> = {
  api: { ...SUBJECTS.api, ...channelSubjects('inbound') },
  worker: { ...SUBJECTS.worker, ...channelSubjects('outbound') },
};

/**
 * What API or worker may know: the variables that it reads, and its own role in the database. So the worker
 * has no operator's token and the API no key of the model, and neither the administrator's way into the
 * database.
 */
export function applicationEnv(
  name: 'api' | 'worker',
  urls: StackUrls,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const own = env['TEMPORAL_ADDRESS'] ? env : forLocalTemporal(env);
  const read = new Set(Object.values(SETTINGS[name]).flatMap((it) => Object.keys(variablesOf(it).shape)));
  const isOwn = (variable: string): boolean => read.has(variable) || /^(TEMPORAL_|OTEL_)/.test(variable);
  const role = name === 'api' ? urls.DATABASE_API_URL : urls.DATABASE_WORKER_URL;
  return plainEnvironment({ ...own, ...urls, ...(role && { DATABASE_URL: role }) }, isOwn);
}

async function untilReady(processes: readonly ProcessHandle[], baseUrl: string): Promise<void> {
  let body = '';
  const failing = (): ProcessHandle | undefined =>
    processes.find(({ restarts }) => restarts >= RESTARTS_BEFORE_GIVING_UP);
  const probe = async (): Promise<boolean> => {
    if (failing()) return true;
    const response = await fetch(`${baseUrl}/readyz`, { signal: AbortSignal.timeout(5_000) });
    body = await response.text();
    return response.status === 200;
  };
  const answered = await poll(probe, READY_TIMEOUT_MS, READY_EVERY_MS);
  const dead = failing();
  if (dead) throw new StackError(`${dead.name} fails to start; the end of its log:\n${dead.lastLog()}`);
  if (!answered)
    throw new StackError(`/readyz did not answer 200 within ${READY_TIMEOUT_MS / 1000} s: ${body}`);
}
