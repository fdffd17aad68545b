import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import type { Request } from 'express';
import type { Asked } from './needed.ts';
import { TOOLS, type Asker, type ReadyCall, type ToolCall, type ToolDependencies } from './tools.ts';

const NAMES = [
  'search_memory',
  'list_memories',
  'forget_memory',
  'send_message',
] as const satisfies ReadonlyArray<keyof typeof TOOLS>;

/** Answers one message of the protocol, by a server that is made for it: there is nothing to keep. */
export async function answerMcp(
  dependencies: ToolDependencies,
  asker: Asker,
  { req, asked }: { req: Request; asked: Asked },
): Promise<void> {
  const { message, call } = asked;
  const server = new McpServer({ name: 'konstruct', version: '0.1.0' });
  if (call) offerCall(server, call, (ready) => ready.run(dependencies, asker));
  else describeTools(server);
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  asker.res.once('close', () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(req, asker.res, message);
}

/** Of a message that calls a tool the server has the name alone, so the tool takes nothing from it. */
function offerCall(
  server: McpServer,
  { name, read }: ToolCall,
  run: (call: ReadyCall) => ReturnType<ReadyCall['run']>,
): void {
  const { description } = TOOLS[name];
  server.registerTool(name, { description }, () => {
    if (read.kind === 'ready') return run(read);
    const problem = `${read.field} ${read.problem}`;
    throw new McpError(ErrorCode.InvalidParams, `Invalid arguments for tool ${name}: ${problem}`);
  });
}

/** For whoever asks which tools there are, or calls one that there isn't. */
function describeTools(server: McpServer): void {
  for (const name of NAMES) {
    const { description, input, isReadOnly } = TOOLS[name];
    const annotations = { readOnlyHint: isReadOnly, destructiveHint: name === 'forget_memory' };
    server.registerTool(name, { description, inputSchema: input, annotations }, () => {
      throw new Error(`${name} is called without having been read`);
    });
  }
}
