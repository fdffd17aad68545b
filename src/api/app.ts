import express, { Router, type Express, type RequestHandler } from 'express';
import type { RedisClient } from '../redis/connection.ts';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { WebhookChannel } from '../channels/channel.ts';
import { createHttp } from '../channels/http/index.ts';
import { CHANNELS } from '../channels/index.ts';
import type { TurnStarter } from '../intake/start-turn.ts';
import type { TurnLimits } from '../domain/turn.ts';
import { createAcceptMessage } from '../intake/accept-message.ts';
import { createOpenTurns } from '../intake/open-turns.ts';
import { createPace, type Pace } from '../intake/pace.ts';
import { cachedRateLimits } from '../intake/cached-rate-limits.ts';
import { MAX_BODY_BYTES, MAX_MESSAGE_BODY_BYTES } from '../intake/fields.ts';
import { createFairPlaces } from '../lib/fair-places.ts';
import { createLongWork } from '../lib/long-work.ts';
import { createShares } from '../lib/shares.ts';
import type { PreviewGather } from '../memory/recall/preview-gather.ts';
import type { SearchMemory } from '../memory/recall/search-memory.ts';
import { createRateLimiter } from '../intake/rate-limiter.ts';
import { createAcceptHttp } from './accept-http.ts';
import { admitKeys, auditRefusals, CALLS_A_MINUTE, createAdmission, noteOperator } from './admission.ts';
import { createAskToForget } from './ask-to-forget.ts';
import { requireOperator, requireTenant } from './auth.ts';
import { createCallsUnderWay } from './calls-under-way.ts';
import { OPERATOR_CALLS, TENANT_CALLS } from './calls.ts';
import { createTakeEvent, type TakeEvent } from './channel-intake.ts';
import { createKeyLookup } from './key-lookup.ts';
import { LOOKS_AT_ONCE } from './look-up.ts';
import { heedMethods } from './methods.ts';
import { createMetrics } from './metrics.ts';
import { openAiErrors } from './openai/errors.ts';
import { MAX_COMPLETION_BODY_BYTES, MOST_OF_A_COMPLETION } from './openai/request.ts';
import { openApiDocument } from './openapi.ts';
import { notFound, problemHandler } from './problems.ts';
import { createReadiness } from './readiness.ts';
import { createReadJson } from './read-json.ts';
import { agentRoutes } from './routes/agents.ts';
import { auditRoutes, operatorAuditRoutes } from './routes/audit.ts';
import { consolePage } from './routes/console-page.ts';
import { consoleSessionRoutes } from './routes/console-session.ts';
import { erasureRoutes } from './routes/erasures.ts';
import { feedbackRoutes } from './routes/feedback.ts';
import { healthRoutes } from './routes/health.ts';
import { lookUpRoutes } from './routes/look-up.ts';
import { mcpRoutes } from './routes/mcp.ts';
import { memoryRoutes } from './routes/memory.ts';
import { memoryTransferRoutes } from './routes/memory-transfer.ts';
import { messageRoutes } from './routes/messages.ts';
import { reindexRoutes } from './routes/reindexes.ts';
import { slackRoutes } from './routes/slack.ts';
import { openAiRoutes } from './routes/openai.ts';
import { tenantRoutes } from './routes/tenants.ts';
import { threadRoutes } from './routes/threads.ts';
import { storyRoutes } from './routes/story.ts';
import { turnRoutes } from './routes/turns.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { createSessions } from './session.ts';

/** What opens the operator's door, and the pool of the role behind it. */
export type OperatorDoor = { token: string; pool: pg.Pool };

export type AppDependencies = TurnStarter & {
  pool: pg.Pool;
  redis: RedisClient;
  log: Logger;
  limits: TurnLimits;
  /** Undefined: nobody may make tenants over HTTP. */
  operator: OperatorDoor | undefined;
  /** The models that agents may name. */
  models: readonly string[];
  agentsPerTenant: number;
  /** Calls in a minute that are audited, or refused for their role, of all keys of one role. */
  callsAMinute?: number;
  /** Lets in what comes, tenant by tenant; see `createPace`, which it is unless given. */
  pace?: Pace;
  /** How long a page of metrics is shown before a new one is made; a second, unless given. */
  metricsKeptMs?: number;
  /** Requests that wait at once, for replies or erasures (see `createShares`). */
  waitingRequests: number;
  /** Looks in memory for whoever asks; undefined where there is no embedding model. */
  search: SearchMemory | undefined;
  /** Looks up what a turn would be told of. */
  gather: PreviewGather;
  /** Temporal's Web UI; undefined where nobody knows it. */
  temporalUiUrl?: string | undefined;
  /** Those that call us. */
  channels: readonly WebhookChannel[];
  /** Aborted at shutdown. */
  closing: AbortSignal;
};

/** Sends the description from one place in memory: however many don't read it, it is there once. */
function sendDescription(description: object): RequestHandler {
  const body = Buffer.from(JSON.stringify(description));
  return (_req, res) => {
    res.set('Cache-Control', 'public, max-age=300').type('json').send(body);
  };
}

