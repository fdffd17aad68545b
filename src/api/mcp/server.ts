import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Request } from 'express';
import { TOOLS, type Asker, type ToolDependencies } from './tools.ts';

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
  { req, message }: { req: Request; message: unknown },
): Promise<void> {
  const server = new McpServer({ name: 'konstruct', version: '0.1.0' });
  for (const name of NAMES) {
    const { description, input, isReadOnly, call } = TOOLS[name];
    const annotations = { readOnlyHint: isReadOnly, destructiveHint: name === 'forget_memory' };
    server.registerTool(name, { description, inputSchema: input, annotations }, (given) =>
      call(name, dependencies, asker, given),
    );
  }
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  asker.res.once('close', () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(req, asker.res, message);
}
