import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** One of the dataset's turns within a message, by its characters. */
export type Turn = { id: string; from: number; to: number };
export type ReplayedMessage = { text: string; turns: Turn[] };
/** One exchange of a replayed conversation. */
export type ReplayedExchange = { user: ReplayedMessage; reply: ReplayedMessage; at: Date };

/** `evidence` holds ids of turns. It is empty where the conversation has no answer. */
export type Question = { text: string; category: string; evidence: ReadonlySet<string> };

export type Conversation = {
  /** The file's name without what all files have in common. */
  set: string;
  id: string;
  /** The user's display name; undefined when the benchmark runs without it. */
  userName: string | undefined;
  agentName: string;
  exchanges: ReplayedExchange[];
  questions: Question[];
};

/** The category of questions that have no answer in their conversation. */
const UNANSWERABLE = 'abstention';

const turn = z.object({ speaker: z.string(), dia_id: z.string(), text: z.string() });
const fileSchema = z.array(
  z.object({
    sample_id: z.string(),
    conversation: z.looseObject({ speaker_a: z.string(), speaker_b: z.string() }),
    qa: z.array(
      z.object({
        question: z.string(),
        category: z.union([z.number(), z.string()]).optional(),
        evidence: z.array(z.string()).optional(),
      }),
    ),
  }),
);

type SpokenTurn = z.infer<typeof turn>;

/**
 * The conversations of a file in LoCoMo's format. `speaker_a` is the user and `speaker_b` the agent; images
 * are ignored. Questions without evidence are left out, unless their category says that they have no answer.
 * Throws when the file has another format.
 */
export async function readConversations(file: string): Promise<Conversation[]> {
  const samples = fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const set = path.basename(file, '.json').replace(/-dev$/, '');
  return samples.map(({ sample_id: id, conversation, qa }) => ({
    set,
    id,
    userName: conversation.speaker_a,
    agentName: conversation.speaker_b,
    exchanges: sessionsOf(conversation).flatMap(({ turns, at }) =>
      toExchanges(turns, conversation.speaker_a, at),
    ),
    questions: qa.flatMap(({ question, category: kind = '', evidence: noted = [] }) => {
      const category = String(kind);
      const ids = noted.flatMap((entry) => entry.match(/D\d+:\d+/g) ?? [entry]);
      const evidence = new Set(category === UNANSWERABLE ? [] : ids);
      return evidence.size > 0 || category === UNANSWERABLE ? [{ text: question, category, evidence }] : [];
    }),
  }));
}

function sessionsOf(conversation: Record<string, unknown>): Array<{ turns: SpokenTurn[]; at: Date }> {
  return Object.keys(conversation)
    .flatMap((key) => /^session_(\d+)$/.exec(key)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
    .map((n) => ({
      turns: z.array(turn).parse(conversation[`session_${n}`]),
      at: sessionTime(String(conversation[`session_${n}_date_time`])),
    }));
}

/** "1:56 pm on 8 May, 2023" */
function sessionTime(text: string): Date {
  const [, hour, minute, half, day] = /^(\d+):(\d+) (am|pm) on (.+)$/i.exec(text.trim()) ?? [];
  if (day === undefined) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime()))
      throw new Error(`a session's date can't be read: ${JSON.stringify(text)}`);
    return at;
  }
  const hours = (Number(hour) % 12) + (half?.toLowerCase() === 'pm' ? 12 : 0);
  return new Date(Date.parse(`${day.replace(',', '')} UTC`) + hours * 3_600_000 + Number(minute) * 60_000);
}

/** Time between the exchanges of a session, far below the gap that begins another session. */
const BETWEEN_EXCHANGES_MS = 60_000;

/**
 * Pairs a session's turns to exchanges. Consecutive turns of one speaker are one message. When the agent
 * speaks first, its turns are part of the first reply.
 */
function toExchanges(turns: readonly SpokenTurn[], user: string, at: Date): ReplayedExchange[] {
  const exchanges: ReplayedExchange[] = [];
  let opened = false;
  for (const { speaker, dia_id: id, text } of turns) {
    const isUser = speaker === user;
    let current = exchanges.at(-1);
    if (!current || (isUser && opened && current.reply.text !== '')) {
      const message = () => ({ text: '', turns: [] });
      current = {
        user: message(),
        reply: message(),
        at: new Date(at.getTime() + exchanges.length * BETWEEN_EXCHANGES_MS),
      };
      exchanges.push(current);
    }
    opened ||= isUser;
    const message = isUser ? current.user : current.reply;
    if (message.text !== '' && text !== '') message.text += ' ';
    message.turns.push({ id, from: message.text.length, to: message.text.length + text.length });
    message.text += text;
  }
  return exchanges;
}
