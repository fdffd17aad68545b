import { parseArgs } from 'node:util';
import { reasonOf } from './report.ts';

/** Whether `--cluster` stands on the command line, which takes nothing else. Ends the process otherwise. */
export function clusterOption(): boolean {
  try {
    return parseArgs({ options: { cluster: { type: 'boolean', default: false } } }).values.cluster;
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n`);
    process.exit(1);
  }
}
