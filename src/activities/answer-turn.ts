import {
  activityInfo,
  ApplicationFailure,
  CancelledFailure,
  cancellationSignal,
  heartbeat,
} from '@temporalio/activity';
import type { Agent } from '../domain/agent.ts';
import { MAX_REPLY_BYTES, withinBytes } from '../domain/bounds.ts';
import type { PromptMessage } from '../domain/conversation.ts';
import type { AnswerFailureDetails, EarlyDeliveryInput, Progress } from '../domain/delivery.ts';
import { FAILURE } from '../domain/failures.ts';
import { withoutHandOverMark, withoutMarkSoFar, withoutPeople } from '../domain/hand-over.ts';
import { ANSWER_HEARTBEAT_MS } from '../domain/timing.ts';
import { HANDED_OVER, HANDED_OVER_LINE } from '../domain/words.ts';
import { notesOf } from '../domain/turn-result.ts';
import type { TurnAnswer } from '../domain/turn.ts';
import { shownReply } from '../domain/shown-reply.ts';
import { closingOf } from '../lib/open-fence.ts';
import type { Completion } from '../llm/client.ts';
import { LlmRejectedError, LlmUnavailableError } from '../llm/errors.ts';
import { errorName } from './channel-trouble.ts';
import { inTurns } from '../lib/in-turns.ts';
import { isEmbeddedInPart } from '../memory/text/passages.ts';
import { carryReply } from './carried-reply.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { beginEarlyDelivery, PAID_ATTEMPTS, type EarlyDelivery } from './early-delivery.ts';
import { StoppedError } from './stop-watch.ts';

export function createAnswerTurn(
  dependencies: Pick<ActivityDependencies, 'runAgent' | 'channels' | 'redis' | 'windowBytes'>,
) {
  const { runAgent, channels, redis, windowBytes } = dependencies;
  return {
    /**
     * Asks the agent's model. Fails as `LlmRejected` (non-retryable), `LlmUnavailable` and `LlmOverloaded`
     * (retried, after as long as the server asks for), `LlmTimedOut` and `LlmEmptyReply` (non-retryable after
     * a few attempts, since those are paid for), and `TurnStopped` (non-retryable). An answer that can't be
     * read or breaks off after a while, and an error of ours after it, count as paid as well, and end the
     * turn as `ReplyUnusable`. With a `delivery` it also shows in the turn's channel that the agent is at
     * work, and delivers the reply early where it may. Trouble there never fails this step: the answer, or
     * the failure's details, say how far it got.
     */
    async answerTurn(input: {
      text: string;
      agent: Agent;
      messages: PromptMessage[];
      delivery?: EarlyDeliveryInput;
    }): Promise<TurnAnswer> {
      const { text, messages, delivery } = input;
      const agent = delivery ? input.agent : withoutPeople(input.agent);
      const shownOf = (textSoFar: string): string => withoutMarkSoFar(textSoFar, agent);
      const early =
        delivery &&
        beginEarlyDelivery({
          ...{ channels, redis, windowBytes },
          ...delivery,
          grows: agent.liveReplies && !delivery.isShownElsewhere,
          shownOf,
        });
      // Where nothing is pushed, the reply is fetched, perhaps while it grows.
      const carried = delivery ? undefined : carryReply({ redis, shownOf });
      const onProgress = early?.growing?.show ?? carried?.show;
      const paidBefore = paidAttempts(false);
      let isAnswered = false;
      const beat = setInterval(
        () => heartbeat(detailsWith(early?.progress(), paidBefore)),
        ANSWER_HEARTBEAT_MS,
      );
      try {
        if (early && (await early.isSilent())) return await saidNothing(early);
        if (await early?.stop.isStopped()) throw new StoppedError('stopped before it was answered');
        const answered = await runAgent(text, agent, messages, {
          signal: endOf(early),
          ...(onProgress && { onProgress }),
        });
        isAnswered = true;
        const { completion, wantsPerson, isMarkAlone } = completionOf(answered, agent);
        if (completion.text.trim() === '') throw new EmptyReplyError('the LLM answered nothing');
        carried?.end(true);
        await early?.growing?.stop();
        if (await early?.stop.isStopped()) throw new StoppedError('stopped before its reply was shown');
        if (early && (await early.isSilent())) return await saidNothing(early, completion);
        const repliedAt = performance.now();
        const closing = completion.cutOff ? closingOf(completion.text.trimEnd()) : '';
        const reply = shownReply({ ...completion, closing });
        const shown = await (isMarkAlone ? early?.withdraw() : early?.deliver(reply));
        const deliveryMs = Math.round(performance.now() - repliedAt);
        const said = [{ text }, ...(isMarkAlone ? [] : [{ isAgent: true, text: reply }])];
        const state = wantsPerson && shown ? await early?.askForPerson({ agent, said }, shown) : shown;
        const appended = state?.delivered && (await early?.append(text, completion.text));
        return {
          text: completion.text,
          model: completion.model,
          usage: completion.usage,
          ...notesOf(completion),
          ...(await embeddedInPart(agent, { message: text, reply: completion.text })),
          ...(closing && { closing }),
          timingsMs: timingsOf(completion, state?.delivered ? deliveryMs : undefined),
          ...(state && { delivery: state }),
          ...(appended && { appended }),
        };
      } catch (caught) {
        const error = early?.stop.signal.aborted ? new StoppedError('stopped') : caught;
        const details = await detailsOf(early, error);
        const paid = paidAttempts(isAnswered || isPaidInVain(error));
        // After `giveUp`, which sends the progress alone.
        if (paid > 0) heartbeat(detailsWith(early?.progress(), paid));
        const isLast = paid >= MAX_PAID_ATTEMPTS;
        throw isAnswered && isLast ? toUnusable(error, details) : toFailure(error, details, isLast);
      } finally {
        early?.stop.end();
        clearInterval(beat);
        carried?.end(false);
        await early?.growing?.stop();
      }
    },
  };
}