/** The whole HTTP API, and how an event is taken that comes another way. */
export function createApp(dependencies: AppDependencies): { app: Express; takeEvent: TakeEvent } {
  const { pool, redis, log, operator, channels } = dependencies;
  const { callsAMinute = CALLS_A_MINUTE, pace = createPace() } = dependencies;
  const app = express();
  app.disable('x-powered-by');
  // Nobody keeps an answer (see below), so none needs a digest of its megabytes.
  app.disable('etag');
  const { registry, timeRequests, showMetrics } = createMetrics(dependencies.metricsKeptMs);
  app.use(timeRequests);
  // Answers hold what was said, and keys. What says that it is JSON is no page, whatever it holds.
  app.use((_req, res, next) => {
    res.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    next();
  });
  const description = openApiDocument(channels);
  app.use(heedMethods(description.paths));
  const { checkAll, isOutage } = createReadiness(dependencies);
  app.use(healthRoutes({ checkAll }));
  app.get('/metrics', showMetrics);
  app.get('/openapi.json', sendDescription(description));

  const limitsOf = cachedRateLimits(pool);
  const hasRoom = createOpenTurns({ ...dependencies, limitsOf });
  const rateLimiter = createRateLimiter({ redis, limitsOf, hasRoom });
  const accept = createAcceptMessage({ ...dependencies, rateLimiter, pace });
  const takeEvent = createTakeEvent({ accept, isOutage, registry, log });
  app.use(webhookRoutes({ channels, takeEvent }));

  const findKey = createKeyLookup(pool);
  const sessions = createSessions(dependencies.encryption.keys);
  const admission = createAdmission({ rateLimiter, pace, callsAMinute });
  const { admit } = admission;
  const takePlace = createCallsUnderWay();
  const doors = { findKey, takePlace, sessions, operatorToken: operator?.token };
  const longWork = createLongWork();
  const readJson = createReadJson(longWork);
  const forSessions = { doors, readJson, admit, operatorPool: operator?.pool };
  app.use('/console/session', consoleSessionRoutes({ ...dependencies, ...forSessions }));
  app.use(consolePage());

  app.use('/v1/tenants', requireOperator(doors));
  if (operator) {
    const tenants = Router();
    noteOperator(tenants, OPERATOR_CALLS, operator.pool);
    tenants.use(readJson(MAX_BODY_BYTES));
    const door = { ...operator, temporal: dependencies.temporal };
    tenants.use(operatorAuditRoutes(door), tenantRoutes(door), reindexRoutes(door));
    app.use('/v1/tenants', tenants);
  }
  const v1 = Router();
  v1.use(requireTenant(doors));
  // Before any body is read: what is refused for its body leaves its entry too.
  admitKeys(v1, TENANT_CALLS, { pool, admit });
  const looking = createFairPlaces(LOOKS_AT_ONCE);
  // It reads lines, as they come.
  v1.use(memoryTransferRoutes({ ...dependencies, longWork, looking }));
  v1.post('/agents/:agentId/messages', readJson(MAX_MESSAGE_BODY_BYTES));
  v1.post('/chat/completions', readJson(MAX_COMPLETION_BODY_BYTES, MOST_OF_A_COMPLETION));
  v1.use(readJson(MAX_BODY_BYTES));
  v1.use(agentRoutes(dependencies));
  const channelNames = [...CHANNELS, ...channels].map(({ name }) => name);
  const http = createHttp(channelNames);
  const waiting = createShares(dependencies.waitingRequests);
  const acceptHttp = createAcceptHttp({ http, accept });
  const askToForget = createAskToForget(dependencies);
  v1.use(messageRoutes({ ...dependencies, acceptHttp, rateLimiter, pace, waiting, looking }));
  v1.use(openAiRoutes({ ...dependencies, acceptHttp, waiting, looking }));
  v1.use(memoryRoutes({ ...dependencies, channelNames }));
  v1.use(lookUpRoutes({ ...dependencies, channelNames }));
  v1.use(turnRoutes({ ...dependencies, channelNames }));
  v1.use(storyRoutes(dependencies));
  v1.use(slackRoutes(dependencies));
  v1.use(threadRoutes(dependencies));
  v1.use(feedbackRoutes(dependencies));
  v1.use(auditRoutes(dependencies));
  v1.use(erasureRoutes({ ...dependencies, askToForget, waiting }));
  app.use('/v1', v1);
  const forMcp = { ...dependencies, ...admission, findKey, takePlace, readJson, acceptHttp, askToForget };
  app.use('/mcp', mcpRoutes({ ...forMcp, waiting, isOutage }));

  app.use(() => {
    throw notFound('path');
  });
  app.use(auditRefusals(log));
  app.use(['/v1/chat/completions', '/v1/models'], openAiErrors(log, isOutage));
  app.use(problemHandler(log, isOutage));
  return { app, takeEvent };
}
