/** A last line that any script can read. */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    // A file that can't be loaded counts as a failure, although no test of it has run.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests > 0 ? `, ${results.numPendingTests} skipped` : '';
    console.log(`${results.numPassedTests} passed, ${failed} failed${skipped}`);
  }
}
