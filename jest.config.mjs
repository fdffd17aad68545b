/** Run by `npm test`, which starts the services that the tests talk to (scripts/test.ts). */
export default {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // These need the server that `npm run test:cluster` starts.
  ...(process.env['KONSTRUCT_TEST_CLUSTER'] ? {} : { testPathIgnorePatterns: ['<rootDir>/test/cluster/'] }),
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }],
  },
  testTimeout: 30_000,
  // A server that a failed test left open must not hold up the verdict.
  forceExit: true,
  reporters: ['default', '<rootDir>/test/support/summary-reporter.mjs'],
  // On two cores: two files at a time leave half of them idle, since files mostly wait for services.
  maxWorkers: 3,
  // A process for each file: nothing leaks between files.
  workerIdleMemoryLimit: '1MB',
};
