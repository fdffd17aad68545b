/** The Temporal namespace of a test file; scripts/test.ts makes one for each. */
import path from 'node:path';

/** Of the file's folder and name: files of two folders that have one name may run at once. */
export function testNamespace(testPath: string): string {
  return `test-${path.basename(path.dirname(testPath))}-${path.basename(testPath, '.test.ts')}`;
}
