/**
 * `npm run check:chart`: lints the Helm chart, and checks what it makes, with few values and with all,
 * against Kubernetes' schemas; and that it refuses what it should. Builds and fetches its tools on first use.
 */
import assert from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { glob, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { goFolder } from '../local/stack/go-install.ts';
import { findOnPath, projectRoot } from '../local/stack/paths.ts';
import { plainEnvironment } from '../local/stack/plain-environment.mjs';
import { cachedFolder, type ProvisionContext } from '../local/stack/provision.ts';
import { runMain } from '../src/lib/process.ts';

const CHART = path.join(projectRoot, 'deploy/helm/konstruct');
const HELM = {
  title: 'Helm 3.19.0',
  name: 'helm-3.19.0',
  commands: { helm: 'helm.sh/helm/v3/cmd/helm@v3.19.0' },
};
const KUBERNETES = '1.37.0';
/** The schemas, and what reads them. */
const VALIDATOR = [
  `kubernetes-validate==${KUBERNETES}`,
  'attrs==26.1.0',
  'importlib-resources==7.1.0',
  'jsonschema==4.26.0',
  'jsonschema-specifications==2025.9.1',
  'packaging==26.4',
  'pyyaml==6.0.4',
  'referencing==0.37.0',
  'rpds-py==2026.9.1',
  'typing-extensions==4.16.0',
];

/** What is set, and what the chart says to it. */
const REFUSED: readonly (readonly [given: string, why: RegExp])[] = [
  [
    'worker.autoscaling.maxReplicas=7',
    /97 connections are too few for 14 processes .*, which need 99: raise/,
  ],
  ['postgres.maxConnections=92', /92 connections are too few for 13 processes/],
  ['api.settings.DATABASE_CONNECTIONS=20', /DATABASE_CONNECTIONS follows from postgres\.maxConnections/],
  ['api.ingress.enabled=true', /networkPolicy\.apiFrom is empty/],
  ['api.service.type=LoadBalancer', /networkPolicy\.apiFrom is empty/],
  ['settings.LLM_API_KEY=secret', /LLM_API_KEY among the settings would stand in the Deployment/],
  ['worker.settings.TEMPORAL_TLS_CLIENT_KEY_DATA=x', /_KEY_DATA among the settings would stand/],
  ['settings.TEMPORAL_GRPC_META_AUTHORIZATION=x', /put it into a Secret of its own, .* secrets\.headers/],
  ['api.settings.OTEL_EXPORTER_OTLP_HEADERS=x', /put it into a Secret of its own, .* secrets\.headers/],
];
/** What Postgres may give. */
const GIVEN = [97, 150, 333, 5_000];

function checkRefusals(template: Template): void {
  for (const [given, why] of REFUSED) assert.match(template(given).stderr, why, given);
}

/** Whatever Postgres gives, the most processes of a rollout together hold no more. */
function checkConnections(template: Template): void {
  for (const given of GIVEN) {
    const { stdout } = template(`postgres.maxConnections=${given}`);
    const numbers = (pattern: RegExp) => [...stdout.matchAll(pattern)].map(([, found]) => Number(found));
    const [ofApi = NaN, ofWorker = NaN] = numbers(/name: DATABASE_CONNECTIONS\n\s+value: "(\d+)"/g);
    const [apis = NaN, workers = NaN] = numbers(/maxReplicas: (\d+)/g);
    // One comes and one goes; the operator's calls take two of an API.
    const held = (apis + 2) * (ofApi + 2) + (workers + 2) * ofWorker;
    assert.ok(held <= given, `${held} of ${given} connections`);
  }
}

type Template = (set: string) => { stdout: string; stderr: string };

await runMain(async () => {
  const context: ProvisionContext = {
    env: process.env,
    log: (line) => console.error(line),
    signal: new AbortController().signal,
  };
  const [onPath] = findOnPath(['helm'], process.env);
  const helm = onPath ?? path.join(await goFolder(context, HELM, 'install Go, or put helm on PATH'), 'helm');
  const env = plainEnvironment(process.env, (name) => name.startsWith('PIP_'));
  const python = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    execFileSync('python3', ['-m', ...args], { stdio: 'inherit', env: { ...env, ...more } });
  const validator = await cachedFolder(context, `kubernetes-validate-${KUBERNETES}-all`, async (scratch) => {
    python(['pip', 'install', '--quiet', '--no-deps', '--target', scratch, ...VALIDATOR]);
  });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-chart-'));
  try {
    for await (const values of glob('ci/*.yaml', { cwd: CHART })) {
      // A helm that Go has built takes a cluster for one of long ago.
      const given = ['--kube-version', KUBERNETES, '--values', path.join(CHART, values)];
      execFileSync(helm, ['lint', '--strict', '--quiet', CHART, ...given], { stdio: 'inherit' });
      const made = path.join(folder, path.basename(values));
      await writeFile(made, execFileSync(helm, ['template', 'konstruct', CHART, ...given]));
      python(['kubernetes_validate', '--strict', '-k', KUBERNETES.replace(/\.\d+$/, ''), made], {
        PYTHONPATH: validator,
      });
    }
    const minimal = ['--kube-version', KUBERNETES, '--values', path.join(CHART, 'ci/minimal.yaml')];
    const template: Template = (set) =>
      spawnSync(helm, ['template', 'konstruct', CHART, ...minimal, '--set', set], { encoding: 'utf8' });
    checkRefusals(template);
    checkConnections(template);
  } finally {
    await rm(folder, { recursive: true });
  }
});
