import type { WebClient } from '@slack/web-api';
import type pg from 'pg';
import type { RedisClient } from '../../../redis/connection.ts';
import { noteDirectThread } from '../../../redis/direct-threads.ts';
import type { Logger } from 'pino';
import {
  INTAKE_CHANNEL_WITHIN_MS,
  INTAKE_CONTENTS_WITHIN_MS,
  INTAKE_ENTRY_MS,
  INTAKE_NAMES_WITHIN_MS,
  INTAKE_REDIS_WITHIN_MS,
} from '../../../domain/timing.ts';
import { hasPeople } from '../../../domain/hand-over.ts';
import { TOO_MANY_MESSAGES } from '../../../domain/words.ts';
import { MAX_TEXT_LENGTH } from '../../../domain/bounds.ts';
import { reach, setbackOf } from '../../../intake/availability.ts';
import type { IntakeOutcome, NewMessage } from '../../../intake/outcomes.ts';
import { findAgent } from '../../../db/agents.ts';
import type { Escalation } from '../../../db/escalations.ts';
import { isEntered } from '../../../db/ledger.ts';
import type { FairPlaces } from '../../../lib/fair-places.ts';
import { within } from '../../../lib/within.ts';
import type { SlackAddress } from '../address.ts';
import { asksForPerson } from '../handover/ask-for-person.ts';
import { beSilent, tellOnce, type HandOver } from '../handover/hand-over.ts';
import type { Received } from '../../channel.ts';
import { postPart } from '../outbound/thread-posts.ts';
import { claimBusyNotice, isAssistantThread } from '../threads.ts';
import type { EngagedThreads } from './engaged.ts';
import type { SlackMessage, Workspace } from './events.ts';
import { fetchContents } from './file-contents.ts';
import { mentionedUsers, readableText } from './inbound-text.ts';
import type { Installation } from './installations.ts';
import { rawOf, type ThreadMessage } from './message-event.ts';
import type { LookUpNames } from './names.ts';
import type { OncePerKey } from './once-per-key.ts';
import { userIdOf } from './people.ts';
import { ASKING_COUNTS, type PersonalLimit } from '../personal-limit.ts';
import type { FindSender } from './sender-team.ts';
import { backgroundOf, readThread, readUnseen } from './thread-so-far.ts';

/** A first message can lack its sender's own name: a look-up that is late serves the next message. */
const SENDER_WITHIN_MS = 50;

type Thread = { tenantId: string; threadId: string };

export function threadOf({ tenantId }: Installation, team: string, channel: string, ts: string): Thread {
  return { tenantId, threadId: `slack:${team}:${channel}:${ts}` };
}

type Read = Pick<NewMessage, 'text' | 'background'>;
/** What is looked up of a message: its files, and its thread. */
type Fetched = [Awaited<ReturnType<typeof fetchContents>>, ThreadMessage[]];

/** What is at hand for taking messages, for as long as the process runs. */
export type Taking = {
  lookUpNames: LookUpNames;
  findSender: FindSender;
  engaged: EngagedThreads;
  pool: pg.Pool;
  redis: RedisClient;
  log: Logger;
  /** Slack tells of a mention twice, and repeats itself: files and thread are asked for once. */
  readOnce: OncePerKey<Read>;
  /** Whether somebody may ask for a person in one more thread. */
  mayDo: PersonalLimit;
  /** Whether files, thread and names are looked up for one more message of somebody. */
  mayRead: PersonalLimit;
  /** Places of those for whom files and threads are read. */
  readInTurn: FairPlaces;
};

