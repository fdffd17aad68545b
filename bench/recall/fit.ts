/**
 * `npm run fit:recall -- FILE... [--vectors FILE]`: fits what recall goes by to conversations with questions,
 * and writes it to src/memory/ranking/weights.ts. Each set counts alike, however many questions it has. Of
 * each set it says how well the weights do that were fitted to the other sets.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import { gateFeatures, totalsOf, type Features } from '../../src/memory/ranking/score.ts';
import { rank } from '../../src/memory/ranking/rank.ts';
import { GATE, RANKING } from '../../src/memory/ranking/weights.ts';
import { embedQuestion } from '../../src/memory/recall/question-embeddings.ts';
import { compareScope } from '../../src/memory/recall/recall.ts';
import { queryOf } from '../../src/memory/recall/recall-for-turn.ts';
import { countWords } from '../../src/memory/text/words.ts';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';
import { readConversations, type Question } from './dataset.ts';
import { foreignQuestions } from './foreign.ts';
import { choosing, judging, maximise, type Choice, type Verdict } from './logistic.ts';
import { readOptions } from './options.ts';
import { turnsWithin, questionTo, replay, type Replayed, type Services } from './replay.ts';
import { withServices } from './services.ts';

const WEIGHTS = fileURLToPath(new URL('../../src/memory/ranking/weights.ts', import.meta.url));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

type Passage = { exchangeId: string; words: number; turns: ReadonlySet<string> };
/** A question to a scope, as the fit sees it. */
type Sample = {
  set: string;
  question: Question;
  features: Features;
  passages: readonly Passage[];
  gate: readonly number[];
};
type Weights = { ranking: number[]; gate: number[] };

await runUntilStopped(async (onHandle) => {
  const options = readOptions();
  const sets = await Promise.all(options.files.map(readConversations));
  const samples = await withServices(onHandle, options.vectors, async (services) => {
    const all: Sample[] = [];
    for (const conversations of sets) {
      const replayed: Replayed[] = [];
      for (const conversation of conversations) {
        say(`  storing ${conversation.id}: ${conversation.exchanges.length} exchanges`);
        replayed.push(await replay(services, conversation));
      }
      for (const [i, scope] of replayed.entries()) {
        const next = replayed[(i + 1) % replayed.length]?.conversation;
        const foreign = next && next !== scope.conversation ? foreignQuestions(scope.conversation, next) : [];
        all.push(...(await samplesOf(services, scope, [...scope.conversation.questions, ...foreign])));
      }
    }
    return all;
  });
  const names = [...new Set(samples.map(({ set }) => set))];
  const fitted = fit(samples);
  for (const name of names) {
    const own = samples.filter(({ set }) => set === name);
    const others = names.length > 1 ? fit(samples.filter(({ set }) => set !== name)) : fitted;
    console.log(
      `${name.padEnd(12)} fitted ${verdictOn(own, fitted)}\n${''.padEnd(12)} without ${verdictOn(own, others)}`,
    );
  }
  await writeFile(WEIGHTS, withWeights(await readFile(WEIGHTS, 'utf8'), fitted));
  process.exit(0);
});

/** What recall goes by, for each of some questions to a scope. */
async function samplesOf(
  { pool, embedder }: Services,
  scope: Replayed,
  questions: readonly Question[],
): Promise<Sample[]> {
  const { agent, conversation } = scope;
  const passages = await passagesOf(pool, scope);
  const samples: Sample[] = [];
  for (const question of questions) {
    const message = questionTo(scope, question.text);
    const { tenantId, userId } = message;
    const speakers = { user: message.userName, agent: agent.name };
    const embedded = await embedQuestion(question.text, speakers, (text) =>
      embedder.embed(text, { tenantId, userId, priority: 'query' }),
    );
    const query = queryOf({ message, agentName: agent.name, ...embedded });
    const from = { scope: message, settings: DEFAULT_RECALL };
    const { scored, facts } = await inTenant(pool, tenantId, (client) => compareScope(client, from, query));
    const inOrder = Array.from({ length: scored.totals.length }, (_, place) => {
      const found = scored.passageAt(place);
      const passage = found && passages.get(`${found.exchangeId} ${found.part}`);
      if (!passage) throw new Error('a passage was compared that is not stored');
      return passage;
    });
    const gate = gateFeatures(rank(scored, []), facts);
    samples.push({ set: conversation.set, question, features: scored.features, passages: inOrder, gate });
  }
  return samples;
}

type PassageRow = { exchange: string; part: number; user: [number, number]; reply: [number, number] };

