/** Who may import whom. `npm run check` reads this table; a folder of `src` without a row fails it. */
import { readdirSync } from 'node:fs';

/** For each folder of `src`: the folders that it may import from, besides itself. */
const MAY_IMPORT = {
  lib: [],
  domain: [],
  config: ['lib', 'domain'],
  db: ['lib', 'domain'],
  redis: ['lib', 'domain'],
  llm: ['lib', 'domain'],
  temporal: ['lib', 'domain', 'config'],
  workflows: ['domain'],
  memory: ['lib', 'domain', 'db', 'redis'],
  intake: ['lib', 'domain', 'db', 'redis', 'temporal', 'memory'],
  channels: ['lib', 'domain', 'config', 'db', 'redis', 'memory', 'intake'],
  activities: ['lib', 'domain', 'db', 'redis', 'llm', 'temporal', 'memory', 'intake', 'channels'],
  observability: ['lib', 'domain', 'llm', 'memory'],
  worker: [
    'lib',
    'domain',
    'config',
    'db',
    'redis',
    'llm',
    'temporal',
    'memory',
    'channels',
    'activities',
    'observability',
  ],
  api: [
    'lib',
    'domain',
    'config',
    'db',
    'redis',
    'temporal',
    'memory',
    'intake',
    'channels',
    'observability',
  ],
};

/** Folders whose types alone may be imported: the import is gone when the code runs. */
const MAY_IMPORT_TYPES = {
  workflows: ['activities'],
  intake: ['config', 'workflows'],
  observability: ['activities', 'worker', 'redis'],
};

const folders = readdirSync('src', { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
for (const folder of folders) {
  if (!(folder in MAY_IMPORT)) {
    throw new Error(
      `src/${folder} has no row in MAY_IMPORT (.dependency-cruiser.mjs): say what it may import`,
    );
  }
}

const pathsOf = (names) => names.map((name) => `^src/${name}/`);

const rules = Object.entries(MAY_IMPORT).flatMap(([folder, allowed]) => {
  const typed = MAY_IMPORT_TYPES[folder] ?? [];
  const rule = (name, to) => ({ name, severity: 'error', from: { path: `^src/${folder}/` }, to });
  return [
    rule(`${folder}-imports-only-its-row`, {
      path: ['^src/', '^(local|cli|bench|scripts|test)/'],
      pathNot: pathsOf([folder, ...allowed, ...typed]),
    }),
    ...(typed.length > 0
      ? [
          rule(`${folder}-imports-only-types`, {
            path: pathsOf(typed),
            dependencyTypesNot: ['type-only'],
          }),
        ]
      : []),
  ];
});

export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    ...rules,
    {
      name: 'domain-uses-no-package',
      comment: 'Pure code, used by workflows and tests alike.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { path: ['^node_modules/', '^node:'] },
    },
    {
      name: 'workflows-use-temporal-alone',
      comment: 'Workflow code runs in a sandbox: what it imports must be deterministic.',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: {
        path: ['^node_modules/', '^node:'],
        pathNot: ['^node_modules/@temporalio/(workflow|common)/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'only-the-worker-loads-the-worker',
      comment: 'The native part of the SDK takes the API 30 MB and 0.2 s. Traces load it when they are on.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/worker/', '^src/observability/tracing\\.ts$'] },
      to: { path: '^node_modules/@temporalio/worker/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'every-file-has-a-folder',
      comment: 'At the root of src lies the entry point of the worker alone.',
      severity: 'error',
      from: { path: '^src/[^/]+$', pathNot: '^src/worker\\.ts$' },
      to: {},
    },
    {
      name: 'only-entry-points-build',
      comment: 'An entry point is imported by nobody.',
      severity: 'error',
      from: {},
      to: { path: ['^src/worker\\.ts$', '^src/api/main\\.ts$'] },
    },
    {
      name: 'operators-commands-need-no-local-stack',
      comment: 'The image has cli and no local.',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^local/' },
    },
    {
      name: 'operators-commands-need-no-test',
      severity: 'error',
      from: { path: '^(local|cli)/' },
      to: { path: '^(bench|scripts|test)/' },
    },
    {
      name: 'the-console-stands-alone',
      comment: 'It knows the API alone, by the types that are made of its description.',
      severity: 'error',
      from: { path: '^console/' },
      to: { path: '^(src|local|cli|bench|scripts|test)/' },
    },
    {
      name: 'nothing-imports-the-console',
      severity: 'error',
      from: { pathNot: '^console/' },
      to: { path: '^console/' },
    },
    {
      name: 'measurements-need-no-test',
      comment: 'What both need is in local or src/lib.',
      severity: 'error',
      from: { path: '^bench/' },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
