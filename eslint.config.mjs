import reactHooks from 'eslint-plugin-react-hooks';
import temporal from 'eslint-plugin-temporal';
import tseslint from 'typescript-eslint';

/** `const p = process`. */
const PROCESS_ALIAS = {
  selector:
    ':matches(VariableDeclarator, AssignmentExpression) > Identifier.init[name=process], AssignmentExpression > Identifier.right[name=process]',
  message: 'Use process by its own name: rules look for it.',
};
const ENVIRONMENT = 'Only entry points read the environment: take the value from src/config.';

export default tseslint.config(
  { ignores: ['node_modules/', '.konstruct/', 'local/llm/', 'console/dist*/', '**/*.gen.ts'] },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in messages are what one expects to read there.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Matches how effects are written here: `setHandler(signal, () => void list.push(x))`.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreVoidOperator: true, ignoreArrowShorthand: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Spreading a text into its characters is what counting them takes.
      '@typescript-eslint/no-misused-spread': 'off',
      // What is handed around are closures of factories; nothing of ours has a `this`.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true, varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    // Prettier breaks code, not comments. A rule or an address that can't be broken may be wider.
    files: ['**/*.{ts,tsx,mjs}'],
    rules: { 'max-len': ['error', { code: 1_000, comments: 110, ignoreUrls: true }] },
  },
  {
    files: ['console/src/**/*.{ts,tsx}'],
    ...reactHooks.configs.flat['recommended-latest'],
  },
  {
    // What goes past the client says neither whose session the page shows nor that the session has ended.
    files: ['console/src/**/*.{ts,tsx}'],
    ignores: ['console/src/api/client.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['fetch', 'EventSource', 'XMLHttpRequest'].map((name) => ({
          name,
          message: 'The API is called by console/src/api/client.ts, typed by its description.',
        })),
      ],
    },
  },
  {
    ...temporal.configs.workflow,
    files: ['src/workflows/**/*.ts'],
    rules: {
      ...temporal.configs.workflow.rules,
      // The typed no-floating-promises above does this; this one takes setHandler for a promise.
      'temporal/workflow-no-floating-promises': 'off',
      // Waiting without a bound is what the turn order is about; the bounds are the predecessor's.
      'temporal/workflow-condition-timeout-style': 'off',
      'temporal/workflow-prefer-single-object-args': 'off',
      // Doesn't look into a spread.
      'temporal/workflow-local-activity-options-required': 'off',
      // Durations come from the input, in ms.
      'temporal/workflow-duration-format': 'off',
    },
  },
  {
    // Entry points hand the environment to src/config, which names every variable that is missing or wrong.
    files: ['src/**/*.{ts,mjs}'],
    ignores: ['src/worker.ts', 'src/api/main.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: ENVIRONMENT },
        { object: 'globalThis', property: 'process', message: ENVIRONMENT },
        {
          ...{ object: 'pool', property: 'query' },
          message: 'Postgres ends no statement of it that waits: use inTenant or inNoTenant.',
        },
      ],
      'no-restricted-imports': [
        'error',
        ...['node:process', 'process'].map((name) => ({ name, message: ENVIRONMENT })),
      ],
      // Under another name it would be read all the same.
      'no-restricted-syntax': ['error', PROCESS_ALIAS],
    },
  },
  {
    // Executions share these modules (workflow-bundle.ts): the next one would find what one left behind, and
    // a replay would not.
    files: ['src/workflows/**/*.ts', 'src/domain/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        PROCESS_ALIAS,
        ...[
          'VariableDeclaration[kind=let]',
          'VariableDeclaration > VariableDeclarator > NewExpression[callee.name=/^(Map|Set|WeakMap|WeakSet|Array)$/]',
          'VariableDeclaration > VariableDeclarator > Literal[regex.flags=/[gy]/]',
          'VariableDeclaration > VariableDeclarator > ArrayExpression[elements.length=0]',
          'VariableDeclaration > VariableDeclarator > ObjectExpression[properties.length=0]',
          'ClassDeclaration > ClassBody > PropertyDefinition[static=true]',
        ].flatMap((state) =>
          ['Program > ', 'Program > ExportNamedDeclaration > '].map((top) => ({
            selector: top + state,
            message: 'Executions share this module: it must hold no state of its own.',
          })),
        ),
      ],
    },
  },
  { files: ['src/activities/**/*.ts'], ...temporal.configs.activity },
  {
    // Express 5 takes async handlers and passes their rejections on; jest's types are loose.
    files: ['src/api/**/*.ts', '{test,local,cli,bench,scripts}/**/*.ts'],
    rules: { '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }] },
  },
  {
    // Tools read what is of no declared shape: histories, processes' output.
    files: ['{local,cli,bench,scripts,test/chaos}/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
    },
  },
);