/** Aborted when the attempt is cancelled, or somebody stops the turn. */
const endOf = (early: EarlyDelivery | undefined): AbortSignal =>
  early ? AbortSignal.any([cancellationSignal(), early.stop.signal]) : cancellationSignal();

/**
 * The answer within its bound, without the mark by which the agent asks for a person. Where the mark stands
 * alone, the hand-over's own line says all, and is not said twice.
 */
function completionOf(
  answered: Completion,
  agent: Agent,
): { completion: Completion; wantsPerson: boolean; isMarkAlone: boolean } {
  const { text, wantsPerson } = withoutHandOverMark(answered.text, agent);
  const isMarkAlone = wantsPerson && text === '';
  const said = isMarkAlone ? HANDED_OVER_LINE : text;
  return { completion: { ...answered, text: withinBytes(said, MAX_REPLY_BYTES) }, wantsPerson, isMarkAlone };
}

function timingsOf(
  { firstTokenMs, totalMs }: Completion,
  deliveryMs: number | undefined,
): TurnAnswer['timingsMs'] {
  return {
    firstToken: Math.round(firstTokenMs),
    total: Math.round(totalMs),
    ...(deliveryMs !== undefined && { delivery: deliveryMs }),
  };
}

/** A person has taken over: the message is remembered, and nothing is said. */
async function saidNothing(
  early: EarlyDelivery,
  { model, usage }: Pick<TurnAnswer, 'model' | 'usage'> = { model: '', usage: null },
): Promise<TurnAnswer> {
  const delivery = await early.tellIfUntold(await early.withdraw());
  return {
    text: HANDED_OVER,
    model,
    usage,
    timingsMs: { firstToken: 0, total: 0 },
    delivery,
  };
}

/** Which of a turn's texts are longer than what the embedding model reads of them. */
async function embeddedInPart(
  { tenantId }: Agent,
  texts: Record<'message' | 'reply', string>,
): Promise<Pick<TurnAnswer, 'embeddedInPart'>> {
  const both = ['message', 'reply'] as const;
  const isInPart = await Promise.all(
    both.map((which) => inTurns(isEmbeddedInPart(texts[which]), { tenantId })),
  );
  const inPart = both.filter((_which, i) => isInPart[i]);
  return inPart.length > 0 ? { embeddedInPart: inPart } : {};
}

class EmptyReplyError extends Error {}

const isPaidInVain = (error: unknown): boolean =>
  error instanceof LlmUnavailableError && (error.timedOut || error.unreadable || error.brokeOff);

/** Attempts that took long, or gave nothing of use, before the turn ends without a reply. */
const MAX_PAID_ATTEMPTS = 3;

/** How many attempts were paid for in vain, this one included if it was. */
function paidAttempts(isPaid: boolean): number {
  const details = activityInfo().heartbeatDetails as Record<string, unknown> | undefined;
  const before = Number(details?.[PAID_ATTEMPTS] ?? 0);
  return isPaid ? before + 1 : before;
}

/** What a heartbeat says: what shows progress, as ever, and the count where there is one. */
function detailsWith(progress: Progress | null | undefined, paid: number): Progress | undefined {
  if (paid === 0) return progress ?? undefined;
  return { ...progress, [PAID_ATTEMPTS]: paid };
}

async function detailsOf(
  early: EarlyDelivery | undefined,
  error: unknown,
): Promise<[] | [AnswerFailureDetails]> {
  const reason =
    error instanceof StoppedError ? 'stopped' : error instanceof LlmRejectedError ? error.reason : undefined;
  if (!early && !reason) return [];
  return [{ ...(early && { delivery: await early.giveUp() }), ...(reason && { reason }) }];
}

/** A reply is there, and each attempt has failed of it after it had been paid for. */
function toUnusable(error: unknown, details: [AnswerFailureDetails] | []): unknown {
  const isTold = [EmptyReplyError, CancelledFailure, StoppedError].some((kind) => error instanceof kind);
  if (isTold) return toFailure(error, details, true);
  const message = `the reply can’t be used: ${errorName(error)}`;
  return ApplicationFailure.create({ type: FAILURE.replyUnusable, message, nonRetryable: true, details });
}

function toFailure(error: unknown, details: [AnswerFailureDetails] | [], isLast: boolean): unknown {
  if (!(error instanceof Error)) return error;
  const { message } = error;
  const as = (type: string, nonRetryable: boolean): ApplicationFailure =>
    ApplicationFailure.create({ type, message, nonRetryable, details });
  if (error instanceof StoppedError) return as(FAILURE.turnStopped, true);
  if (error instanceof LlmRejectedError) return as(FAILURE.llmRejected, true);
  if (error instanceof EmptyReplyError) return as(FAILURE.llmEmptyReply, isLast);
  if (!(error instanceof LlmUnavailableError)) return error;
  const ends = isLast && isPaidInVain(error);
  const ended = error.timedOut ? FAILURE.llmTimedOut : FAILURE.replyUnusable;
  return ApplicationFailure.create({
    type: ends ? ended : error.overloaded ? FAILURE.llmOverloaded : FAILURE.llmUnavailable,
    message,
    nonRetryable: ends,
    ...(error.retryAfterMs !== undefined && { nextRetryDelay: Math.max(1, error.retryAfterMs) }),
    details,
  });
}
