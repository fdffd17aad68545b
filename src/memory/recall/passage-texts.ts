import type pg from 'pg';
import type { Role, Scope } from '../../domain/conversation.ts';
import { fromSent } from '../embedding/sent-vector.ts';
import { memoryId } from '../long-term/memory-id.ts';
import type { Span } from '../text/passages.ts';

/**
 * The texts of a passage: of each message the part that belongs to it. `asked` is how all that the user says
 * in the exchange compares with the query; absent when not asked for.
 */
export type PassageTexts = { user?: QuotedMessage; reply?: QuotedMessage; asked?: Similarity };
/** Cosine similarity of a user's message and the query, and the message's embedding. */
export type Similarity = { cosine: number; embedding: ArrayLike<number> };
/** A part of a message. `goesOn`: the message goes on after it. */
export type Part = Span & { text: string; goesOn: boolean };
export type QuotedMessage = Part & {
  /** The part as it is quoted, with an ellipsis where the message continues. */
  content: string;
  createdAt: string;
};

/**
 * What is left of the bytes that a search may look at. Each byte is gone through several times, on the loop
 * that everybody's turns share. Passages of ordinary messages take a third of it.
 */
export type TextBudget = { bytesLeft: number };
export const newTextBudget = (): TextBudget => ({ bytesLeft: 500_000 });

/** Characters of a passage that are looked at: no passage of ours is longer, but another program's may be. */
const SPAN_CHARACTERS = 5_000;
/** As far into a text as a span may lie. No text of a turn is longer; another program's may be. */
const TEXT_CHARACTERS = 200_000;

type TextRow = {
  exchange_id: string;
  part: number;
  role: Role;
  content: string;
  skipped: number;
  more: boolean;
  from: number;
  to: number;
  created_at: Date;
  cosine?: number;
  embedding?: Buffer | null;
};

/**
 * Fetches the texts of passages, best first, as far as the budget goes; keyed by `passageKey`. With a query's
 * vector, also how what the user says in their exchanges compares with it. Postgres cuts the texts, so a row
 * of any length costs no more than the longest message.
 */
export async function findTexts(
  client: pg.PoolClient,
  scope: Scope,
  wanted: ReadonlyArray<{ exchangeId: string; part: number }>,
  budget: TextBudget,
  queryVector?: string,
): Promise<Map<string, PassageTexts>> {
  const texts = new Map<string, PassageTexts>();
  if (wanted.length === 0 || budget.bytesLeft <= 0) return texts;
  const { rows } = await client.query<TextRow>({
    name: queryVector === undefined ? 'passage-texts' : 'passage-texts-similarity',
    text: queryVector === undefined ? TEXTS : TEXTS_WITH_SIMILARITY,
    values: [
      scope.tenantId,
      wanted.map(({ exchangeId }) => exchangeId),
      wanted.map(({ part }) => part),
      scope.agentId,
      scope.userId,
      budget.bytesLeft,
      ...(queryVector === undefined
        ? []
        : [queryVector, wanted.map(({ exchangeId }) => memoryId('user', withDashes(exchangeId)))]),
    ],
  });
  for (const row of rows) {
    budget.bytesLeft -= Buffer.byteLength(row.content);
    const key = passageKey({ exchangeId: row.exchange_id, part: row.part });
    const entry = texts.get(key) ?? {};
    const asked = similarityOf(row);
    if (asked) entry.asked = asked;
    const part = cut(row);
    const content = quotation([part]);
    if (content !== '') {
      const message = { ...part, content, createdAt: row.created_at.toISOString() };
      if (row.role === 'assistant') entry.reply = message;
      else entry.user = message;
    }
    texts.set(key, entry);
  }
  return texts;
}

/*
 * Spans count UTF-16 units, and Postgres counts characters. The two are the same in a text without characters
 * beyond U+FFFF, whose span Postgres cuts out; of any other it gives all up to the span's end. OFFSET 0 has
 * the beginning of a text made once a row.
 *
 * The planner is kept on the primary keys: agent and user are compared in a form that no index covers, and
 * the exchange ids are given twice. On a table without statistics it would otherwise read a whole scope
 * or tenant and discard most of it.
 */
