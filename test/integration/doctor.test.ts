/** `npm run doctor` against planted faults: it finds each, and says the cure. */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { isSick } from '../../cli/doctor/examine.ts';
import { registerNamespace } from '../../local/stack/namespaces.ts';
import { prepareNamespace } from '../../src/temporal/namespace.ts';
import { expectFound, findings, openWard, SCOPES } from '../support/doctor.ts';
import { fail } from '../support/fake-llm.ts';
import { redisServers, type RedisServers } from '../support/redis-servers.ts';
import { temporalConfig } from '../support/services.ts';

jest.setTimeout(60_000);

const ward = await openWard();
const { healthy } = ward;
afterAll(() => ward.close());

test('of a healthy installation it says good things alone', async () => {
  // There are doubts: the tests' services write nothing to disk, and keep ended workflows for a day.
  const all = await findings(healthy());
  expect(all.filter(({ kind }) => kind === 'fault')).toEqual([]);
  expect(all.filter(({ kind }) => kind === 'good').map(({ what }) => what)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^Postgres \d/),
      expect.stringMatching(/^pgvector 0\.\d/),
      expect.stringMatching(/^all \d+ migrations have run/),
      expect.stringMatching(/^row-level security is forced on all \d+ tables/),
      'konstruct_api may do its work, and sees no row without a tenant',
      'konstruct_operator may do its work, and sees no row without a tenant',
      'windows can be written',
      expect.stringMatching(/^search attributes TenantId/),
      'the key ring reads the newest 1 turns',
      'the nightly sweep is scheduled',
      '1 poll the task queue konstruct',
      expect.stringMatching(/^recorded answers, in \d+ ms/),
      'the embedding model loads',
      'Slack knows the bot as mara of Office',
    ]),
  );
});

describe('Redis', () => {
  let redis: RedisServers;
  beforeAll(async () => {
    redis = await redisServers();
  });
  afterAll(() => redis.stop());
  const at = (port: number, user = '') => ({ ...healthy(), REDIS_URL: `redis://${user}127.0.0.1:${port}` });

  test('that is away', async () => {
    await expectFound(
      'Redis',
      at(9),
      'fault',
      /REDIS_URL leads nowhere/,
      /start Redis, or correct REDIS_URL/,
    );
  });

  test('that refuses the password', async () => {
    const port = await redis.start(['requirepass right']);
    await expectFound(
      'Redis',
      at(port, ':wrong@'),
      'fault',
      /refuses the password/,
      /correct user and password/,
    );
  });

  test('that throws windows away, and keeps nothing on disk', async () => {
    const env = at(await redis.start(['maxmemory 100mb', 'maxmemory-policy allkeys-lru']));
    await expectFound(
      'Redis',
      env,
      'fault',
      /maxmemory-policy allkeys-lru/,
      /CONFIG SET maxmemory-policy noeviction/,
    );
    await expectFound('Redis', env, 'doubt', /no append-only file/, /CONFIG SET appendonly yes/);
  });

  test('that is full', async () => {
    const env = at(await redis.start(['maxmemory 1mb']));
    await expectFound('Redis', env, 'fault', /is \d+% full/, /find who fills it/);
  });

  test('whose user may not write', async () => {
    const port = await redis.start(['user default off', 'user kon on >pw ~* +@read +ping +info +cluster']);
    await expectFound(
      'Redis',
      at(port, 'kon:pw@'),
      'fault',
      /a window can't be written: .*NOPERM/,
      /ACL SETUSER/,
    );
  });

  test('that is a replica', async () => {
    const master = await redis.start();
    const port = await redis.start([`replicaof 127.0.0.1 ${master}`]);
    await expectFound('Redis', at(port), 'fault', /leads to a replica/, /lead it to the master/);
  });

  test('that is a cluster', async () => {
    const [port = 0] = await redis.startCluster();
    await expectFound('Redis', at(port), 'fault', /leads to a Redis Cluster/, /begin it with redis\+cluster/);
  });
});

