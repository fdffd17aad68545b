/** Repeats a turn's recall and prompt with other settings. */
import type pg from 'pg';
import { createPool } from '../../src/db/pool.ts';
import { findDoneTurnsBefore } from '../../src/db/turns-before.ts';
import type { RecallSettings } from '../../src/domain/agent.ts';
import type {
  ConversationMessage,
  InboundMessage,
  PromptMessage,
  RecalledMemory,
  Recollection,
  WindowMessage,
} from '../../src/domain/conversation.ts';
import { buildPrompt, promptRoom } from '../../src/domain/prompt.ts';
import { decodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import { NIL_UUID } from '../../src/db/place.ts';
import { listMemories } from '../../src/memory/long-term/memories.ts';
import { recallForTurn } from '../../src/memory/recall/recall-for-turn.ts';
import type { Turn } from '../../src/temporal/story.ts';
import { formatPrompt, formatRecalled, matchLine, section } from './print-story.ts';

/** A turn's recall and prompt with changed settings. */
export type Rerun = Recollection & {
  window: ConversationMessage[];
  prompt: PromptMessage[];
  droppedFromWindow: number;
};

export type Changes = { recall: Partial<RecallSettings>; window?: number; maxPromptTokens?: number };

/**
 * Parses `threshold=0.5`, `window=4`, and so on. Throws with
 * the known names when one is unknown or not a number.
 */
export function parseChanges(assignments: readonly string[], recall: RecallSettings): Changes {
  const changes: Changes = { recall: {} };
  for (const assignment of assignments.flatMap((text) => text.split(','))) {
    const [name = '', text = ''] = assignment.split('=').map((part) => part.trim());
    const value = Number(text);
    const known = ['window', 'maxPromptTokens', ...Object.keys(recall)];
    if (!known.includes(name) || text === '' || !Number.isFinite(value) || value < 0) {
      throw new Error(`--what-if takes NAME=NUMBER, where NAME is ${known.join(', ')}; got "${assignment}"`);
    }
    if (name === 'window' || name === 'maxPromptTokens') changes[name] = value;
    else Object.assign(changes.recall, { [name]: value });
  }
  return changes;
}

/**
 * A pool whose connections see only the exchanges stored before a moment. A temporary view hides the table of
 * the same name, so recall runs unchanged. The table's row policies also apply to the view.
 */
export function createPoolAsOf(databaseUrl: string, moment: Date): pg.Pool {
  const pool = createPool({ databaseUrl, max: 1, statementTimeoutMs: 30_000 });
  pool.on('connect', (client) => {
    // A connection's queries run in order, so this one is finished before the first one of recall.
    void client.query(
      `CREATE TEMPORARY VIEW exchange_passages AS
       SELECT * FROM public.exchange_passages WHERE created_at < '${moment.toISOString()}'`,
    );
  });
  return pool;
}

/**
 * Repeats a turn's recall and prompt. `pool` comes from `createPoolAsOf` with the turn's time; the query's
 * embeddings are the recorded ones. Throws when the history has no embedding because embedding failed.
 */
export async function rerunTurn(pool: pg.Pool, turn: Turn, changes: Changes): Promise<Rerun> {
  const { message, agent, limits, context } = turn;
  if (!context?.embedding) {
    throw new Error('this turn has no embedding of its message, so its recall cannot be repeated');
  }
  const recorded = context.window;
  // A prompt with more room shows what the recorded one had no room for.
  const left = changes.maxPromptTokens === undefined ? 0 : (context.droppedFromWindow ?? 0);
  const size = changes.window ?? recorded.length + left;
  const window =
    size <= recorded.length ? lastOf(recorded, size) : await windowFromMemory(pool, message, size);
  const maxPromptTokens = changes.maxPromptTokens ?? agent.maxPromptTokens ?? limits.maxPromptTokens;
  const promptAgent = { ...agent, maxPromptTokens };
  const recollection = await recallForTurn(pool, {
    message,
    agentName: agent.name,
    settings: { ...agent.recall, ...changes.recall },
    roomTokens: promptRoom(promptAgent, message.text, message.background),
    window: await withMessageIds(pool, message, window),
    embedding: decodeEmbedding(context.embedding),
    ...(context.inFirstPerson !== undefined && { inFirstPerson: decodeEmbedding(context.inFirstPerson) }),
  });
  const { messages, droppedFromWindow } = buildPrompt(
    promptAgent,
    message.text,
    window,
    recollection.recalled,
    message.userName,
    message.background,
  );
  return { window, ...recollection, prompt: messages, droppedFromWindow };
}

/** The window with message ids: each turn of the ledger is two messages of it, in the same order. */
async function withMessageIds(
  pool: pg.Pool,
  message: InboundMessage,
  window: readonly ConversationMessage[],
): Promise<WindowMessage[]> {
  const messageIds = await findDoneTurnsBefore(pool, message, Math.ceil(window.length / 2));
  return window.map((entry, i) => ({
    ...entry,
    messageId: messageIds[Math.floor((window.length - 1 - i) / 2)],
  }));
}

/** A larger window than the recorded one comes from long-term memory, which keeps everything. */
async function windowFromMemory(
  pool: pg.Pool,
  message: InboundMessage,
  size: number,
): Promise<ConversationMessage[]> {
  // No id sorts before the nil UUID, so the page ends right before the message.
  const after = { createdAt: message.receivedAt, id: NIL_UUID };
  const newestFirst = await listMemories(pool, message, { limit: size, after });
  return newestFirst.map(({ role, content }) => ({ role, content })).reverse();
}

/** The difference between the recorded turn and its rerun. */
export function printDifference(turn: Turn, rerun: Rerun, changes: string): string {
  const before = turn.context?.recalled ?? [];
  const key = ({ exchangeId, role }: RecalledMemory) => `${exchangeId} ${role}`;
  const had = new Set(before.map(key));
  const has = new Set(rerun.recalled.map(key));
  const marked = [
    ...rerun.recalled.map((memory) => ({ memory, mark: had.has(key(memory)) ? ' ' : '+' })),
    ...before.filter((memory) => !has.has(key(memory))).map((memory) => ({ memory, mark: '-' })),
  ];
  const lines = marked.flatMap(({ memory, mark }) =>
    formatRecalled([memory]).map((line) => `${mark} ${line.replaceAll('\n', '\n  ')}`),
  );
  const samePrompt = JSON.stringify(turn.prompt) === JSON.stringify(rerun.prompt);
  return [
    section(
      `What if ${changes}: ${rerun.recalled.length} messages recalled instead of ${before.length}`,
      lines,
    ),
    matchLine(rerun),
    `Window: ${rerun.window.length} messages instead of ${turn.context?.window.length ?? 0}`,
    samePrompt ? 'The prompt would have been the same.' : formatPrompt(rerun.prompt, rerun.droppedFromWindow),
  ].join('\n\n');
}

function lastOf<T>(items: readonly T[], count: number): T[] {
  return count === 0 ? [] : items.slice(-count);
}
