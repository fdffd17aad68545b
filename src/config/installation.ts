/** What the local stack and the operators' commands know of an installation on this machine. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parse, text, type Environment } from './variables.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export const home = z
  .object({
    KONSTRUCT_HOME: text.default('.konstruct').meta({
      description: 'The local stack’s folder: data, logs, secrets. Relative to the project',
      cure: 'a folder',
    }),
  })
  .meta({ title: 'Local stack' });

/** KONSTRUCT_HOME, or `.konstruct` in the project. A relative path is relative to the project's root. */
export function homeDirectory(env: Environment): string {
  return path.resolve(PROJECT, parse({ home }, env).home.KONSTRUCT_HOME);
}

/** These say how to speak to one Temporal, and are wrong at any other. */
const HOW_TO_SPEAK = /^TEMPORAL_(TLS|API_KEY|PROFILE|CONFIG_FILE|GRPC_META)/;

/**
 * The environment for the local stack's own Temporal. A shell often has TLS, an API key or a profile set for
 * a remote server. The local server speaks in clear and would refuse them.
 */
export function forLocalTemporal(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !HOW_TO_SPEAK.test(name)));
}
