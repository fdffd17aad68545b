import { z } from 'zod';
import { TOOLS } from './tools.ts';

/** Longer than what any client numbers its messages by. */
export const MAX_ID_LENGTH = 200;

/** Whatever it is: the protocol's server and the tools look at it. */
const argument = z.unknown().optional();
const names = Object.values(TOOLS).flatMap(({ input }) => Object.keys(input));
/** What any of the tools takes. */
const toolArguments = z.object(Object.fromEntries(names.map((name) => [name, argument])));

/** A message that calls a tool: https://modelcontextprotocol.io/specification/2025-06-18/server/tools. */
const toolCall = z.object({
  jsonrpc: argument,
  id: argument,
  method: z.literal('tools/call'),
  params: z.object({ name: argument, arguments: toolArguments.optional() }).optional(),
});

/**
 * What is needed of a message: that of a tool is kept for as long as the tool waits, by the protocol's server
 * as well, so what no tool reads is left out. Undefined for one with an id that is too long.
 */
export function neededOf(message: unknown): unknown {
  const { success, data: call } = toolCall.safeParse(message);
  if (!success) return message;
  return typeof call.id === 'string' && call.id.length > MAX_ID_LENGTH ? undefined : call;
}
