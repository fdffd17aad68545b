/** The environment of an operator's command: its own variables, then those of the running installation. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { forLocalTemporal, homeDirectory } from '../src/config/installation.ts';
import { withoutUnset } from '../src/config/variables.ts';

/**
 * `process.env`; variables that are unset or empty there are taken from `<KONSTRUCT_HOME>/stack.env`. When
 * TEMPORAL_ADDRESS comes from that file and is on this machine, TLS, API key and profile of the shell are
 * left out, as in `npm start`.
 */
export async function operatorEnvironment(): Promise<Record<string, string | undefined>> {
  const file = path.join(homeDirectory(process.env), 'stack.env');
  const written = parseEnv(await readFile(file, 'utf8').catch(() => ''));
  const set = withoutUnset(process.env);
  const ownTemporal = !('TEMPORAL_ADDRESS' in set) && LOOPBACK.test(written['TEMPORAL_ADDRESS'] ?? '');
  return { ...written, ...(ownTemporal ? forLocalTemporal(set) : set) };
}

const LOOPBACK = /^(127\.|localhost:|\[::1\]:)/;
