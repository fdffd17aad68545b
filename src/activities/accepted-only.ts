import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import type pg from 'pg';
import { validate as isUuid } from 'uuid';
import { askAboutTurn, type TurnWord } from '../db/ledger.ts';
import type { SealKeys } from '../db/seal-keys.ts';
import type { Agent } from '../domain/agent.ts';
import type { InboundMessage, PromptMessage } from '../domain/conversation.ts';
import type { DeliveryTurn } from '../domain/delivery.ts';
import { FAILURE } from '../domain/failures.ts';
import { withoutPeople } from '../domain/hand-over.ts';
import { parseTurnWorkflowId } from '../domain/ids.ts';
import { isPromptOf } from '../domain/prompt.ts';
import { sealedParts, sealedTurn, type TurnSeals } from '../domain/seals.ts';
import { REMEMBERED_WITHIN_MS, TURN_ENDS_WITHIN_MS } from '../domain/timing.ts';
import { isOurWord } from '../domain/words.ts';
import { acceptedAt, isSealed, sealOf, type SealedPart } from '../intake/seals.ts';

/** The parts of a step's input that are not taken on trust; one that is absent is not asked for. */
export type Claims = {
  message?: InboundMessage;
  /** The channel that the message must have come in by, for a step that is for that one alone. */
  channel?: string;
  turn?: DeliveryTurn | undefined;
  ids?: TurnIds;
  agent?: Agent;
  text?: string;
  /** Built by the workflow for this agent and this text. */
  prompt?: PromptMessage[];
  reply?: string;
  /** A reply as the person sees it, or one of our own lines. */
  shown?: string;
  embedding?: string | null;
};

/** Seals what a step has made, for the steps after it. */
export type Seal = (part: SealedPart, value: unknown) => string;

type Step<I, O> = (input: I, seal: Seal) => Promise<O>;
type GuardedStep<I, O> = (input: I & { seals?: TurnSeals | undefined }) => Promise<O>;

/**
 * What a step asks the ledger, and until when a turn's seals count without its word: as long as the turn may
 * live. `withinMs` is how long Postgres may take.
 */
type Question = {
  goesOn: (turn: TurnWord) => boolean;
  refusal: string;
  withinMs: number;
  youngerThanMs: number;
};

const QUESTIONS = {
  /** The step costs money, or speaks to people: a turn that is remembered is not answered again. */
  whileOpen: {
    goesOn: ({ state }) => state !== 'done' && state !== 'erased',
    refusal: 'turn that has ended',
    withinMs: 500,
    youngerThanMs: TURN_ENDS_WITHIN_MS,
  },
  /** The step remembers. Its local attempt has 600 ms in all (`QUICK_ATTEMPT_MS`). */
  whileKept: {
    goesOn: ({ mayBeStored }) => mayBeStored,
    refusal: 'turn that is not kept',
    withinMs: 250,
    youngerThanMs: TURN_ENDS_WITHIN_MS + REMEMBERED_WITHIN_MS,
  },
} as const satisfies Record<string, Question>;

/**
 * Makes the guard before every step of a turn. Temporal is no proof of anything: whoever reaches it can start
 * any workflow and schedule any step. So a step runs only when its workflow's id names a turn, and each part
 * of its input bears the seal that intake, or the step before, has given it for that turn. All others end as
 * `NotAccepted` (non-retryable) and have read and written nothing. Seals don't age, and whoever has copied an
 * input can send it again: so a step that can do harm then also asks the ledger.
 */
