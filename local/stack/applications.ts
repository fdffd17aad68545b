import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { forLocalTemporal } from './environment.ts';
import { projectRoot } from './paths.ts';
import { StackError, poll } from './report.ts';
import { loadSecrets } from './secrets.ts';
import { startSettings } from './settings.ts';
import type { ProcessHandle, ProcessSpec, Stack } from './types.ts';

/** As long as both take to drain on SIGTERM. */
const STOP_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 120_000;
const READY_EVERY_MS = 250;
const RESTARTS_BEFORE_GIVING_UP = 3;

/** Options of `superviseService`. */
export type ServiceOptions = { home: string; env: NodeJS.ProcessEnv; port: number };

/**
 * Starts worker and API, each a supervised process, and waits until `GET /readyz` says 200.
 * @throws StackError with the end of a log when they don't get there.
 */
export async function superviseService(stack: Stack, { home, env, port }: ServiceOptions): Promise<void> {
  const operatorToken = startSettings(env).operatorToken ?? loadSecrets(home).operatorToken;
  const workerEnv = applicationEnv(stack, env);
  const apiEnv = { ...workerEnv, PORT: String(port), KONSTRUCT_OPERATOR_TOKEN: operatorToken };
  // The API comes last, so that pids.json is complete before /readyz can be asked.
  const specs = [
    application('worker', 'src/worker.ts', workerEnv, WORKER_FLAGS),
    application('api', 'src/api/main.ts', apiEnv),
  ];
  for (const spec of specs) await stack.supervise(spec);
  await untilReady(
    specs.map(({ name }) => stack.process(name)),
    port,
  );
}

/** Node's flags for a process that runs workflows; the module says what for. */
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
    stopTimeoutMs: STOP_TIMEOUT_MS,
    stopStage: 0,
  };
}

const NOT_FOR_APPLICATIONS = new Set([
  'DATABASE_ADMIN_URL',
  'KONSTRUCT_OPERATOR_TOKEN',
  'KONSTRUCT_BOOTSTRAP_PID',
]);

/** What API and worker may know: the service's own role in the database, never the administrator's. */
function applicationEnv(stack: Stack, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = env['TEMPORAL_ADDRESS'] ? env : forLocalTemporal(env);
  const known = Object.entries({ ...own, ...stack.urls }).filter(([name]) => !NOT_FOR_APPLICATIONS.has(name));
  return Object.fromEntries(known);
}

async function untilReady(processes: readonly ProcessHandle[], port: number): Promise<void> {
  let said = '';
  const failing = (): ProcessHandle | undefined =>
    processes.find(({ restarts }) => restarts >= RESTARTS_BEFORE_GIVING_UP);
  const probe = async (): Promise<boolean> => {
    if (failing()) return true;
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(5_000) });
    said = await response.text();
    return response.status === 200;
  };
  const answered = await poll(probe, READY_TIMEOUT_MS, READY_EVERY_MS);
  const dead = failing();
  if (dead) throw new StackError(`${dead.name} ends at its start; the end of its log:\n${dead.lastLog()}`);
  if (!answered) throw new StackError(`/readyz does not say 200 after ${READY_TIMEOUT_MS / 1000} s: ${said}`);
}
