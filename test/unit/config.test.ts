import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { channelSubjects } from '../../src/channels/index.ts';
import { apiConfig, migrationConfig, replayConfig, workerConfig } from '../../src/config/index.ts';
import { mostPlaces } from '../../src/lib/shares.ts';
import { createAuthority } from '../support/certificates.ts';

const SERVICES = { DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x', TEMPORAL_ADDRESS: 'x:7233' };

test('all missing settings are reported at once, each with its remedy', () => {
  expect(() => workerConfig({ REDIS_URL: '' })).toThrow(
    new RegExp(
      [
        'TEMPORAL_ADDRESS is not set \\(set it to host:7233',
        'DATABASE_URL is not set \\(set it to postgres:',
        'REDIS_URL is not set',
        'LLM_MODEL is not set',
      ].join('[^]*'),
    ),
  );
});

test('a wrong value is named, with its cure, and not repeated', () => {
  expect(() => apiConfig({ ...SERVICES, PORT: 'many' })).toThrow(/PORT: .*set it to a free port/);
  const wrong = () => apiConfig({ ...SERVICES, SLACK_API_URL: 'xoxb-secret' }, channelSubjects('inbound'));
  expect(wrong).toThrow(/^The configuration is incomplete:\n {2}SLACK_API_URL: [^\n]*$/);
  expect(wrong).not.toThrow(/xoxb-secret/);
});

test('defaults', () => {
  expect(apiConfig(SERVICES)).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    logLevel: 'info',
    maxPromptTokens: 24_000,
    operator: undefined,
  });
  expect(apiConfig(SERVICES, channelSubjects('inbound')).channels).toEqual({ slack: undefined });
  expect(apiConfig(SERVICES).temporal).toEqual({ address: 'x:7233', namespace: 'default' });
});

