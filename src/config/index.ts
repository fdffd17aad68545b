/** The only reader of the environment. Every complaint names the variable and the cure. */
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const text = z.string().min(1);

const temporalVariables = {
  TEMPORAL_ADDRESS: text,
  TEMPORAL_NAMESPACE: text.default('default'),
  TEMPORAL_API_KEY: text.optional(),
  TEMPORAL_TLS: z.stringbool().optional(),
  TEMPORAL_TLS_SERVER_NAME: text.optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_DATA: text.optional(),
  TEMPORAL_TLS_CLIENT_CERT_DATA: text.optional(),
  TEMPORAL_TLS_CLIENT_KEY_DATA: text.optional(),
};

const slackVariables = {
  SLACK_API_URL: z.url({ protocol: /^https?$/ }).default('https://slack.com/api/'),
  SLACK_BOT_TOKEN: text.optional(),
};

const serviceVariables = {
  ...temporalVariables,
  DATABASE_URL: text,
  REDIS_URL: text,
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** How long a start waits for Postgres and Temporal before it ends with what to do about it. */
  KONSTRUCT_START_TIMEOUT_MS: z.coerce.number().int().positive().default(60_000),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
};

const apiVariables = z.object({
  ...serviceVariables,
  PORT: port.default(3000),
  HOST: text.default('127.0.0.1'),
  KONSTRUCT_OPERATOR_TOKEN: text.optional(),
  KONSTRUCT_HOLD_FOLLOWERS_MS: z.coerce.number().int().positive().default(30_000),
  LLM_MAX_PROMPT_TOKENS: z.coerce.number().int().positive().default(24_000),
  ...slackVariables,
  SLACK_SIGNING_SECRET: text.optional(),
  SLACK_ALLOWED_BOTS: z.string().default(''),
  KONSTRUCT_SLACK_TENANT_ID: z.uuid().optional(),
  KONSTRUCT_SLACK_AGENT_ID: z.uuid().optional(),
});

const llmVariables = {
  LLM_BASE_URL: text,
  LLM_MODEL: text,
  LLM_API_KEY: text.default('none'),
};

const workerVariables = z.object({
  ...serviceVariables,
  ...llmVariables,
  KONSTRUCT_MODELS: text,
  WORKER_PORT: port.optional(),
  HOST: text.default('127.0.0.1'),
  ...slackVariables,
});

const migrationVariables = z.object({
  ...temporalVariables,
  DATABASE_URL: text,
  DATABASE_ADMIN_URL: text,
});

const CURES: Record<string, string> = {
  DATABASE_URL: 'postgres://konstruct_app:…@host:5432/konstruct, or use npm start, which starts a database',
  DATABASE_ADMIN_URL: 'the URL of a superuser, for migrations only',
  REDIS_URL: 'redis://host:6379, or use npm start, which starts one',
  TEMPORAL_ADDRESS: 'host:7233, or use npm start, which starts a dev server',
  LLM_BASE_URL: 'any OpenAI-compatible server, e.g. http://127.0.0.1:8080/v1',
  LLM_MODEL: 'the name of a model that LLM_BASE_URL serves',
  KONSTRUCT_MODELS: 'a folder that holds Xenova/all-MiniLM-L6-v2, or use npm start, which fetches it',
};

export type TemporalConfig = {
  address: string;
  namespace: string;
  apiKey?: string;
  /** Undefined: no TLS. */
  tls?: { serverName?: string; serverRootCa?: Buffer; clientCert?: { crt: Buffer; key: Buffer } };
};

export type ServiceConfig = {
  databaseUrl: string;
  redisUrl: string;
  temporal: TemporalConfig;
  logLevel: string;
  startTimeoutMs: number;
  /** Where traces go (OTLP over HTTP); undefined: no tracing. */
  tracesTo: string | undefined;
};

export type ApiConfig = ServiceConfig & {
  port: number;
  host: string;
  /** Undefined: nobody may make tenants over HTTP. */
  operatorToken: string | undefined;
  holdFollowersMs: number;
  maxPromptTokens: number;
  /** Undefined: no events from Slack. */
  slack: SlackInboundConfig | undefined;
};

/** Where the Web API is and the token for it. */
export type SlackWebConfig = { apiUrl: string; token: string };

export type SlackInboundConfig = {
  signingSecret: string;
  /** Bot or user ids of other bots that may speak to the agent. */
  allowedBots: string[];
  /** The workspace of SLACK_BOT_TOKEN, and whose it is. */
  workspace: (SlackWebConfig & { tenantId: string; agentId: string }) | undefined;
};

export type LlmConfig = { baseUrl: string; model: string; apiKey: string };

export type WorkerConfig = ServiceConfig & {
  modelsPath: string;
  llm: LlmConfig;
  /** Where `GET /metrics` is served; undefined: nowhere. */
  metrics: { port: number; host: string } | undefined;
  /** Undefined: replies to Slack wait until a worker has the token. */
  slack: SlackWebConfig | undefined;
};

type Environment = Record<string, string | undefined>;

/** The API's configuration. Throws one error that lists every variable that is missing or wrong. */
export function apiConfig(env: Environment): ApiConfig {
  const read = parse(apiVariables, env);
  return {
    ...serviceConfig(read),
    port: read.PORT,
    host: read.HOST,
    operatorToken: read.KONSTRUCT_OPERATOR_TOKEN,
    holdFollowersMs: read.KONSTRUCT_HOLD_FOLLOWERS_MS,
    maxPromptTokens: read.LLM_MAX_PROMPT_TOKENS,
    slack: slackInboundConfig(read),
  };
}

