import fs from 'node:fs';
import path from 'node:path';
import { embeddingModel } from './model.ts';
import { ownHome } from './ownership.ts';
import { makeHome } from './paths.ts';
import { choosePorts } from './ports.ts';
import { postgresService } from './postgres.ts';
import type { ProvisionContext } from './provision.ts';
import { redisService } from './redis.ts';
import { StackError } from './report.ts';
import { loadSecrets } from './secrets.ts';
import { Supervisor } from './supervisor.ts';
import { temporalService } from './temporal.ts';
import type { ComponentName, Stack, StackHandle, StackOptions, StackUrls } from './types.ts';

export { StackError } from './report.ts';
export type { ProcessHandle, ProcessSpec, Stack, StackHandle, StackOptions, StackUrls } from './types.ts';

/** One component's way up: resolves to its addresses when it answers. */
type Start = () => Promise<StackUrls>;

/**
 * Brings up what is wanted and not configured, each component in a supervised process on a free loopback port (or the
 * port of last time), and resolves when all answer. What was started before a failure is stopped again.
 * @throws StackError with one line for the user when a component can't be had.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const log = options.log ?? ((line: string) => void process.stderr.write(line + '\n'));
  makeHome(options.home);
  const owner = await ownHome(options.home, log);
  const supervisor = new Supervisor({
    logsDirectory: path.join(options.home, 'logs'),
    log,
    onChange: () => {
      owner.note(supervisor.pids());
      options.onPids?.(supervisor.pids());
    },
  });
  const abort = new AbortController();
  const cleanUps: (() => void)[] = [];
  let settled: Promise<PromiseSettledResult<StackUrls>[]> = Promise.resolve([]);
  const stopAll = async (): Promise<void> => {
    abort.abort();
    await supervisor.stop();
    await settled; // nothing may still be starting when we say that all is stopped
    for (const cleanUp of cleanUps) cleanUp();
    owner.release();
  };
  let stopped: Promise<void> | undefined;
  const handle: StackHandle = {
    stop: () => (stopped ??= stopAll()),
    kill: () => {
      abort.abort();
      supervisor.kill();
    },
  };
  options.onHandle?.(handle);
  try {
    const context = { env: options.env, log, signal: abort.signal };
    const starts = await startsOf(options, context, supervisor, cleanUps);
    settled = Promise.allSettled(starts.map((start) => start()));
    const urls: StackUrls = {};
    for (const result of await settled) {
      if (result.status === 'rejected') throw result.reason;
      Object.assign(urls, result.value);
    }
    if (abort.signal.aborted) throw new StackError('stopped during the start');
    return {
      ...handle,
      urls,
      pids: () => supervisor.pids(),
      process: (name) => supervisor.process(name),
      supervise: (spec) => supervisor.supervise(spec),
    };
  } catch (error) {
    await handle.stop();
    throw error;
  }
}

async function startsOf(
  options: StackOptions,
  context: ProvisionContext,
  supervisor: Supervisor,
  cleanUps: (() => void)[],
): Promise<Start[]> {
  const { home, env } = options;
  const ephemeral = options.ephemeral ?? false;
  const secrets = loadSecrets(home);
  const ports = await choosePorts(home, ['postgres', 'redis', 'temporal', 'temporalUi', 'llm'], ephemeral);
  const starters: Record<ComponentName, Start> = {
    postgres: async () => {
      const given = configured(env, ['DATABASE_URL', 'DATABASE_ADMIN_URL']);
      if (given.DATABASE_URL) return given;
      if (given.DATABASE_ADMIN_URL)
        return { ...given, DATABASE_URL: asApp(given.DATABASE_ADMIN_URL, secrets.postgresApp) };
      const passwords = { adminPassword: secrets.postgresAdmin, appPassword: secrets.postgresApp };
      const service = await postgresService(context, { home, port: ports.postgres, ephemeral, ...passwords });
      if (ephemeral) cleanUps.push(() => fs.rmSync(service.directory, { recursive: true, force: true }));
      await supervisor.supervise(service.spec);
      return { DATABASE_ADMIN_URL: service.adminUrl, DATABASE_URL: service.appUrl };
    },
    redis: async () => {
      const given = configured(env, ['REDIS_URL']);
      if (given.REDIS_URL) return given;
      const service = await redisService(context, { home, port: ports.redis, password: secrets.redis });
      if (ephemeral)
        cleanUps.push(() => fs.rmSync(path.join(home, 'redis'), { recursive: true, force: true }));
      await supervisor.supervise(service.spec);
      return { REDIS_URL: service.url };
    },
    temporal: async () => {
      const given = configured(env, ['TEMPORAL_ADDRESS', 'TEMPORAL_UI_URL']);
      if (given.TEMPORAL_ADDRESS) return given;
      const namespaces = options.namespaces ?? ['default'];
      const addresses = { port: ports.temporal, uiPort: ports.temporalUi };
      const service = await temporalService(context, { home, ephemeral, namespaces, ...addresses });
      if (ephemeral)
        cleanUps.push(() => fs.rmSync(path.join(home, 'temporal'), { recursive: true, force: true }));
      await supervisor.supervise(service.spec);
      return { TEMPORAL_ADDRESS: service.address, TEMPORAL_UI_URL: service.uiUrl };
    },
    model: async () => ({ KONSTRUCT_MODELS: await embeddingModel(context) }),
    llm: async () => {
      throw new StackError('the local LLM is not there yet: set LLM_BASE_URL and LLM_MODEL');
    },
  };
  return [...new Set(options.want)].map((name) => starters[name]);
}

/** The non-empty ones of the named settings. */
function configured<Name extends keyof StackUrls>(
  env: NodeJS.ProcessEnv,
  names: readonly Name[],
): Pick<StackUrls, Name> {
  const given = names.filter((name) => env[name]).map((name) => [name, env[name]]);
  return Object.fromEntries(given) as Pick<StackUrls, Name>;
}

/** The address of the same database for the service's own role, which the migrations make with this password. */
function asApp(adminUrl: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = 'konstruct_app';
  url.password = password;
  return url.href;
}
