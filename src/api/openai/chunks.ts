/** What becomes of a reply, as the clients of OpenAI take it. */
import type { Response } from 'express';
import type { LedgerTurn } from '../../db/ledger.ts';
import type { ReplyEvent } from '../../intake/follow-reply.ts';
import { beginsWith, NOTHING } from '../../intake/reply-view.ts';
import { openEvents, type EventWriter } from '../event-stream.ts';
import { Problem, toProblem } from '../problems.ts';
import { chunkOf, finishOf, noReply, usageChunkOf, type Done } from './answer.ts';
import { openAiError } from './errors.ts';

type Events = AsyncIterable<ReplyEvent>;

/** A stream begins with its first word, so that what fails at once has a status; but no later than this. */
const BEGINS_WITHIN_MS = 10_000;

/** The reply when it is whole. Rejects with a Problem when there is none. */
export async function doneOf(turn: LedgerTurn, events: Events): Promise<Done> {
  for await (const event of events) {
    if (event.kind !== 'end') continue;
    if (event.outcome.state !== 'done') throw noReply(turn, event.outcome);
    return event.outcome;
  }
  throw pending(turn);
}

/**
 * Sends the reply in chunks. What a chunk has said can't be taken back: when the reply begins anew the rest
 * waits until it is whole, and where it then begins otherwise, the stream ends with an error. Rejects with a
 * Problem as long as nothing has been sent.
 */
export async function sendChunks(
  res: Response,
  turn: LedgerTurn,
  events: Events,
  { withUsage }: { withUsage: boolean },
): Promise<void> {
  let stream: EventWriter | undefined;
  const send = async (...chunks: object[]): Promise<void> => {
    const isFirst = stream === undefined;
    stream ??= openEvents(res);
    clearTimeout(waiting);
    if (isFirst) chunks.unshift(chunkOf(turn, { role: 'assistant', content: '' }, { withUsage }));
    await stream.write(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(''));
  };
  const waiting = setTimeout(() => void send().catch(() => undefined), BEGINS_WITHIN_MS);
  try {
    const { outcome, rest } = await tell(turn, events, (content) =>
      send(chunkOf(turn, { content }, { withUsage })),
    );
    await send(
      ...(rest === '' ? [] : [chunkOf(turn, { content: rest }, { withUsage })]),
      chunkOf(turn, {}, { finish: finishOf(outcome), withUsage }),
      ...(withUsage ? [usageChunkOf(turn, outcome)] : []),
    );
    await stream?.write('data: [DONE]\n\n');
    res.end();
  } catch (error) {
    if (!res.headersSent) throw error;
    // Its reader takes nothing: it would not take the error either.
    if (res.writableNeedDrain) {
      res.destroy();
      return;
    }
    res.end(`data: ${JSON.stringify(openAiError(toProblem(error)))}\n\n`);
  } finally {
    clearTimeout(waiting);
  }
}

/** Tells what comes while it is sure, and gives the end with what has not been told. */
async function tell(
  turn: LedgerTurn,
  events: Events,
  say: (text: string) => Promise<void>,
): Promise<{ outcome: Done; rest: string }> {
  let told = NOTHING;
  let isSure = true;
  const end = async function* (): Events {
    for await (const event of events) {
      if (event.kind === 'reset') isSure = false;
      if (event.kind === 'delta' && isSure) {
        told = event.shown;
        await say(event.text);
      }
      if (event.kind === 'end') yield event;
    }
  };
  const outcome = await doneOf(turn, end());
  const { text } = outcome.reply;
  if (beginsWith(text, told)) return { outcome, rest: text.slice(told.length) };
  throw new Problem(
    502,
    'Begun anew',
    'The reply began anew while it was being read; the whole is remembered.',
    {
      members: { code: 'reply_begun_anew' },
    },
  );
}

const pending = ({ messageId }: LedgerTurn): Problem =>
  new Problem(504, 'No reply yet', 'The reply is not there yet; GET /v1/messages/{messageId} will have it.', {
    members: { code: 'reply_pending', messageId },
  });
