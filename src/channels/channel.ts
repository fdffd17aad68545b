/**
 * The seam between Konstruct and the places where people write. A channel is a folder beside this file and a
 * line in index.ts. Inbound, in the API, it turns a request into a message or says why there is none.
 * Outbound, in the worker, it shows that the agent is at work and delivers the reply. Nothing outside its
 * folder knows its name.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { AuditActor } from '../db/audit.ts';
import type { RedisClient } from '../redis/connection.ts';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { KeyRing } from '../config/index.ts';
import type { Subject } from '../config/variables.ts';
import type { Escalation } from '../db/escalations.ts';
import type { Agent } from '../domain/agent.ts';
import type { DeliveryTurn, Progress } from '../domain/delivery.ts';
import type { TurnLimits } from '../domain/turn.ts';
import type { IntakeOutcome, NewMessage } from '../intake/outcomes.ts';
import type { SearchMemory } from '../memory/recall/search-memory.ts';

/**
 * A channel, as index.ts lists it. A half is undefined where its settings don't ask for it. `settings` is
 * what the channel's own subjects have read.
 */
export type ChannelDefinition = {
  /**
   * Lower case, unique. The path of its webhooks, the search attribute `Channel`, the label in metrics. The
   * ids of its users begin with it and a colon; over HTTP nobody may send such a one.
   */
  name: string;
  /** The variables that each half reads, in the API and in the worker. */
  subjects: { inbound: Subject; outbound: Subject };
  inbound(settings: unknown, context: InboundContext): WebhookChannel | undefined;
  outbound(settings: unknown, context: OutboundContext): OutboundChannel | undefined;
};

export type InboundContext = ChannelContext & {
  temporal: Client;
  limits: TurnLimits;
  /** Finds in a memory by meaning; absent where the API has no model. */
  search?: SearchMemory | undefined;
};
export type OutboundContext = ChannelContext;

type ChannelContext = {
  pool: pg.Pool;
  redis: RedisClient;
  /** Encrypts what a channel keeps for others. */
  keys: KeyRing;
  log: Logger;
};

/** Makes a definition whose halves get the settings of their own subjects. */
export function defineChannel<Inbound extends Subject, Outbound extends Subject>(channel: {
  name: string;
  subjects: { inbound: Inbound; outbound: Outbound };
  inbound(settings: z.output<Inbound>, context: InboundContext): WebhookChannel | undefined;
  outbound(settings: z.output<Outbound>, context: OutboundContext): OutboundChannel | undefined;
}): ChannelDefinition {
  const { name, subjects } = channel;
  return {
    name,
    subjects,
    // The configuration has read them by these very subjects.
    inbound: (settings, context) => channel.inbound(settings as z.output<Inbound>, context),
    outbound: (settings, context) => channel.outbound(settings as z.output<Outbound>, context),
  };
}

/** The way in. `deadline` (epoch ms) is when the sender stops waiting for an answer. */
export type InboundChannel<Request> = {
  name: string;
  receive(request: Request, deadline: number): Promise<Received>;
};

/** What a request holds; `isOnce` where the sender sends it no second time, whatever it is told. */
export type Received = Content & { isOnce?: true };

type Content =
  | {
      kind: 'message';
      message: NewMessage;
      /** Told, once, what intake made of the message. Never throws; nobody waits for it. */
      settled?: (outcome: IntakeOutcome) => void;
    }
  /** Nothing for the agent; `reason` is one of few words, since it is counted. */
  | { kind: 'ignored'; reason: string }
  /** The channel's own protocol; `body` is the answer, JSON. */
  | { kind: 'answered'; body: Readonly<Record<string, unknown>> | undefined }
  | { kind: 'unauthenticated'; needed: string }
  | { kind: 'invalid'; field: string; problem: string; isTooLarge: boolean }
  /** Its tenant has as much under way as it may: the sender should send the request again. */
  | { kind: 'over-share'; tenantId: string }
  /**
   * It can't be decided now: the sender must send the request again. `tenantId` as soon as it is known;
   * `isOwn`: the channel itself refuses this tenant, whatever our services do.
   */
  | { kind: 'unavailable'; service: string; tenantId?: string; isOwn?: true };

/** A request to `POST /{channel}/{path}`, its body as it came. */
export type WebhookRequest = {
  path: string;
  header(name: string): string | undefined;
  body: Buffer;
};

/** A channel that calls us. */
export type WebhookChannel = InboundChannel<WebhookRequest> & {
  /** What it calls, below its name. */
  paths: readonly string[];
  maxBodyBytes: number;
  /** What is missing of the proof that a request is the channel's, before its body is read. */
  unproven?(header: WebhookRequest['header']): string | undefined;
  /** Opens a connection of its own, over which the same comes as by its paths; absent where there is none. */
  listen?(take: Take): Listening;
  /** What people open in a browser, below its name. */
  pages?: readonly ChannelPage[];
  /** How companies install it themselves; absent where they can't. */
  installing?: Installing;
  /** How a person takes over a thread of it; absent where nobody can. */
  handingOver?: HandingOver;
  /** What its users are called; absent where they have no names. */
  nameOf?: NameOf;
};

