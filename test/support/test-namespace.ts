/** The Temporal namespace of a test file; scripts/test.ts makes one for each. */
import path from 'node:path';

export function testNamespace(testPath: string): string {
  return `test-${path.basename(testPath, '.test.ts')}`;
}