/** Turns a message that may concern the agent into what intake takes, or says why it doesn't concern it. */
export async function takeMessage(
  taking: Taking,
  message: SlackMessage,
  { team, workspace, deadline }: { team: string; workspace: Workspace; deadline: number },
  installation: Installation,
): Promise<Received> {
  const { lookUpNames, redis, log, readOnce } = taking;
  const { tenantId, agentId, client } = installation;
  const threadTs = message.threadTs ?? message.ts;
  const thread = threadOf(installation, team, message.channel, threadTs);
  if (message.addressed === 'thread' && !message.startedByAgent) {
    const engaged = await taking.engaged.isEngaged(message, thread, installation);
    if (engaged === 'unknown') return { kind: 'unavailable', service: 'Redis', tenantId };
    if (!engaged) return { kind: 'ignored', reason: 'not_engaged' };
  }
  const { channel, ts: eventTs } = message;
  const dedupeKey = `slack:${team}:${channel}:${eventTs}`;
  const sender = await senderOf(taking, message, { workspace, deadline }, installation);
  if ('kind' in sender) return sender;
  const userId = userIdOf(sender, workspace);
  const from = { team, userId, deadline };
  const [read, senders, surface] = await Promise.all([
    readOnce(`${tenantId} ${dedupeKey}`, () => readMessage(taking, message, from, installation)),
    lookUpNames(installation, team, [message.user], SENDER_WITHIN_MS),
    surfaceOf(redis, message, thread),
  ]);
  const place = installation.stored && { place: installation.stored.place };
  const address: SlackAddress = { team, ...place, channel, threadTs, eventTs, surface };
  const received: NewMessage & { dedupeKey: string } = {
    tenantId,
    agentId,
    userId,
    userName: senders.get(message.user),
    channel: { name: 'slack', address },
    ...read,
    threadId: thread.threadId,
    dedupeKey,
    // Slack's ids say which message it is; the text may read differently when a name wasn't found in time.
    fingerprint: dedupeKey,
  };
  if (asksForPerson(read.text)) {
    const until = deadline - INTAKE_ENTRY_MS;
    try {
      // Before the message is taken: it is remembered, and the agent says nothing to it.
      const asking = askForPerson(taking, received, installation);
      const asked = await reach('The database', until, asking, { pool: taking.pool, tenantId });
      if (asked) await tellInTime(taking, asked, until);
    } catch (error) {
      log.warn({ err: error, threadId: thread.threadId }, 'a person was asked for in vain');
      return toComeAgain(error, tenantId);
    }
  }
  const settled = (outcome: IntakeOutcome): void => {
    const note = (error: unknown) => log.debug({ err: error }, 'after a message from Slack');
    if (outcome.kind === 'rate-limited' && !outcome.isRepeat) {
      sayTooMany(redis, client, received, address).catch(note);
    }
    // A repeated delivery of what is forgotten leaves no new mark.
    if (outcome.kind !== 'accepted' || outcome.turn.state === 'erased') return;
    // Engaged from the question on, so that the next message is heard at once; the answer notes it again.
    if (message.addressed === 'mention') taking.engaged.mark(thread, agentId).catch(note);
    if (message.isDirect) noteDirectThread(redis, received, thread.threadId).catch(note);
  };
  return { kind: 'message', message: received, settled };
}

/** What is told of an event that the database did not give enough for. */
export function toComeAgain(error: unknown, tenantId: string): Received {
  return setbackOf(error)?.kind === 'over-share'
    ? { kind: 'over-share', tenantId }
    : { kind: 'unavailable', service: 'The database', tenantId };
}

type Asked = HandOver & { escalation: Escalation };

/**
 * From now on the agent is silent in the thread. Once a message: Slack may repeat one that was taken, when
 * the thread has been handed back. Each time counts, since it costs calls of Slack: who asks in one thread
 * after the other is answered by the agent in those that are too many. Undefined when nobody is to be told.
 */
async function askForPerson(
  { pool, redis, log, mayDo }: Taking,
  { tenantId, agentId, userId, threadId, dedupeKey, text, background = [] }: NewMessage,
  installation: Installation,
): Promise<Asked | undefined> {
  if (threadId === undefined || (await isEntered(pool, { tenantId, dedupeKey }))) return undefined;
  if (!(await mayDo(tenantId, userId, ASKING_COUNTS))) {
    log.info({ threadId }, 'a person is asked for too often, and nobody is told');
    return undefined;
  }
  const agent = await findAgent(pool, tenantId, agentId);
  // Where nobody was named who could come, the agent answers.
  if (!hasPeople(agent)) return undefined;
  const actor = { type: 'slack-user', userId } as const;
  const said = [...background, { text }];
  const asked = { installation, threadId, agent, userId, said, by: 'person', actor } as const;
  return { ...asked, escalation: await beSilent({ pool, redis, log }, asked) };
}

/**
 * Tells people, as far as that is done in time. Whom Slack doesn't let us tell now the message's own turn
 * tells, which finds the thread taken over. Never rejects.
 */
async function tellInTime(
  { pool, redis, log, readInTurn }: Taking,
  { escalation, ...asked }: Asked,
  until: number,
): Promise<void> {
  const leftMs = Math.max(0, until - Date.now());
  const signal = AbortSignal.timeout(leftMs);
  const telling = tellOnce({ pool, redis, log, readInTurn }, { ...asked, signal }, escalation);
  await within(leftMs, telling).catch((error: unknown) => {
    log.warn({ err: error, threadId: asked.threadId }, 'a person was asked for, and not all are told yet');
  });
}

/**
 * What the message says in all its parts, and what was said before it in its thread. That is looked up before
 * the message counts, so it has limits of its own; what is over is read as it came.
 */
