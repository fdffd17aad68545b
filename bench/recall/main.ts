/**
 * `npm run bench:recall -- FILE [--limit N] [--details OUT.jsonl] [--scale N] [--settings JSON]
 * [--no-user-name]`: measures the accuracy of recall on a throw-away stack.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { createPool } from '../../src/db/pool.ts';
import { DEFAULT_RECALL, type RecallSettings } from '../../src/domain/agent.ts';
import { createEmbedder, type Embedder } from '../../src/memory/embedding/embedder.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { readConversations, type Conversation, type Question } from './dataset.ts';
import { toReport, toTable, type Answer } from './measure.ts';
import { ask, replay, type Replayed, type Services } from './replay.ts';
import { measureScale } from './scale.ts';
import { readSettings } from './settings.ts';
import { serviceUrlsOf } from '../../local/stack/service-urls.ts';
import { startStack } from '../../local/stack/index.ts';
import { StackError } from '../../local/stack/report.ts';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';
import { withoutSettings } from '../../local/stack/without-settings.ts';

const USAGE =
  'usage: npm run bench:recall -- FILE [--limit QUESTIONS] [--details OUT.jsonl] [--scale EXCHANGES] [--settings JSON] [--no-user-name]';
const say = (line: string): void => void process.stderr.write(`${line}\n`);

await runUntilStopped(async (onHandle) => {
  const options = readOptions();
  const read = await readConversations(options.file);
  const named = options.noUserName ? read.map((one) => ({ ...one, userName: undefined })) : read;
  const conversations = limited(named, options.limit);
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
    embedder: cached(await createEmbedder({ modelsPath })),
  };

  const replayed: Replayed[] = [];
  for (const conversation of conversations) {
    say(`  storing ${conversation.id}: ${conversation.exchanges.length} exchanges`);
    replayed.push(await replay(services, conversation, options.settings));
  }
  say('  asking');
  const { at3, at5, unrelated } = await askAll(services, replayed);
  const report = toReport(at3, at5, unrelated);
  if (options.details) await writeFile(options.details, detailsOf(at3, unrelated));
  const byConversation = [...Map.groupBy(at3, ({ sampleId }) => sampleId)];
  console.log(
    toTable(
      report,
      byConversation.map(([id, answers]) => ({ id, answers })),
    ),
  );
  const scale =
    options.scale > 0 && (await measureScale(services, replayed, { size: options.scale, adminUrl }));

  await Promise.all([services.pool.end(), services.operator.end(), services.embedder.close()]);
  services.redis.disconnect();
  await stack.stop();
  await rm(home, { recursive: true, force: true });
  process.stdout.write(`${JSON.stringify({ ...report, ...(scale && { scale }) })}\n`);
  process.exit(0);
});

function readOptions(): {
  file: string;
  limit: number;
  scale: number;
  details: string | undefined;
  settings: Partial<RecallSettings>;
  noUserName: boolean;
} {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      limit: { type: 'string' },
      details: { type: 'string' },
      scale: { type: 'string' },
      settings: { type: 'string', default: '{}' },
      'no-user-name': { type: 'boolean', default: false },
    },
  });
  const [file] = positionals;
  const limit = Number(values.limit ?? Number.POSITIVE_INFINITY);
  const scale = Number(values.scale ?? 0);
  if (file === undefined || positionals.length > 1 || !(limit > 0) || !(scale >= 0))
    throw new StackError(USAGE);
  const { settings, note } = readSettings(values.settings);
  if (note) say(`  ${note}`);
  return {
    ...{ file, limit, scale, details: values.details, settings },
    noUserName: values['no-user-name'],
  };
}

/**
 * Limits the questions to `limit` in total, about equally many of each conversation. All conversations are
 * still replayed, since each provides unrelated questions to another.
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
async function askAll(services: Services, replayed: readonly Replayed[]) {
  const answers = { at3: [] as Answer[], at5: [] as Answer[], unrelated: [] as Answer[] };
  const topK = DEFAULT_RECALL.topK;
  for (const [i, scope] of replayed.entries()) {
    for (const question of scope.conversation.questions) {
      answers.at3.push(await answerTo(services, scope, question, topK));
      answers.at5.push(await answerTo(services, scope, question, 5));
    }
    const foreign = replayed.length > 1 ? replayed[(i + 1) % replayed.length]?.conversation.questions : [];
    for (const question of foreign ?? [])
      answers.unrelated.push(await answerTo(services, scope, question, topK));
  }
  return answers;
}

async function answerTo(
  services: Services,
  scope: Replayed,
  question: Question,
  topK: number,
): Promise<Answer> {
  const { text, category, evidence } = question;
  const answer = await ask(services, scope, text, topK);
  return { sampleId: scope.conversation.id, question: text, category, evidence, ...answer };
}

function detailsOf(at3: readonly Answer[], unrelated: readonly Answer[]): string {
  const line =
    (isUnrelated: boolean) =>
    ({ sampleId, question, returned }: Answer) =>
      `${JSON.stringify({ sample_id: sampleId, question, returned, unrelated: isUnrelated })}\n`;
  return [...at3.map(line(false)), ...unrelated.map(line(true))].join('');
}

/** Embeds each text once: a question is asked several times, and only the search is timed. */
function cached(embedder: Embedder): Embedder {
  const known = new Map<string, Promise<Float32Array>>();
  return {
    close: () => embedder.close(),
    embed(text, request) {
      const embedding = known.get(text) ?? embedder.embed(text, request);
      known.set(text, embedding);
      return embedding;
    },
  };
}
