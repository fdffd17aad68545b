/**
 * Migration, client, worker and replay with a Temporal that wants TLS, a client certificate or an API key.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { msToTs } from '@temporalio/common/lib/time.js';
import { replayConfig } from '../../src/config/index.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { connectClient } from '../../src/temporal/connection.ts';
import { connectWorker } from '../../src/worker/connection.ts';
import { prepareNamespace } from '../../src/temporal/namespace.ts';
import { SEARCH_ATTRIBUTE_NAMES, searchAttributesOf } from '../../src/temporal/search-attributes.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { createWorkers } from '../../src/worker/workers.ts';
import { createAuthority, type Authority, type KeyPair } from '../support/certificates.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { startGrpcProxy, type GrpcProxy } from '../support/grpc-proxy.ts';
import { encryptionConfig, temporalConfig } from '../support/services.ts';
import { eventually } from '../support/eventually.ts';
import { acceptedMessage } from '../support/accepted-message.ts';

const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

let authority: Authority;
let server: KeyPair;
let proxy: GrpcProxy;
beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  authority = createAuthority('Test authority');
  server = authority.issue('localhost');
});
afterEach(() => proxy.close());

/** What an operator would set for the proxy, besides `more`. */
const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  TEMPORAL_ADDRESS: proxy.address,
  TEMPORAL_NAMESPACE: temporalConfig().namespace,
  KONSTRUCT_ENCRYPTION_KEYS: process.env['KONSTRUCT_ENCRYPTION_KEYS'] ?? '',
  ...more,
});
const configured = (more: Record<string, string> = {}) => replayConfig(environment(more)).temporal;

/** A namespace without our search attributes, whose ended workflows are kept for three days. */
async function createNamespace(): Promise<string> {
  const namespace = `tls-${randomUUID()}`;
  const client = await connectClient(temporalConfig(), encryptionConfig().keys);
  await client.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('3 days'),
  });
  await eventually(() => client.workflowService.describeNamespace({ namespace }).catch(() => false as const));
  await client.connection.close();
  return namespace;
}

describe('a server that wants TLS and a client’s certificate', () => {
  let home: string;
  let shown: Record<string, string>;
  beforeAll(async () => {
    home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-tls-'));
    const client = authority.issue('client');
    shown = {
      TEMPORAL_TLS_SERVER_CA_CERT_DATA: authority.cert,
      TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert,
      TEMPORAL_TLS_CLIENT_KEY_DATA: client.key,
    };
  });
  afterAll(() => rm(home, { recursive: true }));
  const start = async () => {
    const tls = { ...server, clientCa: authority.cert };
    proxy = await startGrpcProxy({ target: temporalConfig().address, tls });
  };

  /** `npm run replay -- ARGUMENT` in a shell in which only Temporal is configured. */
  const replay = (argument: string, env: Record<string, string>) => {
    const script = fileURLToPath(new URL('../../cli/replay.ts', import.meta.url));
    const shell = { PATH: process.env['PATH'], KONSTRUCT_HOME: home, ...env };
    return new Promise<{ code: number; output: string }>((resolve) => {
      execFile(process.execPath, [script, argument], { env: shell }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
      );
    });
  };

  test('is migrated: the search attributes are added, the retention stays', async () => {
    await start();
    const namespace = await createNamespace();
    const config = configured({ ...shown, TEMPORAL_NAMESPACE: namespace });
    await prepareNamespace(config);
    const client = await connectClient(config, encryptionConfig().keys);
    const { count } = await client.workflow.count(
      SEARCH_ATTRIBUTE_NAMES.map((name) => `${name} = 'x'`).join(' AND '),
    );
    expect(count).toBe(0);
    const described = await client.workflowService.describeNamespace({ namespace });
    expect(Number(described.config?.workflowExecutionRetentionTtl?.seconds)).toBe(3 * 86_400);
    await client.connection.close();
  });

  test('serves client, worker and replay', async () => {
    await start();
    const config = configured(shown);
    const [client, connection] = await Promise.all([
      connectClient(config, encryptionConfig().keys),
      connectWorker(config),
    ]);
    const { namespace } = config;
    const activities = fakeActivities([]);
    const workers = await createWorkers({
      connection,
      namespace,
      keys: encryptionConfig().keys,
      bundle: await workflowBundle(),
      activities,
      callsAtOnce: 200,
    });
    const running = workers.map((worker) => worker.run());
    const input = acceptedMessage();
    const workflowId = handleMessageWorkflowId(input.message.tenantId, input.message.messageId);
    const result: unknown = await client.workflow.execute('HandleMessage', {
      workflowId,
      args: [input],
      taskQueue: REPLY_TASK_QUEUE,
      typedSearchAttributes: searchAttributesOf(input.message),
    });
    expect(result).toMatchObject({ reply: { text: 'Rex.' } });

    const told = await replay(workflowId, environment(shown));
    expect(told.output).toContain('replays against today’s code');
    expect(told.code).toBe(0);

    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
    await Promise.all([client.connection.close(), connection.close()]);
  });

  test('is told apart from one that is away, where something is missing', async () => {
    await start();
    const { TEMPORAL_TLS_SERVER_CA_CERT_DATA: ca = '' } = shown;
    const noCertificate = { TEMPORAL_TLS_SERVER_CA_CERT_DATA: ca };
    const [clear, uncertified, worker, told] = await Promise.all([
      prepareNamespace(configured()).catch(String),
      prepareNamespace(configured(noCertificate)).catch(String),
      connectWorker(configured(noCertificate)).catch(String),
      replay('some-workflow', environment(noCertificate)),
    ]);
    const at = `Temporal can't be reached: nothing answers at TEMPORAL_ADDRESS=${proxy.address}`;
    expect(clear).toContain(`${at} (without TLS): check`);
    for (const said of [uncertified, worker, told.output]) {
      expect(said).toContain(`${at} (over TLS, trusting the given authority alone): check`);
    }
    // With TLS 1.3 the server refuses after the handshake: by then the client may write, and is cut off.
    expect(worker).toMatch(/CertificateRequired|BrokenPipe|ConnectionReset/);
    expect(told.code).toBe(2);
  });
});

