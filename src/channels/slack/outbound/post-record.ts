/**
 * What of ours stands in Slack for a turn, as Postgres knows it (migrations/0020). A message is claimed
 * before it is posted: a claim whose end nobody wrote down says that the message may be there, and no claim
 * says that it is not. So Slack's history, of which sold apps may read one page a minute, is asked in the
 * first case alone.
 */
import type pg from 'pg';
import type { Logger } from 'pino';
import { askLedger } from '../../../db/ask-ledger.ts';
import { inTenant } from '../../../db/tenant-transaction.ts';
import { POST_RECORD_WITHIN_MS } from '../../../domain/timing.ts';
import { within } from '../../../lib/within.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import { unrecordedPostsKey } from '../../../redis/keys.ts';

/** Names one message of ours by what it is: a part of the reply to a turn. The placeholder is part 0. */
export type PostRef = {
  messageId: string;
  part: number;
  /** A part that Slack finds too long goes in pieces: which one this is, and of how many. */
  piece?: number;
  pieces?: number;
  /** The placeholder, or a reply that still grows: something else is to stand here. */
  waiting?: boolean;
};

/** The key of a part, or of a piece of it. */
export function partKey({ part, piece = 0 }: Pick<PostRef, 'part' | 'piece'>): string {
  return `${part}.${piece}`;
}

/** A message that was claimed. Oldest claim of a part first. */
export type RecordedPost = {
  part: number;
  piece: number;
  nth: number;
  pieces: number;
  /** Whether it was posted to show that the agent is at work; an update since then is not recorded. */
  waiting: boolean;
  state: 'trying' | 'posted' | 'gone';
  ts: string | null;
  triedAt: Date;
};

/** A message that is about to be posted. Neither of the two ever rejects. */
export type Claim = {
  /** It stands there. */
  posted(ts: string): void;
  /** It was not carried out. */
  gone(): void;
};

export type PostRecord = {
  /**
   * Claims a message; undefined when an attempt before has claimed it, or the turn is erased. Without
   * Postgres it counts as claimed. Rejects, to be tried again, when Postgres is there and is late.
   */
  claim(ref: PostRef): Promise<Claim | undefined>;
  /**
   * All claims. `isWhole` is false when messages may have been posted without one. Rejects without Postgres.
   */
  read(): Promise<{ posts: RecordedPost[]; isWhole: boolean }>;
  /**
   * What other turns of the same person have in this conversation: where it stands, and whether one of them
   * has begun a message without hearing of it, or is just at it. Rejects without Postgres.
   */
  readOthers(): Promise<{ posted: string[]; isTrying: boolean }>;
  /** Writes down what has been found out about a claim. */
  settle(post: RecordedPost, ts: string | undefined): void;
  /** A message of ours was deleted. */
  deleted(ts: string): void;
  /** Resolves when all that was to be written down is, or can't be. */
  written(): Promise<void>;
};

/** A turn's longest life (domain/timing.ts), and a day more. */
const UNRECORDED_KEPT_SECONDS = 2 * 24 * 60 * 60;

const KEYS = 'tenant_id = $1 AND message_id = $2';
const ONE = `${KEYS} AND part = $3 AND piece = $4 AND nth = $5`;
// What is forgotten meanwhile gets no row: the lock lets one of the two be first.
const CLAIM = `INSERT INTO slack_posts (tenant_id, message_id, part, piece, nth, pieces, waiting, channel)
  SELECT tenant_id, message_id, $3, $4, $5, $6, $7, $8 FROM turns WHERE ${KEYS} AND state <> 'erased' FOR SHARE
  ON CONFLICT DO NOTHING`;
const READ = `SELECT part, piece, nth, pieces, waiting, state, ts, tried_at AS "triedAt" FROM slack_posts
  WHERE ${KEYS} ORDER BY part, piece, nth`;
// In a conversation with the agent one person speaks. What was begun long before this turn was accepted, and
// has never been settled, is no message that a look of this turn finds.
const TURNS_BEFORE = 20;
const READ_OTHERS = `SELECT p.state, p.ts FROM turns mine
  JOIN turns other ON other.tenant_id = mine.tenant_id AND other.agent_id = mine.agent_id
    AND other.user_id = mine.user_id AND other.seq >= mine.seq - ${TURNS_BEFORE} AND other.seq <> mine.seq
  JOIN slack_posts p ON p.tenant_id = other.tenant_id AND p.message_id = other.message_id
  WHERE mine.tenant_id = $1 AND mine.message_id = $2 AND p.channel = $3
    AND (p.ts IS NOT NULL OR (p.state = 'trying' AND p.part = 0 AND p.waiting
      AND p.tried_at > mine.received_at - interval '10 minutes'))`;

