/**
 * `npm run bench:recall -- FILE... [--limit N] [--details OUT.jsonl] [--scale N] [--settings JSON]
 * [--no-user-name] [--vectors FILE]`: measures recall on a throw-away stack.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createPool } from '../../src/db/pool.ts';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import { createEmbedder } from '../../src/memory/embedding/embedder.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { serviceUrlsOf } from '../../local/stack/service-urls.ts';
import { startStack } from '../../local/stack/index.ts';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';
import { withoutSettings } from '../../local/stack/without-settings.ts';
import { cachedEmbedder } from './cached-embedder.ts';
import { readConversations, type Conversation, type Question } from './dataset.ts';
import { foreignQuestions } from './foreign.ts';
import { toReport, toTable, type Answer, type Asked } from './measure.ts';
import { readOptions } from './options.ts';
import { ask, replay, type Replayed, type Services } from './replay.ts';
import { measureScale } from './scale.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

await runUntilStopped(async (onHandle) => {
  const options = readOptions(say);
  const read = await Promise.all(options.files.map(readConversations));
  const sets = read.map((conversations) => {
    const named = options.noUserName
      ? conversations.map((one) => ({ ...one, userName: undefined }))
      : conversations;
    return limited(named, options.limit);
  });
  const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-bench-'));
  const stack = await startStack({
    home,
    ephemeral: true,
    want: ['postgres', 'redis', 'model'],
    env: withoutSettings(process.env),
    onHandle,
  });
  const { DATABASE_ADMIN_URL: adminUrl, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = stack.urls;
  const { DATABASE_OPERATOR_URL: operatorUrl } = stack.urls;
  const modelsPath = stack.urls.KONSTRUCT_MODELS;
  if (!adminUrl || !databaseUrl || !operatorUrl || !redisUrl || !modelsPath)
    throw new Error('the stack was started without its URLs');
  await migrateDatabase({ databaseAdminUrl: adminUrl, serviceUrls: serviceUrlsOf(stack.urls) });
  const services: Services = {
    pool: createPool({ databaseUrl, max: 10, statementTimeoutMs: 10_000 }),
    operator: createPool({ databaseUrl: operatorUrl, max: 1, statementTimeoutMs: 10_000 }),
    redis: new Redis(redisUrl),
    embedder: await cachedEmbedder(await createEmbedder({ modelsPath }), options.vectors),
  };

  const everything: Replayed[] = [];
  const asked: Asked[] = [];
  for (const conversations of sets) {
    const replayed: Replayed[] = [];
    for (const conversation of conversations) {
      say(`  storing ${conversation.id}: ${conversation.exchanges.length} exchanges`);
      replayed.push(await replay(services, conversation, options.settings));
    }
    say('  asking');
    asked.push(await askAll(services, replayed));
    everything.push(...replayed);
  }
  if (options.details) await writeFile(options.details, asked.map(detailsOf).join(''));
  const reports = Object.fromEntries(
    asked.map((one, i) => [sets[i]?.[0]?.set ?? String(i), toReport(one)] as const),
  );
  console.log(toTable(reports));
  const scale =
    options.scale > 0 && (await measureScale(services, everything, { size: options.scale, adminUrl }));

  await Promise.all([services.pool.end(), services.operator.end(), services.embedder.close()]);
  services.redis.disconnect();
  await stack.stop();
  await rm(home, { recursive: true, force: true });
  process.stdout.write(`${JSON.stringify({ sets: reports, ...(scale && { scale }) })}\n`);
  process.exit(0);
});

/**
 * Limits the questions to `limit` in total, about equally many of each conversation. All conversations are
 * still replayed, since each provides foreign questions to another.
 */
function limited(conversations: Conversation[], limit: number): Conversation[] {
  let left = limit;
  return conversations.map((conversation, i) => {
    const share = Math.ceil(left / (conversations.length - i));
    const questions = conversation.questions.slice(0, share);
    left -= questions.length;
    return { ...conversation, questions };
  });
}

/**
 * Asks every scope its own questions, and those of the next conversation, which it can't answer. `topK` is
 * that of the measure (3 or 5), not that of the settings.
 */
async function askAll(services: Services, replayed: readonly Replayed[]): Promise<Asked> {
  const asked: Asked = { at3: [], at5: [], unanswerable: [], foreign: [] };
  const topK = DEFAULT_RECALL.topK;
  for (const [i, scope] of replayed.entries()) {
    const { conversation } = scope;
    for (const question of conversation.questions) {
      if (question.evidence.size === 0)
        asked.unanswerable.push(await answerTo(services, scope, question, topK));
      else {
        asked.at3.push(await answerTo(services, scope, question, topK));
        asked.at5.push(await answerTo(services, scope, question, 5));
      }
    }
    const next = replayed[(i + 1) % replayed.length]?.conversation;
    const foreign = next && next !== conversation ? foreignQuestions(conversation, next) : [];
    for (const question of foreign) asked.foreign.push(await answerTo(services, scope, question, topK));
  }
  return asked;
}

async function answerTo(
  services: Services,
  scope: Replayed,
  question: Question,
  topK: number,
): Promise<Answer> {
  const { set, id: sampleId } = scope.conversation;
  return { set, sampleId, question, ...(await ask(services, scope, question.text, topK)) };
}

function detailsOf({ at3, unanswerable, foreign }: Asked): string {
  const line =
    (kind: string) =>
    ({ set, sampleId, question, returned }: Answer) =>
      `${JSON.stringify({ set, sample_id: sampleId, question: question.text, returned, kind })}\n`;
  return [
    ...at3.map(line('answerable')),
    ...unanswerable.map(line('unanswerable')),
    ...foreign.map(line('foreign')),
  ].join('');
}
