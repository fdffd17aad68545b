/** What is handed to operators agrees with the code: the compose file of a cluster and the chart. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import express from 'express';
import { consolePage } from '../../src/api/routes/console-page.ts';
import { connections, OPERATOR_CONNECTIONS } from '../../src/config/database.ts';
import { SUBJECTS } from '../../src/config/index.ts';
import { variablesOf, type Subject } from '../../src/config/variables.ts';
import { WAITING_BYTES } from '../../src/api/read-json.ts';
import { FILES_BYTES } from '../../src/api/routes/memory-transfer.ts';
import { UNTAKEN_BYTES } from '../../src/api/untaken.ts';
import { BODY_BYTES } from '../../src/lib/bounded-server.ts';
import { MAX_COMPLETION_BODY_BYTES } from '../../src/api/openai/request.ts';
import { openApiDocument } from '../../src/api/openapi.ts';
import { channelSubjects } from '../../src/channels/index.ts';
import { MAX_BODY_BYTES } from '../../src/intake/fields.ts';
import { MAX_IMPORT_BYTES } from '../../src/memory/transfer/format.ts';
import { WORKER_FLAGS } from '../../local/stack/applications.ts';
import { SERVER_VERSION } from '../../local/stack/temporal-server.ts';
import { TEMPORAL_SETTINGS } from '../../local/stack/temporal.ts';
import { withoutSettings } from '../../local/stack/without-settings.ts';
import { serve } from '../support/http-server.ts';

const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
const ROOT = new URL('../../', import.meta.url).href;
const FLAGS = WORKER_FLAGS.map((flag) => flag.replace(ROOT, './'));

test('the dynamic configuration for a cluster is that of the local stack', async () => {
  const text = await read('deploy/temporal/dynamic-config.yaml');
  const settings = [...text.matchAll(/^([\w.]+):\n {2}- value: (.+)$/gm)].map(
    ([, key, value = '']) => `${key}=${value.replaceAll("'", '"')}`,
  );
  expect(settings.toSorted()).toEqual(TEMPORAL_SETTINGS.toSorted());
});

test('compose.cluster.yml has the server of --cluster', async () => {
  const compose = await read('compose.cluster.yml');
  expect(compose).toContain(`image: temporalio/server:${SERVER_VERSION}\n`);
  expect(compose).toContain(`image: temporalio/admin-tools:${SERVER_VERSION}\n`);
});

test.each(['compose.cluster.yml', 'deploy/helm/konstruct/templates/worker.yaml'])(
  '%s starts its worker with the flags of the local stack',
  async (file) => {
    const [, command = ''] = /command: \[node, (.+), src\/worker\.ts\]/.exec(await read(file)) ?? [];
    expect(command.split(', ')).toEqual(FLAGS);
  },
);

test('the chart gives the API the memory that its bounds add up to, and its model’s', async () => {
  const values = await read('deploy/helm/konstruct/values.yaml');
  const [, mebibytes = ''] = /\napi:\n[\s\S]*?limits: \{ memory: (\d+)Mi \}/.exec(values) ?? [];
  const bounds = FILES_BYTES + BODY_BYTES + WAITING_BYTES + UNTAKEN_BYTES;
  // Measured: at rest, the model's process, 500 who wait, 20 lists, 8 exports.
  const measured = 215e6 + 240e6 + 180e6 + 60e6 + 24e6;
  expect(Number(mebibytes) * 1_048_576).toBeGreaterThan(1.25 * (bounds + measured));
});

test.each([
  'docker-compose.yml',
  'compose.cluster.yml',
  'deploy/helm/konstruct/templates/api.yaml',
  'deploy/helm/konstruct/README.md',
  'docs/RUNBOOK.md',
  'docs/DEPLOYMENT.md',
])('%s knows how the console finds Temporal’s Web UI', async (file) => {
  expect(await read(file)).toContain('TEMPORAL_UI_URL');
});

test('the image has the console: the steps of its stage build it, and the API serves it', async () => {
  const dockerfile = await read('Dockerfile');
  const [, stage = ''] = /^FROM \S+ AS console\n(.+?)\n\nFROM/ms.exec(dockerfile) ?? [];
  const root = fileURLToPath(ROOT);
  const app = await mkdtemp(path.join(os.tmpdir(), 'konstruct-image-'));
  try {
    for (const line of stage.split('\n')) {
      const [step, ...words] = line.split(' ');
      const command = words.join(' ');
      if (step === 'COPY') {
        const target = path.join(app, words.at(-1) ?? '');
        for (const source of words.slice(0, -1)) {
          const to = command.endsWith('./') ? path.join(target, source) : target;
          // What is ignored is not in a clone, or not sent to Docker.
          const filter = (file: string) => !/dist|\.gen\.ts$/.test(path.relative(root, file));
          await cp(path.join(root, source), to, { recursive: true, filter });
        }
      } else if (command.startsWith('npm ci')) {
        await symlink(path.join(root, 'node_modules'), path.join(app, 'node_modules'));
      } else if (command.startsWith('node ')) {
        // What the image has in its environment, and no more.
        const env = withoutSettings({ PATH: process.env['PATH'] });
        const run = () => promisify(execFile)(process.execPath, words.slice(1), { cwd: app, env });
        if (command.includes('/tsc ')) await expectRefusal(app, run);
        else await run();
      } else expect(line).toBe('WORKDIR /app');
    }
    expect(dockerfile).toContain('COPY --from=console /app/console/dist console/dist\n');
    const server = await serve(express().use(consolePage(path.join(app, 'console/dist'))));
    const page = await (await fetch(`${server.url}/console/agents`)).text();
    expect(page).toContain('<div id="root"></div>');
    const assets = [...page.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, at = '']) => at);
    expect(assets.length).toBeGreaterThan(2);
    for (const at of assets) {
      const { status, headers } = await fetch(server.url + at, { headers: { 'accept-encoding': 'br' } });
      const coding = /\.(js|css)$/.test(at) ? 'br' : null;
      expect([at, status, headers.get('content-encoding')]).toEqual([at, 200, coding]);
    }
    expect(stage).toContain('/tsc -p console');
    await server.close();
  } finally {
    await rm(app, { recursive: true });
  }
}, 180_000);

/** A step refuses of the console what asks for a route that the API has no longer, and that alone. */
async function expectRefusal(app: string, step: () => Promise<unknown>): Promise<void> {
  const file = path.join(app, 'console/src/gone.ts');
  await writeFile(
    file,
    "import { fetchClient } from './api/client.ts';\nvoid fetchClient.GET('/v1/gone');\n",
  );
  await expect(step()).rejects.toMatchObject({
    stdout: expect.stringMatching(/^console\/src\/gone\.ts\([^\n]+\n$/),
  });
  await rm(file);
}

test('compose.cluster.yml has no default passwords', async () => {
  const compose = await read('compose.cluster.yml');
  const variables = [...compose.matchAll(/\$\{(\w*(?:PASSWORD|OPERATOR_TOKEN))(.*?)\}/g)];
  expect(variables.length).toBeGreaterThan(8);
  for (const [, name, rest] of variables) expect([name, rest]).toEqual([name, expect.stringMatching(/^:\?/)]);
});

test('the processes of compose.cluster.yml hold no more connections than a Postgres gives', async () => {
  const compose = await read('compose.cluster.yml');
  const { DATABASE_CONNECTIONS } = variablesOf(connections).shape;
  const [, each = NaN] = /DATABASE_CONNECTIONS: \$\{DATABASE_CONNECTIONS:-(\d+)\}/.exec(compose) ?? [];
  expect(Number(each)).toBe(DATABASE_CONNECTIONS?.parse(undefined));
  const [workers = NaN, apis = NaN] = [...compose.matchAll(/replicas: (\d+)/g)].map(([, n]) => Number(n));
  const held = apis * (Number(each) + OPERATOR_CONNECTIONS) + workers * Number(each);
  expect(held).toBeLessThan(GIVEN);
  expect(compose).toContain(`hold ${held} connections of the ${GIVEN} that`);
  // The chart's own sums are part of `npm run check:chart`.
  expect(await read('deploy/helm/konstruct/values.yaml')).toContain(`maxConnections: ${GIVEN}\n`);
});

/** Of Postgres' 100 it keeps three for superusers, unless it is told otherwise. */
const GIVEN = 97;

test('the chart sets variables that a process reads', async () => {
  const subjects = [
    ...Object.values<Record<string, Subject>>(SUBJECTS).flatMap((some) => Object.values(some)),
    ...Object.values(channelSubjects('inbound')),
    ...Object.values(channelSubjects('outbound')),
  ];
  const known = new Set(subjects.flatMap((subject) => Object.keys(variablesOf(subject).shape)));
  const files = ['_helpers.tpl', 'api.yaml', 'worker.yaml', 'migration.yaml'];
  const texts = await Promise.all(files.map((file) => read(`deploy/helm/konstruct/templates/${file}`)));
  const names = texts.flatMap((text) => [
    ...[...text.matchAll(/- name: ([A-Z][A-Z_]+)$/gm)].map(([, name]) => name),
    ...[...text.matchAll(/\{ name: ([A-Z][A-Z_]+),/g)].map(([, name]) => name),
    ...[...text.matchAll(/"konstruct\.secret" \(list "(\w+)"/g)].map(([, name]) => name),
  ]);
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(known).toContain(name);
});

test('no probe of the chart takes a process for gone that is late by seconds', async () => {
  const files = ['api.yaml', 'worker.yaml'];
  const texts = await Promise.all(files.map((file) => read(`deploy/helm/konstruct/templates/${file}`)));
  const probes = texts.flatMap((text) => text.match(/(?:readiness|liveness)Probe: .+/g) ?? []);
  expect(probes).toHaveLength(3);
  for (const probe of probes) expect(probe).toContain('timeoutSeconds: 5');
});

describe('whoever calls from outside', () => {
  /** For those who run an installation. */
  const INSIDE = ['/healthz', '/readyz', '/metrics'];
  const described = Object.keys(
    openApiDocument([{ name: 'slack', paths: ['events', 'interactions'] }]).paths,
  );
  const CALLED = [
    ...described.filter((path) => !INSIDE.includes(path)),
    ...['/', '/console', '/console/', '/console/agents/x', '/slack/install', '/slack/oauth_redirect'],
  ];
  const SPELT = INSIDE.flatMap((path) => [path, path.toUpperCase(), `${path}/`, `${path}?x`]);

  test('reaches by the Ingress what is for callers, and nothing else', async () => {
    const ingress = await read('deploy/helm/konstruct/templates/api.yaml');
    const [, listed = ''] = /range list ((?:"\/[^"]*" ?)+)\}\}\n\s+- path: \{\{ \. \}\}/.exec(ingress) ?? [];
    const prefixes = [...listed.matchAll(/"([^"]+)"/g)].map(([, prefix = '']) => prefix);
    const exact = [...ingress.matchAll(/- path: (\/\S*)\n\s+pathType: Exact/g)].map(([, path]) => path);
    expect(ingress.match(/- path: /g)).toHaveLength(1 + exact.length);
    const leadsTo = (path: string): boolean =>
      exact.includes(path) || prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
    expect(CALLED.filter((path) => !leadsTo(path))).toEqual([]);
    expect(SPELT.filter(leadsTo)).toEqual([]);
  });

  test('reaches by the proxy of compose.cluster.yml what is for callers, and nothing else', async () => {
    const compose = await read('compose.cluster.yml');
    const [, listed = ''] = /@callers path (.+)\n/.exec(compose) ?? [];
    // As Caddy takes them: in any case, with a star for whatever follows.
    const leadsTo = (path: string): boolean =>
      listed.split(' ').some((pattern) => {
        const isPrefix = pattern.endsWith('*');
        const asked = path.split('?', 1)[0]?.toLowerCase() ?? '';
        return isPrefix ? asked.startsWith(pattern.slice(0, -1)) : asked === pattern;
      });
    expect(compose.match(/reverse_proxy/g)).toHaveLength(1);
    expect(compose).toMatch(/handle @callers \{(\s+request_body [^}]+\}){2}\s+reverse_proxy/);
    expect(CALLED.filter((path) => !leadsTo(path))).toEqual([]);
    expect(SPELT.filter(leadsTo)).toEqual([]);
    // A stranger's body that doesn't come stays there.
    expect(compose).toMatch(/ reverse_proxy \{[^]+\n {12}request_buffers 64KB\n[^]+\n {10}\}/);
  });
});

test('proxies let through what the API takes', async () => {
  const compose = await read('compose.cluster.yml');
  const [, file = ''] = /@import path \*(\/\S+)\n/.exec(compose) ?? [];
  expect(compose).toContain(`@other not path *${file}\n`);
  const most = Object.fromEntries(
    [...compose.matchAll(/request_body @(\w+) \{\s+max_size (\d+)MB\n/g)].map(([, of, mb]) => [
      of,
      Number(mb) * 1e6,
    ]),
  );
  expect(most).toEqual({ import: MAX_IMPORT_BYTES, other: MAX_COMPLETION_BODY_BYTES });
  expect(MAX_BODY_BYTES).toBeLessThan(MAX_COMPLETION_BODY_BYTES);
  const imports = Object.keys(openApiDocument().paths).filter((path) => path.endsWith(file));
  expect(imports).toEqual(['/v1/agents/{agentId}/users/{userId}/memory/import']);
  const annotated = await read('deploy/helm/konstruct/ci/everything.yaml');
  const [, megabytes] = /proxy-body-size: (\d+)m /.exec(annotated) ?? [];
  expect(Number(megabytes) * 1e6).toBe(MAX_IMPORT_BYTES);
  expect(await read('docs/DEPLOYMENT.md')).toContain(`${megabytes} MB to\n\`${imports[0]}\``);
});

test('every secret stands in the chart’s Secret, and is refused among its settings', async () => {
  const names = Object.values<Record<string, Subject>>(SUBJECTS)
    .flatMap((some) => Object.values(some))
    .concat(Object.values(channelSubjects('inbound')), Object.values(channelSubjects('outbound')))
    .flatMap((subject) => Object.keys(variablesOf(subject).shape));
  const secrets = names.filter((name) =>
    /(SECRET|TOKEN|API_KEY|KEY_DATA|ENCRYPTION_KEYS)$|^(DATABASE|REDIS)_(\w+_)?URL$/.test(name),
  );
  expect(secrets).toEqual(
    expect.arrayContaining([
      'SLACK_CLIENT_SECRET',
      'SLACK_STATE_SECRET',
      'SLACK_APP_TOKEN',
      'REDIS_URL',
      'TEMPORAL_TLS_CLIENT_KEY_DATA',
    ]),
  );
  const files = ['_helpers.tpl', 'api.yaml', 'worker.yaml', 'migration.yaml'];
  const texts = await Promise.all(files.map((file) => read(`deploy/helm/konstruct/templates/${file}`)));
  const referred = [...texts.join('').matchAll(/"konstruct\.secret" \(list "(\w+)"/g)].map(
    ([, name]) => name,
  );
  const [, refused = ''] = /\$secrets := list (.+) \}\}/.exec(texts[0] ?? '') ?? [];
  for (const name of secrets) {
    expect([name, referred.includes(name)]).toEqual([name, true]);
    expect([name, refused.includes(`"${name}"`)]).toEqual([name, true]);
  }
});

test('nothing starts without a key ring, or the word that says that histories are not encrypted', async () => {
  for (const file of ['docker-compose.yml', 'compose.cluster.yml']) {
    expect([file, await read(file)]).toEqual([
      file,
      expect.stringMatching(/KONSTRUCT_ENCRYPTION_KEYS: \$\{KONSTRUCT_ENCRYPTION_KEYS:\?[^}]*clear[^}]*\}\n/),
    ]);
  }
  const helpers = await read('deploy/helm/konstruct/templates/_helpers.tpl');
  expect(helpers).toContain('"KONSTRUCT_ENCRYPTION_KEYS" false)');
});