/** Opens the record of one turn's posts in a conversation. */
export function openPostRecord(
  { pool, redis, log }: { pool: pg.Pool; redis: RedisClient; log: Logger },
  { tenantId, messageId }: { tenantId: string; messageId: string },
  channel: string,
): PostRecord {
  const counts = new Map<string, number>();
  let writing: Promise<unknown> = Promise.resolve();
  const statement =
    <R extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) =>
    (client: pg.PoolClient) =>
      client.query<R>({ name: `slack posts: ${name}`, text, values: [tenantId, messageId, ...values] });
  const ask = <R extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) =>
    within(POST_RECORD_WITHIN_MS, inTenant(pool, tenantId, statement<R>(name, text, values)));
  const write = (name: string, text: string, values: unknown[]): void => {
    // In order, so that what was found out last stands in the end.
    writing = writing
      .then(() => ask(name, text, values))
      .catch((error: unknown) => log.warn({ err: error }, 'a post in Slack is not written down'));
  };
  type Key = Pick<RecordedPost, 'part' | 'piece' | 'nth'>;
  const setPosted = ({ part, piece, nth }: Key, ts: string): void =>
    write('posted', `UPDATE slack_posts SET state = 'posted', ts = $6 WHERE ${ONE}`, [part, piece, nth, ts]);
  const setGone = ({ part, piece, nth }: Key): void =>
    write('gone', `UPDATE slack_posts SET state = 'gone' WHERE ${ONE}`, [part, piece, nth]);

  return {
    async claim(ref) {
      const { part, piece = 0, pieces = 1, waiting = false } = ref;
      const nth = counts.get(partKey(ref)) ?? 0;
      const key = { part, piece, nth };
      const claiming = statement('claim', CLAIM, [part, piece, nth, pieces, waiting, channel]);
      const heard = await askLedger(pool, tenantId, claiming, POST_RECORD_WITHIN_MS);
      if (heard === 'away') {
        log.warn('a post in Slack can’t be claimed: Postgres is away');
        await noteUnrecorded();
      } else if (heard.said.rowCount !== 1) return undefined;
      counts.set(partKey(ref), nth + 1);
      return { posted: (ts) => setPosted(key, ts), gone: () => setGone(key) };
    },
    async read() {
      await writing;
      const [{ rows: posts }, isWhole] = await Promise.all([
        ask<RecordedPost>('read', READ, []),
        noneUnrecorded(),
      ]);
      for (const post of posts) counts.set(partKey(post), post.nth + 1);
      return { posts, isWhole };
    },
    async readOthers() {
      const { rows } = await ask<Pick<RecordedPost, 'state' | 'ts'>>('read others', READ_OTHERS, [channel]);
      return {
        posted: rows.flatMap(({ ts }) => ts ?? []),
        isTrying: rows.some(({ state }) => state === 'trying'),
      };
    },
    settle(post, ts) {
      if (ts === undefined) setGone(post);
      else setPosted(post, ts);
    },
    deleted: (ts) =>
      write('deleted', `UPDATE slack_posts SET state = 'gone' WHERE ${KEYS} AND ts = $3`, [ts]),
    written: () => writing.then(() => undefined),
  };

  /**
   * Postgres is away and the reply is due: better a look into Slack's history later than no reply now. With
   * Redis away as well nobody will know that a look is needed.
   */
  async function noteUnrecorded(): Promise<void> {
    const noting = redis.set(unrecordedPostsKey(tenantId, messageId), '1', 'EX', UNRECORDED_KEPT_SECONDS);
    await within(POST_RECORD_WITHIN_MS, noting).catch((error: unknown) =>
      log.warn({ err: error }, 'a post in Slack is neither claimed nor noted'),
    );
  }

  async function noneUnrecorded(): Promise<boolean> {
    const asked = redis.exists(unrecordedPostsKey(tenantId, messageId));
    return within(POST_RECORD_WITHIN_MS, asked).then(
      (found) => found === 0,
      () => false,
    );
  }
}