test('of the connections of a process a tenant holds a third, and some are left for keys', () => {
  const sharesOf = (DATABASE_CONNECTIONS?: string) =>
    apiConfig({ ...SERVICES, DATABASE_CONNECTIONS }).connections;
  expect(sharesOf()).toEqual({ max: 20, ofOneTenant: 7 });
  expect(sharesOf('6')).toEqual({ max: 6, ofOneTenant: 2 });
  expect(sharesOf('100')).toEqual({ max: 100, ofOneTenant: 27 });
  for (let max = 6; max <= 100; max += 1)
    expect(max - mostPlaces(sharesOf(String(max)).ofOneTenant)).toBeGreaterThanOrEqual(3);
  expect(() => sharesOf('5')).toThrow(
    /DATABASE_CONNECTIONS: is less than 6 \(set it to a whole number from 6/,
  );
});

test('an empty variable counts as not set', () => {
  expect(apiConfig({ ...SERVICES, PORT: '', SLACK_SIGNING_SECRET: '', TEMPORAL_TLS: '' })).toEqual(
    apiConfig(SERVICES),
  );
});

test('the operator’s token is long, and has a role behind it', () => {
  const operator = {
    KONSTRUCT_OPERATOR_TOKEN: 'f00d'.repeat(12),
    DATABASE_OPERATOR_URL: 'postgres://konstruct_operator:p@h/d',
  };
  expect(apiConfig({ ...SERVICES, ...operator }).operator).toEqual({
    token: operator.KONSTRUCT_OPERATOR_TOKEN,
    databaseUrl: operator.DATABASE_OPERATOR_URL,
  });
  const short = () => apiConfig({ ...SERVICES, ...operator, KONSTRUCT_OPERATOR_TOKEN: 'x' });
  expect(short).toThrow(/KONSTRUCT_OPERATOR_TOKEN: is shorter than 16 .*openssl rand/);
  const halved = () => apiConfig({ ...SERVICES, ...operator, DATABASE_OPERATOR_URL: '' });
  expect(halved).toThrow(/DATABASE_OPERATOR_URL is not set: .*set it to postgres:/);
});

test('a migration needs the URL of one role for both processes, or of one for each', () => {
  const admin = { TEMPORAL_ADDRESS: 'x:7233', DATABASE_ADMIN_URL: 'postgres://a:b@h/d' };
  const own = { DATABASE_API_URL: 'postgres://api', DATABASE_WORKER_URL: 'postgres://worker' };
  expect(migrationConfig({ ...admin, ...own }).serviceUrls).toEqual(Object.values(own));
  expect(migrationConfig({ ...admin, ...SERVICES }).serviceUrls).toEqual([SERVICES.DATABASE_URL]);
  const half = () => migrationConfig({ ...admin, DATABASE_API_URL: own.DATABASE_API_URL });
  expect(half).toThrow(/DATABASE_URL is not set/);
});

test.each(['DATABASE_URL', 'DATABASE_ADMIN_URL', 'DATABASE_OPERATOR_URL', 'DATABASE_API_URL'])(
  'a malformed %s is named and not repeated',
  (name) => {
    for (const url of ['postgres://user:secret@host:port/d', 'user:secret@host', 'http://u:secret@h/d']) {
      const read = () => migrationConfig({ ...SERVICES, DATABASE_ADMIN_URL: 'postgres://x', [name]: url });
      expect(read).toThrow(new RegExp(`${name} is no URL of Postgres .set it to postgres://`));
      expect(read).not.toThrow(/secret/);
    }
  },
);

test('one error names what is missing for the process and for its channels', () => {
  const env = { ...SERVICES, REDIS_URL: '', SLACK_API_URL: 'no address' };
  const read = () => apiConfig(env, channelSubjects('inbound'));
  expect(read).toThrow(/REDIS_URL is not set/);
  expect(read).toThrow(/SLACK_API_URL: /);
});

test('a workspace of Slack needs a tenant and an agent', () => {
  const token = { ...SERVICES, SLACK_SIGNING_SECRET: 's', SLACK_BOT_TOKEN: 'xoxb-1' };
  expect(() => apiConfig(token, channelSubjects('inbound'))).toThrow(
    /KONSTRUCT_SLACK_TENANT_ID is not set: with SLACK_BOT_TOKEN/,
  );
  const ids = {
    KONSTRUCT_SLACK_TENANT_ID: '00000000-0000-4000-8000-000000000001',
    KONSTRUCT_SLACK_AGENT_ID: '00000000-0000-4000-8000-000000000002',
  };
  const read = apiConfig({ ...token, ...ids, SLACK_ALLOWED_BOTS: 'B1, B2' }, channelSubjects('inbound'));
  expect(read.channels['slack']).toMatchObject({
    allowedBots: ['B1', 'B2'],
    workspace: { token: 'xoxb-1', tenantId: ids.KONSTRUCT_SLACK_TENANT_ID },
  });
});

describe('Temporal', () => {
  const temporal = (env: Record<string, string>) =>
    replayConfig({ TEMPORAL_ADDRESS: 'x:7233', ...env }).temporal;
  const authority = createAuthority('Test authority');
  const client = authority.issue('client');
  const other = authority.issue('other');
  let folder: string;
  const file = (name: string, content: string) => {
    const written = path.join(folder, name);
    writeFileSync(written, content);
    return written;
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'konstruct-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('an API key implies TLS, unless it is switched off', () => {
    expect(temporal({ TEMPORAL_API_KEY: 'k' })).toMatchObject({ apiKey: 'k', tls: {} });
    expect(temporal({ TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' })).not.toHaveProperty('tls');
    expect(temporal({ TEMPORAL_TLS: 'yes' })).toMatchObject({ tls: {} });
    expect(() => temporal({ TEMPORAL_TLS: 'perhaps' })).toThrow(/TEMPORAL_TLS: .*set it to true or false/);
  });

  test('certificates are taken as texts and as files, and imply TLS', () => {
    const asTexts = temporal({
      TEMPORAL_TLS_SERVER_CA_CERT_DATA: authority.cert,
      TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert,
      TEMPORAL_TLS_CLIENT_KEY_DATA: client.key,
      TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
    });
    expect(asTexts.tls).toEqual({
      serverName: 'temporal.example',
      serverRootCa: Buffer.from(authority.cert),
      clientCert: { crt: Buffer.from(client.cert), key: Buffer.from(client.key) },
    });
    const asFiles = temporal({
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem', authority.cert),
      TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem', client.cert),
      TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key', client.key),
      TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
    });
    expect(asFiles).toEqual(asTexts);
  });

  test.each([
    [
      'no certificate',
      { TEMPORAL_TLS_SERVER_CA_CERT_DATA: 'nonsense' },
      /SERVER_CA_CERT_DATA holds no certificate/,
    ],
    [
      'line breaks that have been lost',
      { TEMPORAL_TLS_SERVER_CA_CERT_DATA: authority.cert.replaceAll(/\r?\n/g, ' ') },
      /SERVER_CA_CERT_DATA holds no certificate in PEM, with its line breaks/,
    ],
    ['no such file', { TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere' }, /SERVER_CA_CERT_PATH .*no such file/],
    [
      'a certificate without its key',
      { TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert },
      /TEMPORAL_TLS_CLIENT_KEY_DATA is not set.*TEMPORAL_TLS_CLIENT_CERT_DATA is/,
    ],
    [
      'a key without its certificate',
      { TEMPORAL_TLS_CLIENT_KEY_DATA: client.key },
      /TEMPORAL_TLS_CLIENT_CERT_DATA is not set/,
    ],
    [
      'a key that is none',
      { TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert, TEMPORAL_TLS_CLIENT_KEY_DATA: client.cert },
      /TEMPORAL_TLS_CLIENT_KEY_DATA holds no private key/,
    ],
    [
      'the key of another certificate',
      { TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert, TEMPORAL_TLS_CLIENT_KEY_DATA: other.key },
      /TEMPORAL_TLS_CLIENT_KEY_DATA is not the key of TEMPORAL_TLS_CLIENT_CERT_DATA/,
    ],
    [
      'a text and a file',
      { TEMPORAL_TLS_SERVER_CA_CERT_DATA: authority.cert, TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/ca.pem' },
      /SERVER_CA_CERT_PATH is set, and so is TEMPORAL_TLS_SERVER_CA_CERT_DATA/,
    ],
  ])('%s is refused, by the name of the variable', (_, env: Record<string, string>, complaint) => {
    expect(() => temporal(env)).toThrow(complaint);
  });

  test('a profile of Temporal’s own file counts when it is named', () => {
    const toml = `[profile.default]\naddress = "default:7233"\n
[profile.cloud]\naddress = "cloud:7233"\nnamespace = "prod"\napi_key = "k"\n`;
    const named = { TEMPORAL_CONFIG_FILE: file('temporal.toml', toml) };
    expect(replayConfig(named).temporal).toEqual({ address: 'default:7233', namespace: 'default' });
    const cloud = { ...named, TEMPORAL_PROFILE: 'cloud' };
    expect(replayConfig(cloud).temporal).toEqual({
      address: 'cloud:7233',
      namespace: 'prod',
      apiKey: 'k',
      tls: {},
    });
    expect(replayConfig({ ...cloud, TEMPORAL_NAMESPACE: 'test' }).temporal.namespace).toBe('test');
    expect(() => replayConfig({ ...named, TEMPORAL_PROFILE: 'away' })).toThrow(/TEMPORAL_CONFIG_FILE .*away/);
    expect(() => replayConfig({ TEMPORAL_CONFIG_FILE: '/nowhere' })).toThrow(
      /TEMPORAL_CONFIG_FILE .*no such file/,
    );
    const empty = { TEMPORAL_CONFIG_FILE: file('empty.toml', '') };
    expect(() => replayConfig(empty)).toThrow(/TEMPORAL_CONFIG_FILE has no table \[profile/);
    const malformed = { TEMPORAL_CONFIG_FILE: file('malformed.toml', `api_key = "secret"\n${toml}x y z\n`) };
    expect(() => replayConfig(malformed)).toThrow(/TEMPORAL_CONFIG_FILE can't be used: Invalid TOML/);
    expect(() => replayConfig(malformed)).not.toThrow(/api_key|secret/);
    const bare = { TEMPORAL_CONFIG_FILE: file('bare.toml', '[profile.default]\nnamespace = "x"\n') };
    expect(() => replayConfig(bare)).toThrow(/TEMPORAL_ADDRESS is not set/);
  });

  test('a file in the user’s home counts only when a profile is named', () => {
    const home = mkdtempSync(path.join(folder, 'home-'));
    for (const place of ['temporalio', '.config/temporalio', 'Library/Application Support/temporalio']) {
      mkdirSync(path.join(home, place), { recursive: true });
      const toml = '[profile.default]\naddress = "home:7233"\napi_key = "k"\n';
      writeFileSync(path.join(home, place, 'temporal.toml'), toml);
    }
    const places = { HOME: home, XDG_CONFIG_HOME: home, APPDATA: home };
    expect(temporal(places)).toEqual({ address: 'x:7233', namespace: 'default' });
    const named = { ...places, TEMPORAL_PROFILE: 'default' };
    expect(replayConfig(named).temporal).toMatchObject({ address: 'home:7233', apiKey: 'k' });
    expect(() => replayConfig({ ...places, TEMPORAL_PROFILE: 'cloud' })).toThrow(/TEMPORAL_PROFILE .*cloud/);
  });

  test('headers for every call', () => {
    expect(temporal({ TEMPORAL_GRPC_META_X_TEAM: 'a' })).toHaveProperty('metadata');
  });

  test('what is wrong with Temporal is listed with the rest', () => {
    const wrong = () => migrationConfig({ TEMPORAL_API_KEY: 'k', TEMPORAL_TLS_CLIENT_KEY_DATA: 'x' });
    expect(wrong).toThrow(
      /CLIENT_KEY_DATA[\s\S]*TEMPORAL_ADDRESS is not set[\s\S]*DATABASE_ADMIN_URL is not set/,
    );
  });
});
