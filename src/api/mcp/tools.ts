/** What an MCP client may do: each tool is a call of the API, by another door. */
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { Client } from '@temporalio/client';
import type { Response } from 'express';
import type pg from 'pg';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { FoundApiKey } from '../../db/api-keys.ts';
import type { LedgerTurn } from '../../db/ledger.ts';
import { MAX_TEXT_LENGTH } from '../../domain/bounds.ts';
import { check, idField, textField, type Fault } from '../../intake/fields.ts';
import { outcomeOf } from '../../intake/message-outcome.ts';
import { heldUntilTaken } from '../../lib/held-until-taken.ts';
import type { Shares } from '../../lib/shares.ts';
import type { SearchMemory } from '../../memory/recall/search-memory.ts';
import type { RedisClient } from '../../redis/connection.ts';
import type { AcceptHttp } from '../accept-http.ts';
import { actorBehind, throughAdmission, type Admit } from '../admission.ts';
import type { AskToForget } from '../ask-to-forget.ts';
import { TOOL_CALLS } from '../calls.ts';
import { searchMemoryOf } from '../look-up.ts';
import { memoryOf } from '../memory-page.ts';
import { bodyOf } from '../message-body.ts';
import { goneOrClosing } from '../prefer.ts';
import { notFound, problemBehind, type IsOutage } from '../problems.ts';
import { pageQuery, searchBody } from '../schemas.ts';
import { toUuid } from '../uuid.ts';
import { takeWaitingPlace } from '../waiting-places.ts';

export type ToolDependencies = {
  pool: pg.Pool;
  redis: RedisClient;
  temporal: Client;
  log: Logger;
  admit: Admit;
  acceptHttp: AcceptHttp;
  askToForget: AskToForget;
  /** Undefined where no model is set. */
  search: SearchMemory | undefined;
  waiting: Shares;
  isOutage: IsOutage;
  closing: AbortSignal;
};

/** A request for a tool, and the answer that it will have. */
export type Asker = { key: FoundApiKey; res: Response };

/** Clients wait for a minute, unless they say otherwise. */
const REPLY_WITHIN_MS = 50_000;
/** What a page may hold: it goes to a model, and is written as JSON in JSON. */
const LIST_BYTES = 200_000;

const agentId = idField.describe('The id of the agent.');
const userId = idField.describe('Whose memory it is. One user keeps one memory per agent.');
const { cursor } = pageQuery.shape;

/** The tools: what each takes and gives. What `run` throws is told to the client. */
export const TOOLS = {
  search_memory: tool({
    description:
      'Finds what an agent remembers of a user by meaning and by words, best first. hasMore says that more fits.',
    input: { agentId, userId, query: searchBody.shape.query },
    isReadOnly: true,
    run: (dependencies, { key, res }, take) =>
      searchMemoryOf(dependencies, { tenantId: key.tenantId, ...take() }, res),
  }),
  list_memories: tool({
    description: 'Lists what an agent remembers of a user: the last messages, then memories, newest first.',
    input: { agentId, userId, cursor: cursor.describe('The nextCursor of the page before.') },
    isReadOnly: true,
    async run(dependencies, { key }, take) {
      const { cursor: at, ...of } = take();
      const page = { ...pageQuery.parse({ cursor: at }), pageBytes: LIST_BYTES };
      return memoryOf(dependencies, { tenantId: key.tenantId, ...of }, page);
    },
  }),
  forget_memory: tool({
    description: 'Forgets one exchange, a message of the user and its reply, for good and everywhere.',
    input: { agentId, userId, exchangeId: idField.describe('The id that search and list give.') },
    isReadOnly: false,
    async run({ askToForget }, { key }, take) {
      const of = take();
      const [agent, exchangeId] = [toUuid(of.agentId), toUuid(of.exchangeId)];
      if (!agent) throw notFound('agent');
      if (!exchangeId) throw notFound('exchange');
      const wanted = { tenantId: key.tenantId, agentId: agent, userId: of.userId, exchangeId };
      const { erasureId } = await askToForget(wanted, actorBehind(key));
      return { erasureId };
    },
  }),
  send_message: tool({
    description: 'Says something to an agent as a user, who is remembered, and waits for the reply.',
    input: { agentId, userId, text: textField(MAX_TEXT_LENGTH).min(1).describe('What the user says.') },
    isReadOnly: false,
    async run(dependencies, by, take) {
      const { closing } = dependencies;
      const turn = await sendMessage(dependencies, by, take());
      const options = { waitMs: REPLY_WITHIN_MS, signal: goneOrClosing(by.res, closing) };
      return bodyOf(turn, await outcomeOf(dependencies, by.key.tenantId, turn, options));
    },
  }),
};

