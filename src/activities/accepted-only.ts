import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import type pg from 'pg';
import { validate as isUuid } from 'uuid';
import { findTurn } from '../db/ledger.ts';
import type { SealKeys } from '../db/seal-keys.ts';
import type { Agent } from '../domain/agent.ts';
import type { InboundMessage, PromptMessage } from '../domain/conversation.ts';
import type { DeliveryTurn } from '../domain/delivery.ts';
import { FAILURE } from '../domain/failures.ts';
import { parseTurnWorkflowId } from '../domain/ids.ts';
import { isPromptOf } from '../domain/prompt.ts';
import { sealedParts, sealedTurn, type TurnSeals } from '../domain/seals.ts';
import { isOurWord } from '../domain/words.ts';
import { isSealed, sealOf, type SealedPart } from '../intake/seals.ts';
import { within } from '../lib/within.ts';

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

/** How long the ledger may take to say whether a turn has ended. */
const LEDGER_WITHIN_MS = 500;

/**
 * Makes the guard before every step of a turn. Temporal is no proof of anything: whoever reaches it can start
 * any workflow and schedule any step. So a step runs only when its workflow's id names a turn, and each part
 * of its input bears the seal that intake, or the step before, has given it for that turn. All others end as
 * `NotAccepted` (non-retryable) and have read and written nothing.
 */
export function createAcceptedOnly({ pool, sealKeys }: { pool: pg.Pool; sealKeys: SealKeys }) {
  return function acceptedOnly<I, O>(
    step: Step<I, O>,
    claimsOf: (input: I) => Claims,
    options: { whileOpen?: boolean } = {},
  ): GuardedStep<I, O> {
    return async (input) => {
      const ids = parseTurnWorkflowId(activityInfo().workflowExecution?.workflowId ?? '');
      if (!ids) throw notAccepted('workflow');
      const { tenantId, messageId } = ids;
      const key = await keyOf(sealKeys, tenantId);
      const unsealed = findUnsealed(key, ids, () => claimsOf(input), input.seals);
      if (unsealed) throw notAccepted(unsealed);
      if (options.whileOpen && (await hasEnded(pool, tenantId, messageId)))
        throw notAccepted('turn that has ended');
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
  if (prompt && !(agent && text !== undefined && isPromptOf(prompt, agent, text))) return 'prompt';
  if (reply !== undefined && !holds('reply', reply)) return 'reply';
  if (embedding && !holds('embedding', embedding)) return 'embedding';
  if (shown !== undefined && !holds('reply', shown) && !holds('shown', shown) && !isOurWord(shown))
    return 'reply';
  return undefined;
}

/** A turn that is remembered is not answered again. While Postgres is away its seals do. */
async function hasEnded(pool: pg.Pool, tenantId: string, messageId: string): Promise<boolean> {
  try {
    const turn = await within(LEDGER_WITHIN_MS, findTurn(pool, tenantId, messageId));
    return turn === undefined || turn.state === 'done' || turn.state === 'erased';
  } catch {
    return false;
  }
}

function notAccepted(what: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`this is not what was accepted: ${what}`, FAILURE.notAccepted);
}
