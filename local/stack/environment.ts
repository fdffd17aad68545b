import type { Environment } from '../../src/config/variables.ts';

/** How to speak to a Temporal, or which profile to take: each of no use, or worse, at a server that is not meant. */
const HOW_TO_SPEAK = /^TEMPORAL_(TLS|API_KEY|PROFILE|CONFIG_FILE|GRPC_META)/;

/**
 * The environment for a Temporal of the local stack's own. A shell often has TLS, an API key or a profile set for a remote
 * server: the local one speaks in clear and would refuse them.
 */
export function forLocalTemporal(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !HOW_TO_SPEAK.test(name)));
}
