/** What is handed to operators agrees with the code: the compose file of a cluster and the chart. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { SUBJECTS } from '../../src/config/index.ts';
import { variablesOf, type Subject } from '../../src/config/variables.ts';
import { channelSubjects } from '../../src/channels/index.ts';
import { WORKER_FLAGS } from '../../local/stack/applications.ts';
import { SERVER_VERSION } from '../../local/stack/temporal-server.ts';
import { TEMPORAL_SETTINGS } from '../../local/stack/temporal.ts';

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

test('compose.cluster.yml has no default passwords', async () => {
  const compose = await read('compose.cluster.yml');
  const variables = [...compose.matchAll(/\$\{(\w*(?:PASSWORD|OPERATOR_TOKEN))(.*?)\}/g)];
  expect(variables.length).toBeGreaterThan(8);
  for (const [, name, rest] of variables) expect([name, rest]).toEqual([name, expect.stringMatching(/^:\?/)]);
});

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
