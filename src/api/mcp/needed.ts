import { z } from 'zod';
import { TOOLS, type ToolCall } from './tools.ts';

/** Longer than what any client numbers its messages by, and than any name in the protocol. */
export const MAX_ID_LENGTH = 200;

/**
 * What is kept of a message while it is answered: `message` is what the protocol's server is given, and holds
 * ids and names alone. `call` is that of a tool, which has its arguments by itself.
 */
export type Asked = { message: object; call: ToolCall | undefined };

/** A name as it is, or what stands for one that is too long. */
const shortName = z.string().transform((name) => (name.length > MAX_ID_LENGTH ? 'of a long name' : name));

/** A request or a notification. This server asks for nothing, so no client has an answer for it. */
const rpcMessage = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number()]).optional(),
  method: shortName,
  params: z.unknown().optional(),
});
/** https://modelcontextprotocol.io/specification/2025-06-18/server/tools */
const callParams = z.object({ name: shortName, arguments: z.unknown().optional() });
/** https://modelcontextprotocol.io/specification/2025-06-18/basic/lifecycle */
const initializeParams = z.object({ protocolVersion: shortName });

/** What the protocol's server refuses. */
const NO_MESSAGE: Asked = { message: {}, call: undefined };
/** What this server knows of a client, whatever that is: nothing depends on it. */
const ANY_CLIENT = { capabilities: {}, clientInfo: { name: 'client', version: '0' } };

/**
 * What is needed of a message: the protocol's server keeps what it is given for as long as a tool waits.
 * Undefined for one with an id that is too long.
 */
export function neededOf(given: unknown): Asked | undefined {
  const { success, data } = rpcMessage.safeParse(given);
  if (!success) return NO_MESSAGE;
  const { params, ...message } = data;
  if (typeof message.id === 'string' && message.id.length > MAX_ID_LENGTH) return undefined;
  switch (message.method) {
    case 'tools/call':
      return callOf(message, params);
    case 'initialize': {
      const { data: said } = initializeParams.safeParse(params);
      return {
        message: { ...message, ...(said && { params: { ...said, ...ANY_CLIENT } }) },
        call: undefined,
      };
    }
    default:
      return { message, call: undefined };
  }
}

function callOf(message: object, params: unknown): Asked {
  const { data } = callParams.safeParse(params);
  if (!data) return { message, call: undefined };
  const { name } = data;
  const call = isTool(name) ? { name, read: TOOLS[name].read(name, data.arguments ?? {}) } : undefined;
  return { message: { ...message, params: { name } }, call };
}

const isTool = (name: string): name is keyof typeof TOOLS => Object.hasOwn(TOOLS, name);
