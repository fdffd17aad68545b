/** What an MCP client may do: each tool is a call of the API, by another door. */
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { Client } from '@temporalio/client';
import type { Response } from 'express';
import type pg from 'pg';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { FoundApiKey } from '../../db/api-keys.ts';
import { MAX_TEXT_LENGTH } from '../../domain/bounds.ts';
import { idField, textField } from '../../intake/fields.ts';
import { outcomeOf } from '../../intake/message-outcome.ts';
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
    async run(dependencies, { key, res }, { query, ...of }) {
      const { tenantId } = key;
      return searchMemoryOf(dependencies, { tenantId, ...of, query }, res);
    },
  }),
  list_memories: tool({
    description: 'Lists what an agent remembers of a user: the last messages, then memories, newest first.',
    input: { agentId, userId, cursor: cursor.describe('The nextCursor of the page before.') },
    isReadOnly: true,
    run: (dependencies, { key }, { cursor: at, ...of }) =>
      memoryOf(
        dependencies,
        { tenantId: key.tenantId, ...of },
        { ...pageQuery.parse({ cursor: at }), pageBytes: LIST_BYTES },
      ),
  }),
  forget_memory: tool({
    description: 'Forgets one exchange, a message of the user and its reply, for good and everywhere.',
    input: { agentId, userId, exchangeId: idField.describe('The id that search and list give.') },
    isReadOnly: false,
    async run({ askToForget }, { key }, of) {
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
    async run(dependencies, { key, res }, { text, ...of }) {
      const { waiting, acceptHttp, closing } = dependencies;
      const { tenantId } = key;
      const agent = toUuid(of.agentId);
      if (!agent) throw notFound('agent');
      takeWaitingPlace(waiting, tenantId, res);
      const body = { userId: of.userId, text };
      const turn = await acceptHttp(key, { agentId: agent, body, idempotencyKey: undefined });
      const options = { waitMs: REPLY_WITHIN_MS, signal: goneOrClosing(res, closing) };
      return bodyOf(turn, await outcomeOf(dependencies, tenantId, turn, options));
    },
  }),
};

type Tool = {
  description: string;
  input: z.ZodRawShape;
  isReadOnly: boolean;
  call(
    name: keyof typeof TOOL_CALLS,
    on: ToolDependencies,
    by: Asker,
    given: unknown,
  ): Promise<CallToolResult>;
};

/** Makes a tool that reads its input, is let through as its call, and tells what went wrong. */
function tool<Shape extends z.ZodRawShape>(given: {
  description: string;
  input: Shape;
  isReadOnly: boolean;
  run: (on: ToolDependencies, by: Asker, input: z.output<z.ZodObject<Shape>>) => Promise<object>;
}): Tool {
  const { run, ...rest } = given;
  const schema = z.object(rest.input);
  return {
    ...rest,
    async call(name, on, by, asked) {
      const input = schema.parse(asked);
      const ids = z.record(z.string(), z.unknown()).parse(input);
      const params = Object.fromEntries(
        Object.entries(ids).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      );
      try {
        // The request has been counted as a read at the door, whatever it asks for.
        const call = { ...TOOL_CALLS[name], isRead: false };
        return resultOf(await throughAdmission(on, { call, params, ...by }, () => run(on, by, input)));
      } catch (error) {
        const problem = await problemBehind(error, on.isOutage);
        if (problem.status >= 500) on.log.error({ err: error, tool: name }, problem.title);
        const { status, title, message: detail, members } = problem;
        return { ...resultOf({ status, title, detail, ...members }), isError: true };
      }
    },
  };
}

const resultOf = (value: object): CallToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(value) }],
});