async function passagesOf(pool: Services['pool'], scope: Replayed): Promise<Map<string, Passage>> {
  const { agent, stored } = scope;
  const { rows } = await inTenant(pool, agent.tenantId, (client) =>
    client.query<PassageRow>(
      `SELECT exchange_id AS exchange, part, ARRAY[user_from, user_to] AS user, ARRAY[reply_from, reply_to] AS reply
       FROM exchange_passages WHERE tenant_id = $1`,
      [agent.tenantId],
    ),
  );
  return new Map(
    rows.map(({ exchange, part, user, reply }) => {
      const messages = stored.get(exchange);
      const parts = messages
        ? [
            { message: messages.user, from: user[0], to: user[1] },
            { message: messages.assistant, from: reply[0], to: reply[1] },
          ].filter(({ from, to }) => to > from)
        : [];
      const words = parts.reduce(
        (sum, { message, from, to }) => sum + countWords(message.text.slice(from, to)) + 2,
        0,
      );
      const turns = new Set(parts.flatMap(({ message, from, to }) => turnsWithin(message, [{ from, to }])));
      const exchangeId = exchange.replaceAll('-', '');
      return [`${exchangeId} ${part}`, { exchangeId, words, turns }] as const;
    }),
  );
}

/** Each set counts alike, and of each set what has an answer as much as what has none. */
function fit(samples: readonly Sample[]): Weights {
  const counts = Map.groupBy(samples, ({ set, question }) => `${set} ${question.evidence.size > 0}`);
  const weightOf = ({ set, question }: Sample) =>
    1 / (counts.get(`${set} ${question.evidence.size > 0}`)?.length ?? 1);
  const choices = samples.flatMap((sample): Choice[] => {
    const answers = answersOf(sample);
    return answers.length > 0
      ? [{ columns: columnsOf(sample.features), answers, weight: weightOf(sample) }]
      : [];
  });
  const verdicts = samples.map((sample): Verdict => {
    const isAnswered = sample.question.evidence.size > 0;
    return { features: sample.gate, isAnswered, weight: weightOf(sample) };
  });
  return {
    ranking: maximise(choosing(choices), Object.values(RANKING)),
    gate: maximise(judging(verdicts), Object.values(GATE)),
  };
}

const columnsOf = (features: Features): Float64Array[] => [features.meaning, features.before, features.words];

function answersOf({ question, passages }: Sample): number[] {
  return passages.flatMap(({ turns }, place) =>
    [...question.evidence].some((turn) => turns.has(turn)) ? [place] : [],
  );
}

/** How much of the evidence stands in the words that are quoted, and what passes the gate. */
function verdictOn(samples: readonly Sample[], { ranking, gate }: Weights): string {
  const found = samples
    .filter(({ question }) => question.evidence.size > 0)
    .map(({ question, features, passages }) => {
      const totals = totalsOf(features, {
        meaning: ranking[0] ?? 0,
        before: ranking[1] ?? 0,
        words: ranking[2] ?? 0,
      });
      const order = [...passages.keys()].sort((a, b) => (totals[b] ?? 0) - (totals[a] ?? 0));
      const exchanges = new Set<string>();
      const turns = new Set<string>();
      let words = DEFAULT_RECALL.maxWords;
      for (const passage of order.flatMap((place) => passages[place] ?? []).slice(0, 40)) {
        const isNew = !exchanges.has(passage.exchangeId);
        if (passage.words > words || (isNew && exchanges.size === DEFAULT_RECALL.topK)) continue;
        words -= passage.words;
        exchanges.add(passage.exchangeId);
        passage.turns.forEach((turn) => turns.add(turn));
      }
      return [...question.evidence].filter((turn) => turns.has(turn)).length / question.evidence.size;
    });
  const matches = (isAnswered: boolean): number[] =>
    samples
      .filter(({ question }) => question.evidence.size > 0 === isAnswered)
      .map(({ gate: features }) => likelihood(gate, features))
      .sort((a, b) => a - b);
  const [answered, others] = [matches(true), matches(false)];
  const share = (values: readonly number[], from: number) =>
    ((100 * values.filter((value) => value >= from).length) / values.length).toFixed(1);
  const at93 = answered[Math.floor(answered.length * 0.07)] ?? 0;
  const { threshold } = DEFAULT_RECALL;
  return (
    `${((100 * found.reduce((sum, one) => sum + one, 0)) / found.length).toFixed(1)} % within the words; ` +
    `from ${threshold} pass ${share(answered, threshold)} and ${share(others, threshold)} % of the others; ` +
    `from ${at93.toFixed(3)} 93 and ${share(others, at93)} %; ranking ${ranking.map((w) => w.toFixed(2)).join(' ')}; gate ${gate.map((w) => w.toFixed(2)).join(' ')}`
  );
}

function likelihood([bias = 0, ...weights]: readonly number[], features: readonly number[]): number {
  return 1 / (1 + Math.exp(-weights.reduce((sum, w, i) => sum + w * (features[i] ?? 0), bias)));
}

/** The file with other numbers. */
function withWeights(file: string, { ranking, gate }: Weights): string {
  const table = (names: readonly string[], values: readonly number[]) =>
    names.map((name, i) => `${name}: ${(values[i] ?? 0).toFixed(2)}`).join(', ');
  return file
    .replace(/(RANKING = \{) .* (\})/, `$1 ${table(Object.keys(RANKING), ranking)} $2`)
    .replace(/(GATE = \{) .* (\})/, `$1 ${table(Object.keys(GATE), gate)} $2`);
}
