/**
 * `npm run doctor` (in the image: `node cli/doctor.ts`): looks at everything that Konstruct needs, with the
 * settings of a process, and says what to do about what is wrong. Changes nothing. The exit code is 1 on a
 * fault, 0 otherwise; a doubt is none.
 */
import { examine, isSick, printed } from './doctor/examine.ts';
import { operatorEnvironment } from './operator-environment.ts';
import { runMain } from '../src/lib/process.ts';

await runMain(async () => {
  const examined = await examine({ env: await operatorEnvironment(), now: Date.now });
  console.log(printed(examined));
  // What hangs in a library must not hold up the verdict.
  process.exit(isSick(examined) ? 1 : 0);
});
