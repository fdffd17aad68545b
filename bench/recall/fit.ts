/**
 * `npm run fit:recall -- FILE... [--vectors FILE]`: fits what recall goes by to conversations with questions,
 * and writes it to src/memory/ranking/weights.ts. Sets count almost alike, however many questions they have.
 * Of each set it says how well the weights do that were fitted to the other sets.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import { inTurns } from '../../src/lib/in-turns.ts';
import { rank } from '../../src/memory/ranking/rank.ts';
import { matchOf, totalsOf, type Features } from '../../src/memory/ranking/score.ts';
import { RANKING } from '../../src/memory/ranking/weights.ts';
import { embedQuestion } from '../../src/memory/recall/question-embeddings.ts';
import { readQuestion } from '../../src/memory/recall/read-question.ts';
import { compareScope } from '../../src/memory/recall/recall.ts';
import { queryOf } from '../../src/memory/recall/recall-for-turn.ts';
import { quotedWords, withinBudget } from '../../src/memory/recall/quotable.ts';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';
import { readConversations, type Question } from './dataset.ts';
import { foreignQuestions } from './foreign.ts';
import { choosing, maximise, type Choice } from './logistic.ts';
import { readOptions } from './options.ts';
import { turnsWithin, questionTo, replay, type Replayed, type Services } from './replay.ts';
import { withServices } from './services.ts';

const WEIGHTS = fileURLToPath(new URL('../../src/memory/ranking/weights.ts', import.meta.url));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Passages whose quotation is tried. */
const EXAMINED = 40;
const THRESHOLDS = [0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22, 0.24, 0.26];

type Passage = { exchangeId: string; words: number; turns: ReadonlySet<string> };
/** A question to a scope, as the fit sees it. */
type Sample = {
  set: string;
  question: Question;
  features: Features;
  passages: readonly Passage[];
  match: number;
};
type Weights = Record<keyof Features, number>;
/** How much a feature varies: a weight is held back for what it makes of it. */
const SPREAD: Weights = { meaning: 1, before: 1, words: 0.1, speaker: 1 };
const FEATURES = Object.keys(SPREAD) as Array<keyof Features>;

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
    console.log(tradeOff(own));
  }
  const table = await readFile(WEIGHTS, 'utf8');
  await writeFile(WEIGHTS, table.replace(/(RANKING = \{) .* (\})/, `$1 ${tableOf(fitted)} $2`));
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
    const read = await readQuestion(message, query);
    const { scored } = await inTenant(pool, tenantId, (client) => compareScope(client, from, query, read));
    const inOrder = Array.from({ length: scored.totals.length }, (_, place) => {
      const found = scored.passageAt(place);
      const passage = found && passages.get(`${found.exchangeId} ${found.part}`);
      if (!passage) throw new Error('a passage was compared that is not stored');
      return passage;
    });
    const match = matchOf(await inTurns(rank(scored, []), { tenantId }), read.facts, scored.totals.length);
    samples.push({ set: conversation.set, question, features: scored.features, passages: inOrder, match });
  }
  return samples;
}

type PassageRow = { exchange: string; part: number; user: [number, number]; reply: [number, number] };

async function passagesOf(pool: Services['pool'], scope: Replayed): Promise<Map<string, Passage>> {
  const { agent, stored, conversation } = scope;
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
      const words =
        quotedWords(messages?.user.text.slice(...user) ?? '', conversation.userName) +
        quotedWords(messages?.assistant.text.slice(...reply) ?? '', conversation.agentName);
      const turns = new Set(parts.flatMap(({ message, from, to }) => turnsWithin(message, [{ from, to }])));
      const exchangeId = exchange.replaceAll('-', '');
      return [`${exchangeId} ${part}`, { exchangeId, words, turns }] as const;
    }),
  );
}

/** A set counts by the fourth root of its questions: a large one says more, and drowns none. */
function fit(samples: readonly Sample[]): Weights {
  const answerable = samples.flatMap((sample) => {
    const answers = answersOf(sample);
    return answers.length > 0 ? [{ ...sample, answers }] : [];
  });
  const counts = Map.groupBy(answerable, ({ set }) => set);
  const choices = answerable.map(({ set, features, answers }): Choice => {
    const columns = FEATURES.map((name) => features[name].map((value) => value / SPREAD[name]));
    return { columns, answers, weight: (counts.get(set)?.length ?? 1) ** -0.75 };
  });
  const from = FEATURES.map((name) => RANKING[name] * SPREAD[name]);
  const fitted = maximise(choosing(choices), from);
  return Object.fromEntries(
    FEATURES.map((name, i) => [name, (fitted[i] ?? 0) / SPREAD[name]] as const),
  ) as Weights;
}

function answersOf({ question, passages }: Sample): number[] {
  return passages.flatMap(({ turns }, place) =>
    [...question.evidence].some((turn) => turns.has(turn)) ? [place] : [],
  );
}

function percent(values: readonly number[]): string {
  return ((100 * values.reduce((sum, value) => sum + value, 0)) / Math.max(values.length, 1)).toFixed(1);
}

/**
 * How much of the evidence is quoted of what ranks first, without a threshold and the rules for questions.
 */
function verdictOn(samples: readonly Sample[], weights: Weights): string {
  const { topK, maxWords } = DEFAULT_RECALL;
  const found = samples
    .filter(({ question }) => question.evidence.size > 0)
    .map(({ question, features, passages }) => {
      const totals = totalsOf(features, weights);
      const order = [...passages.keys()].sort((a, b) => (totals[b] ?? 0) - (totals[a] ?? 0));
      const ranked = order.slice(0, EXAMINED).flatMap((place) => passages[place] ?? []);
      const turns = new Set(withinBudget(ranked, topK, maxWords).flatMap((passage) => [...passage.turns]));
      return [...question.evidence].filter((turn) => turns.has(turn)).length / question.evidence.size;
    });
  return `${percent(found)} % within the words; ${tableOf(weights)}`;
}

/** What passes at which threshold. */
function tradeOff(samples: readonly Sample[]): string {
  const passed = (isAnswerable: boolean, threshold: number): string =>
    percent(
      samples
        .filter(({ question }) => question.evidence.size > 0 === isAnswerable)
        .map(({ match }) => Number(match >= threshold)),
    );
  const lines = THRESHOLDS.map(
    (threshold) => `${threshold}: ${passed(true, threshold)} and ${passed(false, threshold)} of the others`,
  );
  return `  pass from ${lines.join('; ')}`;
}

function tableOf(weights: Weights): string {
  return FEATURES.map((name) => `${name}: ${Number(weights[name].toFixed(2))}`).join(', ');
}
