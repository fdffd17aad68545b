/**
 * `npm run release -- BUILD` (in the image: `node cli/release.ts BUILD`): gives the work to the workers that
 * were started with `WORKER_BUILD_ID=BUILD`, once they poll. Those of the build before may go then.
 */
import { replayConfig, NO_KEYS } from '../src/config/index.ts';
import { runMain } from '../src/lib/process.ts';
import { connectClient } from '../src/temporal/connection.ts';
import { makeBuildCurrent } from '../src/temporal/current-build.ts';
import { operatorEnvironment } from './operator-environment.ts';

const WITHIN_MS = 300_000;

await runMain(async () => {
  const [buildId, ...more] = process.argv.slice(2);
  if (!buildId || more.length > 0) throw new Error('usage: npm run release -- BUILD');
  const client = await connectClient(replayConfig(await operatorEnvironment()).temporal, NO_KEYS);
  await makeBuildCurrent(client, buildId, { withinMs: WITHIN_MS });
  await client.connection.close();
  console.log(`build ${buildId} gets the work`);
});
