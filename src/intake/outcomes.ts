/** What goes into intake and what comes out, whatever the channel. */
import type { LedgerTurn } from '../db/ledger.ts';
import type { BackgroundMessage, Channel, Scope } from '../domain/conversation.ts';
import type { RateLimited } from './rate-limiter.ts';

/** A verified and validated message. */
export type NewMessage = Scope & {
  channel: Channel;
  text: string;
  /** See `InboundMessage`; bounded by the channel. */
  background?: readonly BackgroundMessage[];
  threadId: string | undefined;
  /** The user's display name, where the channel knows it. */
  userName?: string | undefined;
  /** Recognises a repeated delivery; unique within the tenant. */
  dedupeKey: string | undefined;
  /** The key that it was sent with, the first one before rotations; none for a channel. */
  apiKeyId?: string;
  /** See `enterTurn`. */
  fingerprint?: string;
};

/**
 * A service that intake needs is away or too slow. The sender should send the very same request again.
 * `isProven`: the service itself says that it can't do its work, whoever asks.
 */
export type Unavailable = { kind: 'unavailable'; service: string; isProven?: true };

/** The user or the tenant has sent more than the limit allows; `isRepeat`: what was taken before. */
type OverLimit = { kind: 'rate-limited'; isRepeat?: true } & NonNullable<RateLimited>;

/**
 * The tenant has its share: the machine is behind, and it has sent more than that while others are there; or
 * its own work has had its connections for too long.
 */
export type OverShare = { kind: 'over-share'; retryAfterMs: number };

/** What became of a message. */
export type IntakeOutcome =
  /** It is in the ledger, and Temporal has accepted its start, now or when it came first. */
  | { kind: 'accepted'; turn: LedgerTurn }
  | { kind: 'unknown-agent' }
  /** The dedupe key stands for another message. */
  | { kind: 'key-reused' }
  | OverLimit
  | OverShare
  | Unavailable;

/** What became of the request to answer a failed message once more. */
export type RetryOutcome =
  | { kind: 'accepted' }
  | { kind: 'not-failed' }
  /** It has failed, and its turn still tells the person so. */
  | { kind: 'still-ending' }
  /** Temporal has forgotten what was said. */
  | { kind: 'too-old' }
  | OverLimit
  | OverShare
  | Unavailable;
