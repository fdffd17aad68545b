import type pg from 'pg';
import { toSql } from 'pgvector';
import type { Scope } from '../../domain/conversation.ts';
import { toUnit } from '../../domain/embedding.ts';
import { inTurns } from '../../lib/in-turns.ts';
import { splitExchange, type Passage, type Span } from '../text/passages.ts';
import type { Derived } from './derive.ts';

/** A finished exchange, ready to be stored for recall. */
export type NewExchange = Scope & {
  exchangeId: string;
  /** Null when the exchange has no message of the user. */
  user: StoredMessage | null;
  /** Null when the exchange has no reply. */
  reply: StoredMessage | null;
  createdAt: Date;
  passages: EmbeddedPassage[];
  derived: Derived;
};

/** A message and its id in `conversation_embeddings`. */
export type StoredMessage = { memoryId: string; text: string };
export type EmbeddedPassage = Passage & {
  embedding: number[];
  /** Number of the passage in its exchange; its index in the list when left out. */
  part?: number;
};

/** An exchange's texts, '' where there is none. */
type Texts = { user: string; reply: string };
type Vector = ArrayLike<number>;
/** What is embedded already. `passages` are such as would get these vectors again. */
type Known = {
  user?: Vector | undefined;
  reply?: Vector | undefined;
  passages?: readonly EmbeddedPassage[] | undefined;
};
/** What makes embeddings, see `Embedder`. */
export type Embed = {
  /** Whose texts they are. */
  tenantId: string;
  embed(text: string): Promise<Vector>;
  embedParts(parts: readonly string[]): Promise<{ whole: Vector; parts: Vector[] }>;
};

/**
 * The embeddings of an exchange's messages and of its passages, of each message in one pass of the model. A
 * passage that is a whole exchange has the mean of the two messages' embeddings, which is as good as
 * embedding both texts together. What is known already isn't made again. Rejects when the embedding does.
 */
export async function embedExchangeTexts(
  texts: Texts,
  known: Known,
  by: Embed,
): Promise<{ user: Vector; reply: Vector; passages: EmbeddedPassage[] }> {
  // A passage of white space alone has no embedding.
  const split = await inTurns(splitExchange(texts.user, texts.reply), by);
  const passages = split.filter(
    ({ user, reply }) => hasWords(texts.user, user) || hasWords(texts.reply, reply),
  );
  const kept = keepVectors(passages, known);
  if (kept) return kept;
  const of = async (role: 'user' | 'reply') => {
    const spans = passages.map((passage) => passage[role]).filter(({ from, to }) => to > from);
    if (spans.length < 2) {
      const whole = known[role] ?? (await by.embed(texts[role]));
      return { whole, partOf: () => whole };
    }
    const { whole, parts } = await by.embedParts(spans.map(({ from, to }) => texts[role].slice(from, to)));
    return { whole: known[role] ?? whole, partOf: (span: Span) => parts[spans.indexOf(span)] ?? whole };
  };
  const [user, reply] = await Promise.all([of('user'), of('reply')]);
  const embedded = passages.map((passage) => {
    const vectors = [
      ...(hasWords(texts.user, passage.user) ? [user.partOf(passage.user)] : []),
      ...(hasWords(texts.reply, passage.reply) ? [reply.partOf(passage.reply)] : []),
    ];
    return { ...passage, embedding: sumOf(vectors) };
  });
  return { user: user.whole, reply: reply.whole, passages: embedded };
}

/** The passages with vectors that are known; undefined when one of them, or of the messages', is not. */
function keepVectors(passages: readonly Passage[], { user, reply, passages: known = [] }: Known) {
  if (!user || !reply || known.length === 0) return undefined;
  const isSame = (a: Span, b: Span) => a.from === b.from && a.to === b.to;
  const kept = passages.flatMap((passage) => {
    const same = known.find((old) => isSame(old.user, passage.user) && isSame(old.reply, passage.reply));
    return same ? [{ ...passage, embedding: same.embedding }] : [];
  });
  return kept.length === passages.length ? { user, reply, passages: kept } : undefined;
}

function hasWords(text: string, { from, to }: Span): boolean {
  return text.slice(from, to).trim() !== '';
}

/** The sum has the direction of the mean; `insertExchange` normalises it. */
function sumOf(vectors: readonly ArrayLike<number>[]): number[] {
  return Array.from({ length: vectors[0]?.length ?? 0 }, (_, i) =>
    vectors.reduce((total, vector) => total + (vector[i] ?? 0), 0),
  );
}

/**
 * Stores an exchange's passages for recall within the caller's transaction, whose tenant must be the
 * exchange's. Storing them again changes nothing. Throws `InvalidEmbeddingError` before anything is sent.
 */
export async function insertExchange(client: pg.PoolClient, exchange: NewExchange): Promise<void> {
  const { passages, derived } = exchange;
  const embeddings = passages.map(({ embedding }) => toUnit(embedding));
  await client.query({
    name: 'insert-exchange',
    text: `INSERT INTO exchange_passages (tenant_id, agent_id, user_id, exchange_id, created_at, flags, part,
                                          user_memory, reply_memory, user_from, user_to, reply_from, reply_to, embedding, terms, user_weight,
                                          version)
           SELECT $1, $2, $3, $4, $5, $6, part, CASE WHEN user_to > user_from THEN $14::uuid END,
                  CASE WHEN reply_to > reply_from THEN $15::uuid END, user_from, user_to, reply_from, reply_to,
                  embedding::halfvec, terms::sparsevec, $16, $17
           FROM unnest($7::int[], $8::int[], $9::int[], $10::int[], $11::text[], $12::text[], $13::int[])
                p (user_from, user_to, reply_from, reply_to, embedding, terms, part)
           ON CONFLICT (tenant_id, exchange_id, part) DO NOTHING`,
    values: [
      exchange.tenantId,
      exchange.agentId,
      exchange.userId,
      exchange.exchangeId,
      exchange.createdAt,
      derived.flags,
      passages.map(({ user }) => user.from),
      passages.map(({ user }) => user.to),
      passages.map(({ reply }) => reply.from),
      passages.map(({ reply }) => reply.to),
      embeddings.map((embedding) => toSql(embedding)),
      derived.terms,
      passages.map(({ part }, i) => part ?? i),
      exchange.user?.memoryId ?? null,
      exchange.reply?.memoryId ?? null,
      derived.userWeight,
      derived.version,
    ],
  });
}
