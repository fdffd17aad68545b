import fs from 'node:fs';
import path from 'node:path';
import { llmService } from './llm.ts';
import { embeddingModel } from './model.ts';
import { choosePorts } from './ports.ts';
import { postgresService } from './postgres.ts';
import type { ProvisionContext } from './provision.ts';
import { redisService } from './redis.ts';
import { StackError } from './report.ts';
import { loadSecrets } from './secrets.ts';
import type { Secrets } from './secrets.ts';
import { makeServiceUrls } from './service-urls.ts';
import type { Supervisor } from './supervisor.ts';
import { CLUSTER_PORTS, temporalCluster } from './temporal-cluster.ts';
import { temporalService } from './temporal.ts';
import type { ComponentName, StackOptions, StackUrls } from './types.ts';

const PORT_NAMES = ['postgres', 'redis', 'temporal', 'temporalUi', 'llm', ...CLUSTER_PORTS] as const;

/** What every component needs to start. */
export type StartContext = {
  options: StackOptions;
  context: ProvisionContext;
  supervisor: Supervisor;
  /** Functions to call when everything has stopped. */
  cleanUps: (() => void)[];
};

type Starting = StartContext & {
  ports: Record<(typeof PORT_NAMES)[number], number>;
  secrets: Secrets;
  /** Removes a directory when an ephemeral stack has stopped. */
  discard: (directory: string) => void;
};

/** Starts one component and resolves to its URLs when it answers. A configured component is used as it is. */
type Start = (starting: Starting) => Promise<StackUrls>;

/** The start functions of the wanted components, to be run at the same time. */
export async function componentStarts(context: StartContext): Promise<(() => Promise<StackUrls>)[]> {
  const { home, ephemeral = false, want } = context.options;
  const starting: Starting = {
    ...context,
    secrets: loadSecrets(home),
    ports: await choosePorts(home, PORT_NAMES, ephemeral),
    discard: (directory) => {
      if (ephemeral) context.cleanUps.push(() => fs.rmSync(directory, { recursive: true, force: true }));
    },
  };
  return [...new Set(want)].map((name) => () => STARTS[name](starting));
}

const STARTS: Record<ComponentName, Start> = {
  postgres: startPostgres,
  redis: startRedis,
  temporal: startTemporal,
  model: async ({ context }) => ({ KONSTRUCT_MODELS: await embeddingModel(context) }),
  llm: startLlm,
};

async function startPostgres({
  options,
  context,
  supervisor,
  ports,
  secrets,
  discard,
}: Starting): Promise<StackUrls> {
  const { home, ephemeral = false } = options;
  const given = configured(options.env, DATABASE_URLS);
  const admin = given.DATABASE_ADMIN_URL;
  if (admin) {
    const { DATABASE_OPERATOR_URL, ...shared } = makeServiceUrls(admin, secrets);
    return { DATABASE_OPERATOR_URL, ...(given.DATABASE_URL ? {} : shared), ...given };
  }
  if (given.DATABASE_URL) return given;
  const adminPassword = secrets.postgresAdmin;
  const service = await postgresService(context, { home, port: ports.postgres, ephemeral, adminPassword });
  discard(service.directory);
  await supervisor.supervise(service.spec);
  return { DATABASE_ADMIN_URL: service.adminUrl, ...makeServiceUrls(service.adminUrl, secrets) };
}

async function startRedis({
  options,
  context,
  supervisor,
  ports,
  secrets,
  discard,
}: Starting): Promise<StackUrls> {
  const given = configured(options.env, ['REDIS_URL']);
  if (given.REDIS_URL) return given;
  const service = await redisService(context, {
    home: options.home,
    port: ports.redis,
    password: secrets.redis,
  });
  discard(path.join(options.home, 'redis'));
  await supervisor.supervise(service.spec);
  return { REDIS_URL: service.url };
}

async function startTemporal({
  options,
  context,
  supervisor,
  ports,
  secrets,
  discard,
}: Starting): Promise<StackUrls> {
  const { home, ephemeral = false, namespaces = ['default'] } = options;
  const given = {
    KONSTRUCT_ENCRYPTION_KEYS: secrets.encryptionKeys,
    ...configured(options.env, ['TEMPORAL_ADDRESS', 'TEMPORAL_UI_URL', 'KONSTRUCT_ENCRYPTION_KEYS']),
  };
  if (given.TEMPORAL_ADDRESS) return given;
  if (options.cluster) {
    const adminPassword = secrets.temporalPostgres;
    const cluster = await temporalCluster(context, { home, ports, adminPassword, ephemeral, namespaces });
    for (const directory of cluster.directories) discard(directory);
    await supervisor.supervise(cluster.postgres);
    await cluster.migrate();
    await supervisor.supervise(cluster.server);
    await cluster.registerNamespaces();
    return { ...given, TEMPORAL_ADDRESS: cluster.address, DATABASE_TEMPORAL_URL: cluster.databaseUrl };
  }
  const addresses = { port: ports.temporal, uiPort: ports.temporalUi };
  const service = await temporalService(context, { home, ephemeral, namespaces, ...addresses });
  discard(path.join(home, 'temporal'));
  await supervisor.supervise(service.spec);
  // Only on a server of ours: how long another one keeps its histories is its operator's decision.
  if (!ephemeral) await service.keepHistories();
  return { ...given, TEMPORAL_ADDRESS: service.address, TEMPORAL_UI_URL: service.uiUrl };
}

async function startLlm({ options, context, supervisor, ports }: Starting): Promise<StackUrls> {
  const given = configured(options.env, ['LLM_BASE_URL', 'LLM_MODEL']);
  if (given.LLM_BASE_URL && !given.LLM_MODEL) {
    throw new StackError(
      'LLM_BASE_URL is set but LLM_MODEL is not: set LLM_MODEL to the name of a model on that server',
    );
  }
  if (given.LLM_BASE_URL) return given;
  const service = await llmService(context, { port: ports.llm });
  await supervisor.supervise(service.spec);
  return { LLM_BASE_URL: service.baseUrl, LLM_MODEL: service.model };
}

/** Those of the named settings that are set and not empty. */
function configured<Name extends keyof StackUrls>(
  env: NodeJS.ProcessEnv,
  names: readonly Name[],
): { [Key in Name]?: string } {
  const given: { [Key in Name]?: string } = {};
  for (const name of names) {
    const value = env[name];
    if (value) given[name] = value;
  }
  return given;
}

const DATABASE_URLS = [
  'DATABASE_ADMIN_URL',
  'DATABASE_URL',
  'DATABASE_API_URL',
  'DATABASE_WORKER_URL',
  'DATABASE_OPERATOR_URL',
] as const;
