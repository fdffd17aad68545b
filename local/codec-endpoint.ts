/**
 * Decrypts payloads for those who may read them: the Web UI in the operator's browser, and Temporal's CLI
 * (`--codec-endpoint`). Listens on this machine alone.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Payload } from '@temporalio/common';
import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import type { KeyRing } from '../src/config/index.ts';
import { isSameSecret } from '../src/lib/same-secret.ts';
import { createPayloadCodec, UnreadablePayload } from '../src/temporal/payload-codec.ts';

/** A page of a history, as the Web UI asks for it. */
const MAX_BODY = '32mb';

const body = z.object({
  payloads: z.array(
    z.object({
      metadata: z.record(z.string(), z.base64()).optional(),
      data: z.base64().optional(),
    }),
  ),
});

export type CodecEndpoint = { url: string; close: () => Promise<void> };

/**
 * Serves `POST /decode` to whoever has the operator's token. `uiOrigin` is the one page that may ask from a
 * browser.
 */
export async function serveCodec(options: {
  keys: KeyRing;
  operatorToken: string;
  uiOrigin: string | undefined;
  port: number;
}): Promise<CodecEndpoint> {
  const app = express();
  app.disable('x-powered-by');
  app.use(allowOrigin(options.uiOrigin), requireToken(options.operatorToken));
  app.get('/', (_req, res) => {
    res.type('text').send('Signed in: the Web UI in this browser can decrypt now.\n');
  });
  // As the Web UI and the CLI send it, whatever they call it.
  app.post('/decode', express.json({ limit: MAX_BODY, type: () => true }), async (req, res) => {
    const read = body.safeParse(req.body);
    if (!read.success) return void res.status(400).type('text').send('{"payloads": […]} is expected\n');
    const codec = createPayloadCodec({ ...options.keys, readsClear: true }, { ofAnyTenant: true });
    const decoded = await Promise.all(
      read.data.payloads.map(async (sent) => {
        try {
          const [payload] = await codec.decode([fromJson(sent)]);
          return payload ? toJson(payload) : sent;
        } catch (error) {
          // One that can't be read must not hide the others of its page.
          if (error instanceof UnreadablePayload) return sent;
          throw error;
        }
      }),
    );
    res.json({ payloads: decoded });
  });
  const server = createServer(app);
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${options.port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A page of any other origin is refused, whatever it has. The CLI sends no origin. */
function allowOrigin(uiOrigin: string | undefined): RequestHandler {
  return (req, res, next) => {
    const origin = req.get('origin');
    if (origin === undefined) {
      next();
      return;
    }
    if (origin !== uiOrigin) return void res.status(403).end();
    res.set({
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Allow-Headers': 'authorization, content-type, x-namespace',
      'Access-Control-Allow-Methods': 'POST',
      Vary: 'Origin',
    });
    if (req.method === 'OPTIONS') return void res.status(204).end();
    next();
  };
}

/** The token as a bearer's, or as the password of a browser's sign-in, which the Web UI sends too. */
function requireToken(operatorToken: string): RequestHandler {
  return (req, res, next) => {
    const [, scheme = '', sent = ''] = /^(\w+) +(\S+)$/.exec(req.get('authorization') ?? '') ?? [];
    const basic = scheme.toLowerCase() === 'basic';
    const token = basic
      ? Buffer.from(sent, 'base64')
          .toString()
          .replace(/^[^:]*:/, '')
      : sent;
    if (token !== '' && isSameSecret(token, operatorToken)) {
      next();
      return;
    }
    res
      .set('WWW-Authenticate', 'Basic realm="Konstruct: the operator token is the password"')
      .status(401)
      .end();
  };
}

type JsonPayload = z.output<typeof body>['payloads'][number];

function fromJson({ metadata = {}, data = '' }: JsonPayload): Payload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
    ),
    data: Buffer.from(data, 'base64'),
  };
}

function toJson({ metadata, data }: Payload): JsonPayload {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)]),
    ),
    data: base64(data ?? new Uint8Array()),
  };
}
