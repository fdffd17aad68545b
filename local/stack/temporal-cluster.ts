/** The processes of `--cluster`: Temporal's own server and the Postgres that it keeps everything in. */
import fs from 'node:fs';
import path from 'node:path';
import { connect } from '../../src/temporal/connection.ts';
import { registerNamespace } from './namespaces.ts';
import { makeHome } from './paths.ts';
import { postgresService } from './postgres.ts';
import type { ProvisionContext } from './provision.ts';
import { StackError } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';
import { findServer, type ServerBinaries } from './temporal-server.ts';
import { GARBAGE_COLLECTION, RETENTION, TEMPORAL_SETTINGS } from './temporal.ts';
import type { ProcessSpec } from './types.ts';

/** Each of the server's four services listens twice, for calls and for the others of its kind. */
export const CLUSTER_PORTS = [
  'temporalPostgres',
  'temporalHttp',
  'temporalMember',
  'history',
  'historyMember',
  'matching',
  'matchingMember',
  'systemWorker',
  'systemWorkerMember',
] as const;
type Ports = Record<(typeof CLUSTER_PORTS)[number] | 'temporal', number>;

const DATABASES = ['temporal', 'temporal_visibility'] as const;
const SCHEMAS = { temporal: 'postgresql/v12/temporal', temporal_visibility: 'postgresql/v12/visibility' };
/** The driver that prepares its statements: the other costs its Postgres half as much again. */
const SQL_PLUGIN = 'postgres12_pgx';
/** Can't be changed later in a cluster that keeps its data. As many as Temporal's own template has. */
const HISTORY_SHARDS = '4';
const PROBE_TIMEOUT_MS = 5_000;
const SCHEMA_TIMEOUT_MS = 120_000;

export type TemporalCluster = {
  postgres: ProcessSpec;
  /** Makes or updates both schemas, when Postgres is up. @throws StackError */
  migrate: () => Promise<void>;
  server: ProcessSpec;
  address: string;
  /** Its administrator's. */
  databaseUrl: string;
  /** Registers the namespaces that aren't there, with the stack's retention. Others stay as they are. */
  registerNamespaces: () => Promise<void>;
  /** Contains everything that it keeps. */
  directories: readonly string[];
};

/** @throws StackError when the server can't be had. */
export async function temporalCluster(
  context: ProvisionContext,
  options: {
    home: string;
    ports: Ports;
    adminPassword: string;
    ephemeral: boolean;
    namespaces: readonly string[];
  },
): Promise<TemporalCluster> {
  const { ports, adminPassword, ephemeral } = options;
  const home = path.join(options.home, 'temporal-cluster');
  makeHome(home);
  const binaries = await findServer(context);
  const postgres = await postgresService(context, {
    home,
    port: ports.temporalPostgres,
    adminPassword,
    ephemeral,
    name: 'temporal-postgres',
    databases: DATABASES,
  });
  const address = `127.0.0.1:${ports.temporal}`;
  const dynamicConfig = path.join(home, 'dynamic-config.yaml');
  fs.writeFileSync(dynamicConfig, dynamicConfigOf(TEMPORAL_SETTINGS), { mode: 0o600 });
  const plain = { PATH: context.env['PATH'], HOME: home, LC_ALL: 'C' };
  return {
    postgres: { ...postgres.spec, stopStage: 3 },
    migrate: () => migrateSchemas(context, binaries, { ...plain, ...sqlToolEnv(ports, adminPassword) }),
    server: {
      name: 'temporal',
      file: binaries.server,
      args: ['--allow-no-auth', 'start'],
      env: { ...plain, ...GARBAGE_COLLECTION, ...serverEnv(ports, adminPassword, dynamicConfig) },
      cwd: home,
      stopStage: 2,
      ready: () => isServing(address),
    },
    address,
    databaseUrl: postgres.adminUrl,
    registerNamespaces: async () => {
      for (const namespace of options.namespaces) await registerNamespace({ address, namespace }, RETENTION);
    },
    directories: [postgres.directory, home],
  };
}