const textsWith = (asked: string, similarity: string): string => `
  SELECT * FROM (
    SELECT *, sum(octet_length(content)) OVER (ORDER BY place, role DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
              AS bytes_before
    FROM (
      SELECT replace(p.exchange_id::text, '-', '') AS exchange_id, p.part, w.place, m.role, s."from", s."to", m.created_at,
             CASE WHEN h.plain THEN substr(h.head, s."from" + 1, least(s."to" - s."from", ${SPAN_CHARACTERS})) ELSE h.head END
               AS content,
             CASE WHEN h.plain THEN s."from" ELSE 0 END AS skipped,
             octet_length(m.content) > octet_length(h.head) AS more ${similarity}
      FROM unnest($2::uuid[], $3::int[]${asked}) WITH ORDINALITY w (exchange_id, part${asked && ', asked'}, place)
      JOIN exchange_passages p ON p.tenant_id = $1 AND p.exchange_id = w.exchange_id AND p.part = w.part
      JOIN conversation_embeddings m ON m.tenant_id = $1 AND m.id IN (p.user_memory, p.reply_memory${asked && ', w.asked'})
      CROSS JOIN LATERAL (SELECT CASE m.role WHEN 'user' THEN p.user_from ELSE p.reply_from END AS "from",
                                 CASE m.role WHEN 'user' THEN p.user_to ELSE p.reply_to END AS "to") s
      CROSS JOIN LATERAL (SELECT head, CASE WHEN octet_length(head) = length(head) THEN true
                                            ELSE head !~ '[\\U00010000-\\U0010FFFF]' END AS plain
                          FROM (SELECT left(m.content, least(s."to", ${TEXT_CHARACTERS})) AS head OFFSET 0) c OFFSET 0) h
      WHERE p.exchange_id = ANY($2) AND m.agent_id::text = $4::text AND m.user_id || '' = $5
    ) cut
  ) counted
  WHERE coalesce(bytes_before, 0) < $6::int ORDER BY place, role DESC`;

const TEXTS = textsWith('', '');
const TEXTS_WITH_SIMILARITY = textsWith(
  ', $8::uuid[]',
  `,
             1 - (m.embedding <=> $7::vector) AS cosine,
             CASE m.role WHEN 'user' THEN vector_send(m.embedding) END AS embedding`,
);

function similarityOf({ role, cosine, embedding }: TextRow): Similarity | undefined {
  if (role !== 'user' || cosine === undefined || !embedding) return undefined;
  return { cosine, embedding: fromSent(embedding) };
}

export function passageKey({ exchangeId, part }: { exchangeId: string; part: number }): string {
  return `${exchangeId} ${part}`;
}

/** `ScoredPassage.exchangeId` (32 hexadecimal digits) as a UUID with dashes. */
export function withDashes(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function cut({ content, skipped, more, from, to }: TextRow): Part {
  const end = Math.min(to, from + SPAN_CHARACTERS);
  // Never half a surrogate pair.
  const text = content.slice(from - skipped, end - skipped).replace(/[\ud800-\udbff]$/, '');
  const goesOn = more || skipped + content.length > end || end < to;
  return { from, to: from + text.length, text, goesOn };
}

/** Parts of a message in their order, with an ellipsis where words are left out. */
export function quotation(parts: readonly Part[]): string {
  const worded = parts.filter(({ text }) => text.trim() !== '').toSorted((a, b) => a.from - b.from);
  let end = 0;
  const quoted = worded.reduce((before, { from, to, text }) => {
    const joined = from > end ? `${before.trimEnd()} … ${text.trimStart()}` : before + text.slice(end - from);
    end = Math.max(end, to);
    return joined;
  }, '');
  const goesOn = worded.at(-1)?.goesOn ?? false;
  return `${quoted.trim()}${goesOn ? ' …' : ''}`;
}