/** Takes a message in. Apart from who waits for the reply, whose every variable is kept meanwhile. */
async function sendMessage(
  { waiting, acceptHttp }: ToolDependencies,
  { key, res }: Asker,
  { agentId: asked, userId, text }: { agentId: string; userId: string; text: string },
): Promise<LedgerTurn> {
  const agent = toUuid(asked);
  if (!agent) throw notFound('agent');
  takeWaitingPlace(waiting, key.tenantId, res);
  return acceptHttp(key, { agentId: agent, body: { userId, text }, idempotencyKey: undefined });
}

type ToolName = keyof typeof TOOL_CALLS;

/** A call that has been read. It holds its arguments until it has begun. */
export type ReadyCall = { kind: 'ready'; run: (on: ToolDependencies, by: Asker) => Promise<CallToolResult> };

/** A tool that is called, or the first fault in its arguments. */
export type ToolCall = { name: ToolName; read: ReadyCall | Fault };

type Tool = {
  description: string;
  input: z.ZodRawShape;
  isReadOnly: boolean;
  /** Reads the arguments of a call. What the tool doesn't take is not kept. */
  read(name: ToolName, given: unknown): ReadyCall | Fault;
};

/** What a call is of, as its audit entry names it. */
const callTarget = z
  .object({ agentId: z.string(), userId: z.string(), exchangeId: z.string().optional() })
  .transform(({ exchangeId, ...of }) => ({ ...of, ...(exchangeId !== undefined && { exchangeId }) }));

/** Makes a tool that reads its input, is let through as its call, and tells what went wrong. */
function tool<Shape extends z.ZodRawShape>(given: {
  description: string;
  input: Shape;
  isReadOnly: boolean;
  run: (on: ToolDependencies, by: Asker, take: () => z.output<z.ZodObject<Shape>>) => Promise<object>;
}): Tool {
  const { run, ...rest } = given;
  const schema = z.object(rest.input);
  const begin = async (
    { name, on, by }: { name: ToolName; on: ToolDependencies; by: Asker },
    params: z.output<typeof callTarget>,
    take: () => z.output<z.ZodObject<Shape>>,
  ): Promise<CallToolResult> => {
    try {
      // The request has been counted as a read at the door, whatever it asks for.
      const call = { ...TOOL_CALLS[name], isRead: false };
      return resultOf(await throughAdmission(on, { call, params, ...by }, () => run(on, by, take)));
    } catch (error) {
      const problem = await problemBehind(error, on.isOutage);
      if (problem.status >= 500) on.log.error({ err: error, tool: name }, problem.title);
      const { status, title, message: detail, members } = problem;
      return { ...resultOf({ status, title, detail, ...members }), isError: true };
    }
  };
  return {
    ...rest,
    read(name, asked) {
      const input = check(schema, asked, 'arguments');
      if (input.kind === 'invalid') return input;
      const params = callTarget.parse(input.value);
      const take = heldUntilTaken(input.value);
      return { kind: 'ready', run: (on, by) => begin({ name, on, by }, params, take) };
    },
  };
}

const resultOf = (value: object): CallToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(value) }],
});
