/**
 * `npm run audit`: known vulnerabilities of what is shipped. Where no registry answers (offline, a mirror),
 * it says so and passes.
 */
import { spawnSync } from 'node:child_process';

const HAS_FAULTS = /found (?!0)\d+ vulnerabilit|\d+ (low|moderate|high|critical)/;

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev'], { encoding: 'utf8', timeout: 60_000 });
if (HAS_FAULTS.test(stdout)) process.stdout.write(`${stdout}\n`);
else if (/found 0 vulnerabilities/.test(stdout)) process.stdout.write('no known vulnerabilities\n');
else process.stdout.write(`not audited: ${stderr.trim().split('\n').at(-1) ?? 'no registry answers'}\n`);
process.exit(HAS_FAULTS.test(stdout) ? 1 : 0);