async function readMessage(
  { lookUpNames, mayRead, readInTurn }: Taking,
  message: SlackMessage,
  { team, userId, deadline }: { team: string; userId: string; deadline: number },
  installation: Installation,
): Promise<Read> {
  const { tenantId, botUserId, client } = installation;
  const leftMs = () => deadline - INTAKE_ENTRY_MS - Date.now();
  const { words } = message;
  const isRead = await mayRead(tenantId, userId);
  const until = Date.now() + Math.min(INTAKE_CONTENTS_WITHIN_MS, leftMs());
  const extrasMs = () => Math.max(0, until - Date.now());
  const inTurn = (): Promise<Fetched> => {
    const read = Promise.withResolvers<Fetched>();
    readInTurn({ tenantId, userId }, AbortSignal.timeout(extrasMs()), async () => {
      // Between one person and the agent all is said to the agent, and stands in its memory.
      const thread = message.isDirect ? Promise.resolve([]) : readThread(client, message);
      const inTime = within(extrasMs(), thread).catch(() => []);
      read.resolve(Promise.all([fetchContents(client, words.files, extrasMs()), inTime]));
      // A page that comes too late for this message is read all the same: until then it has the place.
      await thread;
    }).catch(read.reject);
    return read.promise;
  };
  const asItCame = async (): Promise<Fetched> => [await fetchContents(client, words.files, 0), []];
  const [fetched, thread] = isRead && hasExtras(message) ? await inTurn().catch(asItCame) : await asItCame();
  const raw = rawOf({ ...words, files: fetched.files }, fetched.contents);
  const signal = AbortSignal.timeout(Math.max(0, leftMs()));
  const unseen = readUnseen({ tenantId, userId, signal }, thread, message, botUserId);
  // So much of its tenant is read before it that it goes without.
  const before = await within(leftMs(), unseen).catch(() => []);
  const people = [raw, ...before.map((said) => said.raw)].flatMap((text) => mentionedUsers(text));
  const authors = before.map(({ author }) => author).filter((author) => author !== '');
  const asked = [...new Set([...authors, ...people])].filter((id) => isRead && id !== botUserId);
  const names = await lookUpNames(installation, team, asked, Math.min(INTAKE_NAMES_WITHIN_MS, leftMs()));
  const background = backgroundOf(before, botUserId, names);
  return {
    text: cut(readableText(raw, { botUserId, names }), MAX_TEXT_LENGTH),
    ...(background.length > 0 && { background }),
  };
}

/** Whether there is more of a message than what Slack has sent of it. */
const hasExtras = ({ words, isDirect, threadTs, ts }: SlackMessage): boolean =>
  words.files.length > 0 || (!isDirect && threadTs !== undefined && threadTs !== ts);

/** Who has sent a message. Nobody is taken for one of ours without a word of Slack's. */
async function senderOf(
  { findSender, log }: Taking,
  message: SlackMessage,
  { workspace, deadline }: { workspace: Workspace; deadline: number },
  installation: Installation,
): Promise<Parameters<typeof userIdOf>[0] | Received> {
  const leftMs = Math.min(INTAKE_CHANNEL_WITHIN_MS, deadline - INTAKE_ENTRY_MS - Date.now());
  try {
    const found = await within(leftMs, findSender(message, workspace, installation));
    return found ?? { kind: 'ignored', reason: 'unknown_sender' };
  } catch (error) {
    log.warn({ err: error }, 'whose a message in a shared channel is can’t be found out now');
    return { kind: 'unavailable', service: 'Slack', tenantId: installation.tenantId, isOwn: true };
  }
}

async function surfaceOf(
  redis: RedisClient,
  message: SlackMessage,
  thread: Thread,
): Promise<SlackAddress['surface']> {
  if (!message.isDirect) return 'channel';
  if (message.isAssistantThread) return 'assistant';
  if (message.threadTs === undefined) return 'im';
  const known = within(INTAKE_REDIS_WITHIN_MS, isAssistantThread(redis, thread)).catch(() => false);
  return (await known) ? 'assistant' : 'im';
}

/** One polite line in the thread, at most once a minute. Nobody waits for it, and a lost one is no loss. */
async function sayTooMany(
  redis: RedisClient,
  client: WebClient,
  { tenantId, userId, dedupeKey }: { tenantId: string; userId: string; dedupeKey: string },
  address: SlackAddress,
): Promise<void> {
  if (!(await claimBusyNotice(redis, tenantId, userId))) return;
  await postPart(client, address, { messageId: dedupeKey, part: 0 }, TOO_MANY_MESSAGES);
}

/** At most `length` Unicode characters. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('');
}