export function createAcceptedOnly({ pool, sealKeys }: { pool: pg.Pool; sealKeys: SealKeys }) {
  return function acceptedOnly<I, O>(
    step: Step<I, O>,
    claimsOf: (input: I) => Claims,
    asks?: keyof typeof QUESTIONS,
  ): GuardedStep<I, O> {
    return async (input) => {
      const ids = parseTurnWorkflowId(activityInfo().workflowExecution?.workflowId ?? '');
      if (!ids) throw notAccepted('workflow');
      const { tenantId, messageId } = ids;
      const key = await keyOf(sealKeys, tenantId);
      const unsealed = findUnsealed(key, ids, () => claimsOf(input), input.seals);
      if (unsealed) throw notAccepted(unsealed);
      if (asks)
        await assertGoesOn(
          pool,
          ids,
          QUESTIONS[asks],
          input.seals && acceptedAt(key, messageId, input.seals),
        );
      return step(input, (part, value) => sealOf(key, messageId, part, value));
    };
  };
}

async function keyOf(sealKeys: SealKeys, tenantId: string): Promise<Buffer> {
  if (!isUuid(tenantId)) throw notAccepted('tenant');
  const key = await sealKeys(tenantId);
  if (!key) throw notAccepted('tenant');
  return key;
}

type TurnIds = { tenantId: string; messageId: string };

/** The first part that is not what was accepted for this turn; undefined when all are. */
function findUnsealed(
  key: Buffer,
  ids: TurnIds,
  claimsOf: () => Claims,
  seals: TurnSeals | undefined,
): string | undefined {
  if (!seals) return 'input without seals';
  try {
    return findUnsealedOf(key, ids, claimsOf(), seals);
  } catch (error) {
    // What is forged need not have the shape of an input.
    if (error instanceof TypeError) return 'input of another shape';
    throw error;
  }
}

function findUnsealedOf(
  key: Buffer,
  { tenantId, messageId }: TurnIds,
  claims: Claims,
  seals: TurnSeals,
): string | undefined {
  const { message, channel, turn, ids, agent, text, prompt, reply, shown, embedding } = claims;
  const holds = (part: SealedPart, value: unknown) => isSealed(key, messageId, part, value, seals[part]);
  // Seals are bound to the message; the tenant's key binds them to the tenant.
  const isOther = (given: TurnIds) => given.tenantId !== tenantId || given.messageId !== messageId;
  if ([message, turn, ids].some((given) => given && isOther(given))) return 'id';
  if (ids && !holds('id', [tenantId, messageId])) return 'id';
  if (channel !== undefined && message?.channel.name !== channel) return 'channel';
  if (message) {
    const parts = sealedParts(message);
    if (!holds('turn', parts.turn)) return 'turn';
    if (!holds('text', parts.text)) return 'text';
    if (!holds('sender', parts.sender)) return 'sender';
    if (message.background && !holds('background', parts.background)) return 'background';
  }
  if (turn && !holds('turn', sealedTurn(turn))) return 'turn';
  if (agent && !holds('agent', agent)) return 'agent';
  if (text !== undefined && !holds('text', text)) return 'text';
  const speaker = agent && (turn ? agent : withoutPeople(agent));
  if (prompt && !(speaker && text !== undefined && isPromptOf(prompt, speaker, text))) return 'prompt';
  if (reply !== undefined && !holds('reply', reply)) return 'reply';
  if (embedding && !holds('embedding', embedding)) return 'embedding';
  if (shown !== undefined && !holds('reply', shown) && !holds('shown', shown) && !isOurWord(shown))
    return 'reply';
  return undefined;
}

/** Rejects, to be tried again, when only the ledger could tell and Postgres is away. */
async function assertGoesOn(
  pool: pg.Pool,
  { tenantId, messageId }: TurnIds,
  { goesOn, refusal, withinMs, youngerThanMs }: Question,
  acceptedAtMs: number | undefined,
): Promise<void> {
  const heard = await askAboutTurn(pool, tenantId, messageId, withinMs);
  if (heard !== 'away') {
    if (!heard.said || !goesOn(heard.said)) throw notAccepted(refusal);
    return;
  }
  if (acceptedAtMs === undefined || Date.now() - acceptedAtMs > youngerThanMs)
    throw ApplicationFailure.retryable('Postgres is away, and the turn is too old to go on without it');
}

function notAccepted(what: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`this is not what was accepted: ${what}`, FAILURE.notAccepted);
}
