/**
 * `npm run bench:recall -- FILE... [--limit N] [--details OUT.jsonl] [--scale N] [--settings JSON]
 * [--no-user-name] [--vectors FILE]`: measures recall on a throw-away stack.
 */
import { writeFile } from 'node:fs/promises';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';
import { readConversations, type Conversation, type Question } from './dataset.ts';
import { foreignQuestions } from './foreign.ts';
import { toReport, toTable, type Answer, type Asked } from './measure.ts';
import { readOptions } from './options.ts';
import { ask, replay, type Replayed, type Services } from './replay.ts';
import { measureScale } from './scale.ts';
import { withServices } from './services.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

await runUntilStopped(async (onHandle) => {
  const options = readOptions();
  const read = await Promise.all(options.files.map(readConversations));
  const sets = read.map((conversations) => {
    const named = options.noUserName
      ? conversations.map((one) => ({ ...one, userName: undefined }))
      : conversations;
    return limited(named, options.limit);
  });
  const { vectors, settings } = options;
  const report = await withServices(onHandle, vectors, async (services, adminUrl) => {
    const everything: Replayed[] = [];
    const asked: Asked[] = [];
    for (const conversations of sets) {
      const replayed: Replayed[] = [];
      for (const conversation of conversations) {
        say(`  storing ${conversation.id}: ${conversation.exchanges.length} exchanges`);
        replayed.push(await replay(services, conversation, settings));
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
    const size = options.scale;
    const scale = size > 0 && (await measureScale(services, everything, { size, adminUrl }));
    return { sets: reports, ...(scale && { scale }) };
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
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

/** Asks every scope its own questions, and those of the next conversation, which it can't answer. */
async function askAll(services: Services, replayed: readonly Replayed[]): Promise<Asked> {
  const asked: Asked = { answerable: [], unanswerable: [], foreign: [] };
  for (const [i, scope] of replayed.entries()) {
    const { conversation } = scope;
    for (const question of conversation.questions) {
      const kind = question.evidence.size > 0 ? 'answerable' : 'unanswerable';
      asked[kind].push(await answerTo(services, scope, question));
    }
    const next = replayed[(i + 1) % replayed.length]?.conversation;
    const foreign = next && next !== conversation ? foreignQuestions(conversation, next) : [];
    for (const question of foreign) asked.foreign.push(await answerTo(services, scope, question));
  }
  return asked;
}

async function answerTo(services: Services, scope: Replayed, question: Question): Promise<Answer> {
  const { set, id: sampleId } = scope.conversation;
  return { set, sampleId, question, ...(await ask(services, scope, question.text)) };
}

function detailsOf({ answerable, unanswerable, foreign }: Asked): string {
  const line =
    (kind: string) =>
    ({ set, sampleId, question, returned }: Answer) =>
      `${JSON.stringify({ set, sample_id: sampleId, question: question.text, returned, kind })}\n`;
  return [
    ...answerable.map(line('answerable')),
    ...unanswerable.map(line('unanswerable')),
    ...foreign.map(line('foreign')),
  ].join('');
}