test('a server whose certificate is of an unknown authority is refused', async () => {
  proxy = await startGrpcProxy({ tls: server });
  const stranger = createAuthority('Another authority');
  const unknown = /over TLS.*UnknownIssuer/;
  await expect(connectWorker(configured({ TEMPORAL_TLS: 'true' }))).rejects.toThrow(unknown);
  const other = configured({ TEMPORAL_TLS_SERVER_CA_CERT_DATA: stranger.cert });
  await expect(connectWorker(other)).rejects.toThrow(unknown);
});

test('an API key goes with every call, over TLS', async () => {
  proxy = await startGrpcProxy({ target: temporalConfig().address, tls: server });
  const key = { TEMPORAL_API_KEY: 'key-of-the-test', TEMPORAL_TLS_SERVER_CA_CERT_DATA: authority.cert };
  const config = configured(key);
  await prepareNamespace(config);
  const client = await connectClient(config, encryptionConfig().keys);
  await client.workflow.count('WorkflowType = "x"');
  const connection = await connectWorker(config);
  await connection.workflowService.describeNamespace({ namespace: config.namespace });
  await Promise.all([client.connection.close(), connection.close()]);
  const called = proxy.calls.map(({ path: called }) => called.split('/').at(-1));
  expect(called).toEqual(
    expect.arrayContaining(['ListSearchAttributes', 'CountWorkflowExecutions', 'DescribeNamespace']),
  );
  for (const { headers } of proxy.calls) expect(headers.authorization).toBe('Bearer key-of-the-test');
});

describe.each([
  ['PERMISSION_DENIED', PERMISSION_DENIED],
  ['UNIMPLEMENTED', UNIMPLEMENTED],
])('a server whose operator API is closed (%s)', (_, status) => {
  beforeEach(async () => {
    const refuse = (called: string) => (called.includes('OperatorService') ? status : undefined);
    proxy = await startGrpcProxy({ target: temporalConfig().address, refuse });
  });

  test('is taken as it is when it knows the search attributes', async () => {
    await prepareNamespace(configured());
  });

  test('is refused with what to add and how when it doesn’t', async () => {
    const namespace = await createNamespace();
    const said = await prepareNamespace(configured({ TEMPORAL_NAMESPACE: namespace })).catch(String);
    expect(said).toContain(
      `namespace ${namespace} has no search attribute ${SEARCH_ATTRIBUTE_NAMES.join(', ')}`,
    );
    expect(said).toContain(`temporal operator search-attribute create --namespace ${namespace}`);
    expect(said).toContain(
      `tcld namespace search-attributes add --namespace ${namespace} --sa "TenantId=Keyword"`,
    );
  });
});

test('a namespace that is not there is said', async () => {
  proxy = await startGrpcProxy({ target: temporalConfig().address });
  const config = configured({ TEMPORAL_NAMESPACE: 'away' });
  await expect(prepareNamespace(config)).rejects.toThrow(
    /has no namespace away: create it, or set TEMPORAL_NAMESPACE/,
  );
});
