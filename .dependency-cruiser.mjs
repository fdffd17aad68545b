/** Arrows point one way: domain ← memory, db, llm, temporal ← activities ← workflows (types only) ← api, worker. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: [`^src/${from}/`, ...allowed.map((folder) => `^src/${folder}`)] },
});

export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-imports-nothing',
      comment: 'Pure code, used by workflows and tests alike.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { pathNot: '^src/domain/' },
    },
    {
      name: 'workflows-import-only-types-of-activities',
      comment: 'Workflow code is bundled into the sandbox; an activity in it would not be deterministic.',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: {
        path: ['^src/activities/', '^node_modules/', '^node:'],
        pathNot: ['^node_modules/@temporalio/(workflow|common)/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    only(
      'workflows',
      'workflows',
      ['domain/', 'activities/', 'temporal/names.ts'],
      'Workflows know only the domain.',
    ),
    only('recall', 'recall', ['domain/'], 'The rules of recall are pure.'),
    only(
      'memory',
      'memory',
      ['domain/', 'db/', 'recall/'],
      'Memory adapters know the domain and the database.',
    ),
    only('db', 'db', ['domain/'], 'Database adapters know the domain.'),
    only('llm', 'llm', ['domain/'], 'The LLM adapter knows the domain.'),
    only('slack', 'slack', ['domain/', 'memory/redis-keys.ts'], 'The Slack adapter knows the domain.'),
    only(
      'activities',
      'activities',
      ['domain/', 'db/', 'memory/', 'llm/', 'slack/'],
      'Activities use adapters.',
    ),
    {
      name: 'api-is-no-worker',
      severity: 'error',
      from: { path: '^src/api/' },
      to: {
        path: ['^src/activities/', '^src/(start-)?worker.ts', '^node_modules/@temporalio/worker/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'only-config-reads-the-environment',
      comment: 'Checked by the entry points alone handing process.env over.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['^src/(config|worker|combined|migrate|temporal/connection)\\.ts', '^src/api/main\\.ts'],
      },
      to: { path: '^src/config.ts', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'src-needs-no-scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: ['^scripts/', '^test/'] },
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