describe('Temporal', () => {
  test('that is away', async () => {
    const env = { ...healthy(), TEMPORAL_ADDRESS: '127.0.0.1:9' };
    await expectFound(
      'Temporal',
      env,
      'fault',
      /nothing answers at TEMPORAL_ADDRESS=127\.0\.0\.1:9/,
      /start Temporal/,
    );
  });

  test('without the namespace', async () => {
    const env = { ...healthy(), TEMPORAL_NAMESPACE: 'nowhere' };
    await expectFound(
      'Temporal',
      env,
      'fault',
      /no namespace nowhere/,
      /namespace create --namespace nowhere/,
    );
  });

  test('whose namespace was not migrated, keeps little and has no worker', async () => {
    const namespace = `doctor-${randomUUID()}`;
    await registerNamespace({ ...temporalConfig(), namespace }, '1d');
    const env = { ...healthy(), TEMPORAL_NAMESPACE: namespace };
    await expectFound(
      'Temporal',
      env,
      'fault',
      /lacks search attributes \(TenantId, /,
      /node cli\/migrate\.ts/,
    );
    await expectFound('Temporal', env, 'fault', /nothing sweeps/, /node cli\/migrate\.ts/);
    await expectFound(
      'Temporal',
      env,
      'doubt',
      /can be looked at for 1 days only/,
      /namespace update .*--retention 30d/,
    );
    await expectFound(
      'Temporal',
      env,
      'doubt',
      /no worker polls the task queue konstruct$/,
      /start a worker/,
    );
    await prepareNamespace({ ...temporalConfig(), namespace });
    expect(
      (await findings(env, { only: 'Temporal' })).filter(({ what }) => /search attributes/.test(what)),
    ).toEqual([expect.objectContaining({ kind: 'good' })]);
  });

  test('whose histories another key has written', async () => {
    const other = `other:${randomBytes(32).toString('base64')}`;
    const env = { ...healthy(), KONSTRUCT_ENCRYPTION_KEYS: other };
    await expectFound(
      'Temporal',
      env,
      'fault',
      /key ring does not read the turn .*lacks/,
      /the ring that API and worker have/,
    );
  });
});

describe('models', () => {
  test('a server that is away', async () => {
    const env = { ...healthy(), LLM_BASE_URL: 'http://127.0.0.1:9/v1' };
    await expectFound(
      'language model',
      env,
      'fault',
      /recorded does not answer/,
      /start the server at LLM_BASE_URL/,
    );
  });

  test('a key that is refused', async () => {
    const env = healthy();
    ward.llm.answerWith(() => fail(401));
    await expectFound('language model', env, 'fault', /its server refuses the key/, /set LLM_API_KEY/);
  });

  test('a model that is not there', async () => {
    const env = healthy();
    ward.llm.answerWith(() => (res) => {
      res.writeHead(404, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ error: { code: 'model_not_found', message: 'no such model' } }));
    });
    await expectFound('language model', env, 'fault', /no model of that name/, /correct LLM_MODEL/);
  });

  test('no embedding model', async () => {
    const env = { ...healthy(), KONSTRUCT_MODELS: '/nowhere' };
    await expectFound(
      'embedding model',
      env,
      'fault',
      /does not load from \/nowhere/,
      /set KONSTRUCT_MODELS to a folder/,
    );
  });
});

describe('Slack', () => {
  test('a token that is refused', async () => {
    const env = healthy();
    ward.slackSays({ scopes: '', body: { ok: false, error: 'invalid_auth' } });
    await expectFound(
      'Slack',
      env,
      'fault',
      /refuses SLACK_BOT_TOKEN: .*invalid_auth/,
      /set the new xoxb- token/,
    );
  });

  test('scopes that are missing', async () => {
    const env = healthy();
    ward.slackSays({ scopes: SCOPES.replace(',files:read', '') });
    await expectFound(
      'Slack',
      env,
      'fault',
      /lacks scopes: files:read$/,
      /install it into the workspace again/,
    );
  });
});

describe('settings', () => {
  test('what is not set, and what stands in clear', async () => {
    const { REDIS_URL: _, ...rest } = healthy();
    const env = { ...rest, KONSTRUCT_ENCRYPTION_KEYS: 'clear' };
    await expectFound('settings', env, 'fault', /API and worker: REDIS_URL is not set/, /set it to redis/);
    await expectFound('settings', env, 'doubt', /stands in clear in Temporal/, /openssl rand -base64 32/);
  });

  test('a key ring that can’t be read', async () => {
    const env = { ...healthy(), KONSTRUCT_ENCRYPTION_KEYS: 'first:short' };
    await expectFound(
      'settings',
      env,
      'fault',
      /KONSTRUCT_ENCRYPTION_KEYS has an entry 1/,
      /set it to id:base64/,
    );
  });
});

describe('npm run doctor', () => {
  const script = fileURLToPath(new URL('../../cli/doctor.ts', import.meta.url));
  const doctor = (env: Record<string, string>) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      const shell = { ...env, KONSTRUCT_HOME: '/nowhere' };
      execFile(process.execPath, [script], { env: shell }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
      );
    });

  test('ends with 0 where nothing is wrong, with 1 and the cure on a fault, and shows no secret', async () => {
    const env = healthy();
    const well = await doctor(env);
    expect(well.output).toMatch(/faults: 0, doubts: \d+, ok: \d+\n$/);
    expect(well.code).toBe(0);
    const sick = await doctor({
      ...env,
      DATABASE_URL: env['DATABASE_URL']?.replace('konstruct_app', 'konstruct_worker') ?? '',
    });
    expect(sick.code).toBe(1);
    expect(sick.output).toMatch(/FAULT {2}DATABASE_URL leads nowhere: password.*\n {9}→ migrate/);
    const secrets = Object.entries(env).flatMap(([name, value]) =>
      /DATABASE|REDIS/.test(name) ? [new URL(value).password] : /KEYS|SECRET|TOKEN/.test(name) ? [value] : [],
    );
    for (const secret of secrets) expect(sick.output + well.output).not.toContain(secret);
  });
});

test('a doubt is no fault', () => {
  const doubt = { kind: 'doubt' as const, what: 'w', cure: 'c' };
  expect(isSick([{ subject: 's', findings: [doubt] }])).toBe(false);
});

test('the scopes that it wants are those of the manifest', async () => {
  const manifest = await readFile(new URL('../../slack-app-manifest.yml', import.meta.url), 'utf8');
  const bot = /bot:\n((?: {6}- .*\n)+)/.exec(manifest)?.[1] ?? '';
  expect([...bot.matchAll(/- (\S+)/g)].map(([, scope]) => scope).toSorted()).toEqual(
    SCOPES.split(',').toSorted(),
  );
});
