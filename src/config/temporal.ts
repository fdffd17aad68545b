/**
 * How Temporal is reached. The variables are those of Temporal's own tools. `@temporalio/envconfig` reads
 * them, and a profile of Temporal's configuration file. The file counts only when TEMPORAL_PROFILE or
 * TEMPORAL_CONFIG_FILE names it: a file in somebody's home must not lend its API key to another server.
 */
import { readFileSync } from 'node:fs';
import { loadClientConfigProfile, type ClientConfigProfile } from '@temporalio/envconfig';
import { z } from 'zod';
import { saidTwice, tlsOf, tlsProblems, type TemporalTls } from './temporal-tls.ts';
import { text } from './variables.ts';

const pem = (description: string) =>
  text.optional().meta({ description, cure: 'a text in PEM, with its line breaks' });
const pemFile = (description: string) => text.optional().meta({ description, cure: 'a path' });

const variables = z
  .object({
    TEMPORAL_ADDRESS: text.optional().meta({
      description: 'A Temporal cluster or Temporal Cloud',
      cure:
        'host:7233, or set TEMPORAL_PROFILE to a profile with an address, or use npm start, ' +
        'which starts a dev server',
      unset: 'the profile’s; required without one',
    }),
    TEMPORAL_NAMESPACE: text.optional().meta({
      description: 'The namespace; it must be there',
      unset: 'the profile’s, or `default`',
    }),
    TEMPORAL_API_KEY: text.optional().meta({ description: 'An API key. Implies TLS' }),
    TEMPORAL_TLS: z.stringbool().optional().meta({
      description: 'Whether to speak TLS',
      cure: 'true or false',
      unset: 'only with an API key, a certificate or a server name',
    }),
    TEMPORAL_TLS_SERVER_NAME: text.optional().meta({
      description: 'The name that the server’s certificate must bear, where the address has another',
    }),
    TEMPORAL_TLS_SERVER_CA_CERT_DATA: pem('The authority that the server’s certificate must be of'),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: pemFile('The same as a file'),
    TEMPORAL_TLS_CLIENT_CERT_DATA: pem('The certificate to show (mutual TLS)'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: pemFile('The same as a file'),
    TEMPORAL_TLS_CLIENT_KEY_DATA: pem('The private key of that certificate'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: pemFile('The same as a file'),
    TEMPORAL_PROFILE: text.optional().meta({
      description: 'A profile of Temporal’s configuration file. Variables override what it says',
      cure: 'the name of a profile that the file has',
      unset: '`default` with `TEMPORAL_CONFIG_FILE`, else no profile is read',
    }),
    TEMPORAL_CONFIG_FILE: text.optional().meta({
      description: 'That file (TOML)',
      cure: 'a path',
      unset: 'with `TEMPORAL_PROFILE` the file in the user’s configuration folder',
    }),
  })
  // envconfig needs the rest too: the user's configuration folder (HOME …), and TEMPORAL_GRPC_META_….
  .catchall(z.string())
  .meta({
    title: 'Temporal',
    description:
      'The variables of Temporal’s own tools. `TEMPORAL_GRPC_META_<NAME>` adds a header to every call. ' +
      'Migration adds the search attributes that the namespace lacks. It leaves the retention as it is.',
  });

export type TemporalConfig = {
  /** `host:port`. */
  address: string;
  namespace: string;
  apiKey?: string;
  /** Undefined: no TLS. */
  tls?: TemporalTls;
  /** Headers of every call. */
  metadata?: Record<string, string>;
};

export const temporal = variables.transform((read, { issues }): TemporalConfig => {
  const complain = (name: string, message: string): void =>
    void issues.push({ code: 'custom', input: undefined, path: [name], message });
  const env = asTexts(read);
  for (const [name, message] of saidTwice(env)) complain(name, message);
  if (issues.length > 0) return z.NEVER;
  let profile: ClientConfigProfile;
  try {
    profile = loadProfile(env);
  } catch (error) {
    complain('TEMPORAL_CONFIG_FILE' in env ? 'TEMPORAL_CONFIG_FILE' : 'TEMPORAL_PROFILE', unusable(error));
    return z.NEVER;
  }
  const { address, namespace = 'default', apiKey, grpcMeta } = profile;
  for (const [name, message] of tlsProblems(profile.tls, env)) complain(name, message);
  if (address === undefined) {
    issues.push({ code: 'invalid_type', expected: 'string', input: undefined, path: ['TEMPORAL_ADDRESS'] });
  }
  if (address === undefined || issues.length > 0) return z.NEVER;
  const tls = tlsOf(profile);
  return {
    address,
    namespace,
    ...(apiKey !== undefined && { apiKey }),
    ...(tls && { tls }),
    ...(grpcMeta && { metadata: grpcMeta }),
  };
});

/** What the environment says, then what the profile says. Throws when file or profile can't be had. */
function loadProfile(env: Record<string, string>): ClientConfigProfile {
  const file = env['TEMPORAL_CONFIG_FILE'];
  return loadClientConfigProfile({
    overrideEnvVars: env,
    disableFile: file === undefined && env['TEMPORAL_PROFILE'] === undefined,
    // Read here, because envconfig takes a file that is missing for one that says nothing.
    ...(file !== undefined && { configSource: { data: readFileSync(file) } }),
  });
}

/** What is wrong with the file. envconfig throws a TypeError at one without any profile. */
function unusable(error: unknown): string {
  // A message about malformed TOML goes on with lines of the file, which may hold an API key.
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  return error instanceof TypeError ? 'has no table [profile.…]' : `can't be used: ${reason}`;
}

/** envconfig knows `1` and `true` only, and takes any other word for `false`. */
function asTexts(read: z.output<typeof variables>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(read).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
