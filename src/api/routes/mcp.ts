import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { Router } from 'express';
import { MAX_MESSAGE_BODY_BYTES } from '../../intake/fields.ts';
import { requireTenant, presentedKey } from '../auth.ts';
import { TOOL_CALLS } from '../calls.ts';
import { TOOLS, type Asker, type ToolDependencies } from '../mcp/tools.ts';
import { badField } from '../problems.ts';

const NAMES = [
  'search_memory',
  'list_memories',
  'forget_memory',
  'send_message',
] as const satisfies ReadonlyArray<keyof typeof TOOL_CALLS>;

/**
 * `POST /mcp`: a Model Context Protocol server over Streamable HTTP, without sessions. So any process can
 * answer any request, and each request is for its own key alone.
 */
export function mcpRoutes(dependencies: ToolDependencies): Router {
  const router = Router();
  router.use(requireTenant(dependencies.pool));
  router.post('/', express.json({ limit: MAX_MESSAGE_BODY_BYTES, strict: false }), async (req, res) => {
    // Many calls in one request would take the places of one.
    if (Array.isArray(req.body)) {
      throw badField({ field: 'body', problem: 'must be one message, not a batch', isTooLarge: false });
    }
    const server = serverFor(dependencies, { key: presentedKey(res), res });
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    res.once('close', () => void server.close());
    await server.connect(transport);
    await transport.handleRequest(req, res, req.body);
  });
  // Nothing is sent unasked, and there is no session to end.
  router.all('/', (_req, res) => {
    const error = { code: -32_000, message: 'Method not allowed.' };
    res.status(405).set('Allow', 'POST').json({ jsonrpc: '2.0', error, id: null });
  });
  return router;
}

function serverFor(dependencies: ToolDependencies, asker: Asker): McpServer {
  const server = new McpServer({ name: 'konstruct', version: '0.1.0' });
  for (const name of NAMES) {
    const { description, input, isReadOnly, call } = TOOLS[name];
    const annotations = { readOnlyHint: isReadOnly, destructiveHint: name === 'forget_memory' };
    server.registerTool(name, { description, inputSchema: input, annotations }, (given) =>
      call(name, dependencies, asker, given),
    );
  }
  return server;
}
