import type { Environment } from '../../src/config/variables.ts';

/** These say how to speak to one Temporal, and are wrong at any other. */
const HOW_TO_SPEAK = /^TEMPORAL_(TLS|API_KEY|PROFILE|CONFIG_FILE|GRPC_META)/;

/**
 * The environment for the local stack's own Temporal. A shell often has TLS, an API key or a profile set for
 * a remote server. The local server speaks in clear and would refuse them.
 */
export function forLocalTemporal(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !HOW_TO_SPEAK.test(name)));
}
