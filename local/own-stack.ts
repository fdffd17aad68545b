/**
 * A migrated stack for what loads, kills or measures a system: nothing of it is what the shell configures.
 */
import { migrate } from '../cli/migrate.ts';
import { encryption, type KeyRing } from '../src/config/encryption.ts';
import { parse } from '../src/config/variables.ts';
import { serviceUrlsOf } from './stack/service-urls.ts';
import { startStack, type Stack, type StackHandle } from './stack/index.ts';
import { withoutSettings } from './stack/without-settings.ts';

export type OwnStack = {
  stack: Stack;
  /** What its applications are to be started with. */
  env: NodeJS.ProcessEnv;
  databaseAdminUrl: string;
  databaseUrl: string;
  operatorDatabaseUrl: string;
  redisUrl: string;
  temporalAddress: string;
  keys: KeyRing;
};

/** Durable, as `npm start` has it, without a model server: `settings` name one. */
export async function startOwnStack(options: {
  home: string;
  /** With Temporal's own server, as `npm run stack -- --cluster` has it. */
  cluster?: boolean;
  env: NodeJS.ProcessEnv;
  settings: NodeJS.ProcessEnv;
  onHandle: (handle: StackHandle) => void;
  log?: (line: string) => void;
}): Promise<OwnStack> {
  const { settings, ...more } = options;
  const env = { ...withoutSettings(options.env), ...settings };
  const stack = await startStack({ ...more, want: ['postgres', 'redis', 'temporal', 'model'], env });
  const { DATABASE_ADMIN_URL, DATABASE_URL, DATABASE_OPERATOR_URL, REDIS_URL, TEMPORAL_ADDRESS } = stack.urls;
  if (!DATABASE_ADMIN_URL || !DATABASE_URL || !DATABASE_OPERATOR_URL || !REDIS_URL || !TEMPORAL_ADDRESS)
    throw new Error('the stack has come up without its URLs');
  const databases = { databaseAdminUrl: DATABASE_ADMIN_URL, serviceUrls: serviceUrlsOf(stack.urls) };
  const { TEMPORAL_NAMESPACE: namespace = 'default' } = settings;
  await migrate({ ...databases, temporal: { address: TEMPORAL_ADDRESS, namespace } });
  return {
    stack,
    env,
    databaseAdminUrl: DATABASE_ADMIN_URL,
    databaseUrl: DATABASE_URL,
    operatorDatabaseUrl: DATABASE_OPERATOR_URL,
    redisUrl: REDIS_URL,
    temporalAddress: TEMPORAL_ADDRESS,
    keys: parse({ encryption }, stack.urls).encryption.keys,
  };
}
