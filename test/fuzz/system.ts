/** Konstruct as `npm start` runs it, between a Slack and a model that answer anything. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import pg from 'pg';
import { createAgent } from '../../src/db/agents.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { createTenant, updateTenant } from '../../src/db/tenants.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { startOwnStack } from '../../local/own-stack.ts';
import { superviseService } from '../../local/stack/applications.ts';
import type { Stack, StackHandle } from '../../local/stack/types.ts';
import type { Sources } from '../chaos/evidence.ts';
import { readBody, serve } from '../support/http-server.ts';
import type { ModelAnswer } from './inputs.ts';

export const SIGNING_SECRET = 'a-signing-secret-of-the-fuzz-tier';
export const TEAM = 'T1';

export type FuzzSystem = {
  stack: Stack;
  sources: Pick<Sources, 'admin' | 'temporal' | 'baseUrl'>;
  workerUrl: string;
  agentId: string;
  apiKey: string;
  stop(): Promise<void>;
};

/** `nextAnswer` says how the model answers its next request. */
export async function startSystem(options: {
  home: string;
  nextAnswer: () => ModelAnswer;
  onHandle: (handle: StackHandle) => void;
}): Promise<FuzzSystem> {
  const { home, nextAnswer, onHandle } = options;
  const model = await serve(async (req, res) => {
    await readBody(req);
    answerAs(res, nextAnswer());
  });
  const slack = await serve(async (req, res) => {
    await readBody(req);
    const answer = {
      ok: true,
      user_id: 'UBOT',
      bot_id: 'BBOT',
      team_id: TEAM,
      ts: `${Date.now() / 1_000}`,
      messages: [],
    };
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const workerPort = await freePort();
  const settings = {
    LLM_BASE_URL: `${model.url}/v1`,
    LLM_MODEL: 'anything',
    LOG_LEVEL: 'info',
    WORKER_PORT: String(workerPort),
  };
  const own = await startOwnStack({ home, env: process.env, settings, onHandle });
  const open = (databaseUrl: string) => createPool({ databaseUrl, max: 2, statementTimeoutMs: 10_000 });
  const [pool, operator] = [open(own.databaseUrl), open(own.operatorDatabaseUrl)];
  const { tenantId, key } = await createTenant(operator, 'Fuzz');
  await updateTenant(operator, tenantId, { rateLimits: UNLIMITED });
  const agent = await inTenant(pool, tenantId, (client) =>
    createAgent(client, tenantId, randomUUID(), { name: 'Mara' }),
  );
  await Promise.all([pool.end(), operator.end()]);
  const port = await freePort();
  const env = {
    ...own.env,
    SLACK_API_URL: slack.url,
    SLACK_BOT_TOKEN: 'xoxb-fuzz',
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    KONSTRUCT_SLACK_TENANT_ID: tenantId,
    KONSTRUCT_SLACK_AGENT_ID: agent.id,
  };
  await superviseService(own.stack, { home, env, port });

  const admin = new pg.Pool({ connectionString: own.databaseAdminUrl, max: 1 });
  admin.on('error', () => undefined);
  const temporal = lazyClient({ address: own.temporalAddress, namespace: 'default' }, own.keys);
  return {
    stack: own.stack,
    sources: { admin, temporal, baseUrl: `http://127.0.0.1:${port}` },
    workerUrl: `http://127.0.0.1:${workerPort}`,
    agentId: agent.id,
    apiKey: key.apiKey,
    async stop() {
      await Promise.all([admin.end(), temporal.connection.close()]);
      await own.stack.stop();
      await Promise.all([model.close(), slack.close()]);
    },
  };
}

/** What is looked for is what a message does, not how many there are. */
const UNLIMITED = { user: { burst: 1e6, perMinute: 1e6 }, tenant: { burst: 1e6, perMinute: 1e6 } };

function answerAs(res: ServerResponse, answer: ModelAnswer): void {
  switch (answer.kind) {
    case 'document':
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      return;
    case 'status':
      res.writeHead(answer.status, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ error: { message: answer.text } }));
      return;
    case 'lines':
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const chunk of answer.chunks) res.write(`data: ${JSON.stringify(chunk)}\n\n`);
      res.end();
      return;
    case 'stream': {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      // A thousand pieces say as much as ten thousand.
      const length = Math.max(answer.pieceLength, Math.ceil(answer.text.length / 1_000));
      for (let at = 0; at < answer.text.length; at += length) {
        const content = answer.text.slice(at, at + length);
        res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
      }
      res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`);
      res.end('data: [DONE]\n\n');
    }
  }
}