/** As the file that a server reads: YAML takes JSON's values. */
export function dynamicConfigOf(settings: readonly string[]): string {
  return settings
    .map((setting) => {
      const [key = '', ...value] = setting.split('=');
      return `${key}:\n  - value: ${value.join('=')}\n`;
    })
    .join('');
}

/** The server reads its configuration from a template of its own, as in Temporal's image. */
function serverEnv(ports: Ports, password: string, dynamicConfig: string): Record<string, string> {
  const texts = {
    DB: SQL_PLUGIN,
    POSTGRES_SEEDS: '127.0.0.1',
    POSTGRES_USER: 'postgres',
    POSTGRES_PWD: password,
    DYNAMIC_CONFIG_FILE_PATH: dynamicConfig,
    NUM_HISTORY_SHARDS: HISTORY_SHARDS,
    BIND_ON_IP: '127.0.0.1',
    TEMPORAL_BROADCAST_ADDRESS: '127.0.0.1',
    LOG_LEVEL: 'warn',
    // Each of the four services has pools of its own, and its Postgres takes 100 connections.
    SQL_MAX_CONNS: '18',
    SQL_MAX_IDLE_CONNS: '18',
    SQL_VIS_MAX_CONNS: '5',
    SQL_VIS_MAX_IDLE_CONNS: '5',
  };
  const numbers = {
    DB_PORT: ports.temporalPostgres,
    FRONTEND_GRPC_PORT: ports.temporal,
    FRONTEND_HTTP_PORT: ports.temporalHttp,
    FRONTEND_MEMBERSHIP_PORT: ports.temporalMember,
    HISTORY_GRPC_PORT: ports.history,
    HISTORY_MEMBERSHIP_PORT: ports.historyMember,
    MATCHING_GRPC_PORT: ports.matching,
    MATCHING_MEMBERSHIP_PORT: ports.matchingMember,
    WORKER_GRPC_PORT: ports.systemWorker,
    WORKER_MEMBERSHIP_PORT: ports.systemWorkerMember,
  };
  const written = Object.entries(numbers).map(([name, port]) => [name, String(port)] as const);
  return { ...texts, ...Object.fromEntries(written) };
}

/** By its environment: a password on the command line would be everybody's. */
function sqlToolEnv(ports: Ports, password: string): Record<string, string> {
  return {
    SQL_PLUGIN,
    SQL_HOST: '127.0.0.1',
    SQL_PORT: String(ports.temporalPostgres),
    SQL_USER: 'postgres',
    SQL_PASSWORD: password,
  };
}

async function migrateSchemas(
  { signal }: ProvisionContext,
  { sqlTool }: ServerBinaries,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  for (const database of DATABASES) {
    const steps = [
      ['setup-schema', '-v', '0.0'],
      ['update-schema', '--schema-name', SCHEMAS[database]],
    ];
    for (const args of steps) {
      const command = ['--database', database, ...args];
      const result = await runCommand(sqlTool, command, { env, signal, timeoutMs: SCHEMA_TIMEOUT_MS });
      if (result.code !== 0) {
        throw new StackError(`Temporal's schema can't be made in ${database}: ${lastLine(result.output)}`);
      }
    }
  }
}

/** An open port is not enough: until its services have found each other the server refuses requests. */
async function isServing(address: string): Promise<boolean> {
  const connection = await connect({ address, namespace: 'default' });
  try {
    const service = 'temporal.api.workflowservice.v1.WorkflowService';
    await connection.withDeadline(Date.now() + PROBE_TIMEOUT_MS, () =>
      connection.healthService.check({ service }),
    );
    await connection.withDeadline(Date.now() + PROBE_TIMEOUT_MS, () =>
      connection.workflowService.listNamespaces({ pageSize: 1 }),
    );
    return true;
  } finally {
    await connection.close();
  }
}