/** The worker's configuration. Throws as `apiConfig` does. */
export function workerConfig(env: Environment): WorkerConfig {
  const read = parse(workerVariables, env);
  return {
    ...serviceConfig(read),
    modelsPath: read.KONSTRUCT_MODELS,
    llm: { baseUrl: read.LLM_BASE_URL, model: read.LLM_MODEL, apiKey: read.LLM_API_KEY },
    metrics: read.WORKER_PORT === undefined ? undefined : { port: read.WORKER_PORT, host: read.HOST },
    slack: slackWebConfig(read),
  };
}

/** The migration step's configuration. Throws as `apiConfig` does. */
export function migrationConfig(env: Environment) {
  const read = parse(migrationVariables, env);
  return {
    databaseAdminUrl: read.DATABASE_ADMIN_URL,
    databaseUrl: read.DATABASE_URL,
    temporal: temporalConfig(read),
  };
}

/** What it takes to read histories. Throws as `apiConfig` does. */
export function replayConfig(env: Environment): { temporal: TemporalConfig } {
  return { temporal: temporalConfig(parse(z.object(temporalVariables), env)) };
}

/** What it takes to run a turn's recall again. Throws as `apiConfig` does. */
export function recallConfig(env: Environment): { databaseUrl: string } {
  return { databaseUrl: parse(z.object({ DATABASE_URL: text }), env).DATABASE_URL };
}

/** What it takes to ask the model. Throws as `apiConfig` does. */
export function llmConfig(env: Environment): LlmConfig {
  const read = parse(z.object(llmVariables), env);
  return { baseUrl: read.LLM_BASE_URL, model: read.LLM_MODEL, apiKey: read.LLM_API_KEY };
}

function serviceConfig(read: z.infer<z.ZodObject<typeof serviceVariables>>): ServiceConfig {
  return {
    databaseUrl: read.DATABASE_URL,
    redisUrl: read.REDIS_URL,
    temporal: temporalConfig(read),
    logLevel: read.LOG_LEVEL,
    startTimeoutMs: read.KONSTRUCT_START_TIMEOUT_MS,
    tracesTo: read.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}

function slackWebConfig(read: z.infer<z.ZodObject<typeof slackVariables>>): SlackWebConfig | undefined {
  return read.SLACK_BOT_TOKEN ? { apiUrl: read.SLACK_API_URL, token: read.SLACK_BOT_TOKEN } : undefined;
}

function slackInboundConfig(read: z.infer<typeof apiVariables>): SlackInboundConfig | undefined {
  if (!read.SLACK_SIGNING_SECRET) return undefined;
  const web = slackWebConfig(read);
  const { KONSTRUCT_SLACK_TENANT_ID: tenantId, KONSTRUCT_SLACK_AGENT_ID: agentId } = read;
  if (web && !(tenantId && agentId)) {
    const missing = tenantId ? 'KONSTRUCT_SLACK_AGENT_ID' : 'KONSTRUCT_SLACK_TENANT_ID';
    throw new Error(
      `The configuration is incomplete:\n  ${missing} is not set: with SLACK_BOT_TOKEN it says whose the ` +
        'workspace is (npm start sets it to the demo tenant)',
    );
  }
  return {
    signingSecret: read.SLACK_SIGNING_SECRET,
    allowedBots: read.SLACK_ALLOWED_BOTS.split(/[\s,]+/).filter(Boolean),
    workspace: web && tenantId && agentId ? { ...web, tenantId, agentId } : undefined,
  };
}

function temporalConfig(read: z.infer<z.ZodObject<typeof temporalVariables>>): TemporalConfig {
  const data = (value: string | undefined) => (value === undefined ? undefined : Buffer.from(value));
  const crt = data(read.TEMPORAL_TLS_CLIENT_CERT_DATA);
  const key = data(read.TEMPORAL_TLS_CLIENT_KEY_DATA);
  const serverRootCa = data(read.TEMPORAL_TLS_SERVER_CA_CERT_DATA);
  // As Temporal's own tools do: an API key or a certificate implies TLS.
  const secured = read.TEMPORAL_TLS ?? Boolean(read.TEMPORAL_API_KEY ?? crt ?? serverRootCa);
  return {
    address: read.TEMPORAL_ADDRESS,
    namespace: read.TEMPORAL_NAMESPACE,
    ...(read.TEMPORAL_API_KEY && { apiKey: read.TEMPORAL_API_KEY }),
    ...(secured && {
      tls: {
        ...(read.TEMPORAL_TLS_SERVER_NAME && { serverName: read.TEMPORAL_TLS_SERVER_NAME }),
        ...(serverRootCa && { serverRootCa }),
        ...(crt && key && { clientCert: { crt, key } }),
      },
    }),
  };
}

function parse<S extends z.ZodObject>(schema: S, env: Environment): z.infer<S> {
  // An empty variable is what `FOO= npm start` and compose files make of an unset one.
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(present);
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    const said = name in present ? `${name}: ${message}` : `${name} is not set`;
    return CURES[name] ? `${said} (set it to ${CURES[name]})` : said;
  });
  throw new Error(`The configuration is incomplete:\n  ${lines.join('\n  ')}`);
}