/**
 * What a user is called, as a message of theirs would say (`NewMessage.userName`). Undefined where that is
 * not known in time. Never rejects.
 */
export type NameOf = (user: { tenantId: string; userId: string }) => Promise<string | undefined>;

/** Takes what came over a channel's own connection. `send-again`: it is not to be acknowledged. */
export type Take = (
  receive: (deadline: number) => Promise<Received>,
) => Promise<{ kind: 'taken'; body: Readonly<Record<string, unknown>> | undefined } | { kind: 'send-again' }>;

export type Listening = {
  /** Ends when all that came is acknowledged, or is to be sent again. */
  close(): Promise<void>;
};

/** `GET /{channel}/{path}`. */
export type ChannelPage = {
  path: string;
  serve(req: IncomingMessage, res: ServerResponse): Promise<void>;
};

export type HandingOver = {
  /**
   * The agent is silent in the thread from now on. Undefined for what is no thread of the channel. Rejects
   * with `ChannelError` when nobody could be told.
   */
  takeOver(asked: {
    tenantId: string;
    threadId: string;
    /** The thread's own, unless given. */
    agent: Agent | undefined;
    actor: AuditActor;
  }): Promise<Escalation | undefined>;
  /** The agent speaks there again. Undefined when it was not silent. */
  giveBack(asked: { tenantId: string; threadId: string; actor: AuditActor }): Promise<Escalation | undefined>;
};

export type Installing = {
  /**
   * A link by which somebody binds one place of theirs to an agent, once. `origin` is where the caller has
   * reached us. Undefined when the tenant has no such agent.
   */
  makeLink(asked: {
    tenantId: string;
    agentId: string;
    actor: AuditActor;
    origin: string;
  }): Promise<{ url: string; expiresAt: string } | undefined>;
};

/** The way out. */
export type OutboundChannel = {
  name: string;
  /** Opens a turn for one step. Throws `ChannelError` when the channel can't be spoken to at all. */
  open(turn: DeliveryTurn, options: OpenOptions): OpenTurn;
};

export type OpenOptions = {
  /** What is known to show that the agent is at work. */
  progress: Progress | null;
  /** True when more may stand in the channel than is known: it looks before it posts anything new. */
  uncertain: boolean;
  /** Whether the reply is shown while it grows. */
  grows: boolean;
  /** Whether another step may go on in place of this one: nothing more is begun then. */
  isOver?: () => boolean;
};

/** Something that was said in a conversation. */
export type Said = { isAgent?: boolean; text: string };

/** A turn in its channel, for one step. Every method rejects with `ChannelError`. */
export type OpenTurn = {
  /** What shows that the agent is at work, as far as known. */
  progress(): Progress | null;
  /** Shows that the agent is at work, unless something does already. Bounded as `deliverAtOnce` is. */
  showProgress(): Promise<void>;
  /** The turn takes long enough that somebody may want to stop it; absent where nothing is to be done. */
  offerStop?(): Promise<void>;
  /** Shows the reply while it grows; absent where the channel can't. */
  grow?: { everyMs: number; show(textSoFar: string): Promise<void> };
  /** Whether somebody has asked there that this turn be stopped. Never rejects; absent where nobody can. */
  isStopped?(): Promise<boolean>;
  /**
   * Whether a person has taken over there, and the agent says nothing. Never rejects; absent where nobody
   * can.
   */
  isSilent?(): Promise<boolean>;
  /**
   * The same, but for what the agent still has to say to that itself: it has asked for the person. Asked
   * before a late reply.
   */
  isTakenOver?(): Promise<boolean>;
  /**
   * Whether the reply, or the beginning of it, may have been read already: by an attempt before this one.
   * Rejects while nobody can tell.
   */
  stands?(): Promise<boolean>;
  /** Takes away what shows that the agent is at work: it will say nothing. A reply that stands stays. */
  withdraw?(): Promise<void>;
  /**
   * From now on the agent says nothing there, and people are told that one of them is to take over. Safe to
   * repeat. `agent` is whose turn it is, where it is known; `said` is what of the conversation is at hand.
   */
  askForPerson?(asked: { agent?: Agent; said: readonly Said[] }): Promise<void>;
  /**
   * Tells people of a taking over of which not all could be told as it was asked for. Rejects as well while
   * somebody else has just begun to tell them.
   */
  tellIfUntold?(): Promise<void>;
  /**
   * Delivers the reply by one call, which ends within CHANNEL_CALL_WITHIN_MS (domain/timing.ts): that two
   * attempts never deliver at once rests on it. False, and nothing done, when it takes more than one call.
   * After a rejection nothing goes on in the background.
   */
  deliverAtOnce(text: string): Promise<boolean>;
  /** Delivers the whole reply, in place of the progress. Safe to repeat with `uncertain`. */
  deliver(text: string): Promise<void>;
};

/** How a call of a channel failed. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  /** `refused` is for good; after `unavailable` the call may have been carried out all the same. */
  readonly kind: 'rate-limited' | 'refused' | 'unavailable';
  /** With `rate-limited`: the channel must not be called before. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ChannelError['kind'],
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}
