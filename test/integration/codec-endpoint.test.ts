/** The endpoint through which the operator's Web UI and CLI read what is encrypted. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { serveCodec, type CodecEndpoint } from '../../local/codec-endpoint.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { encryptionConfig } from '../support/services.ts';

const TOKEN = 'operator-token-of-the-test';
const UI = 'http://127.0.0.1:8233';
const BEARER = { authorization: `Bearer ${TOKEN}` };
const BASIC = { authorization: `Basic ${Buffer.from(`anybody:${TOKEN}`).toString('base64')}` };

let endpoint: CodecEndpoint;
beforeAll(async () => {
  const { keys } = encryptionConfig();
  endpoint = await serveCodec({ keys, operatorToken: TOKEN, uiOrigin: UI, port: await freePort() });
});
afterAll(() => endpoint.close());

const asJson = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
  ),
  data: Buffer.from(data ?? []).toString('base64'),
});
const clear = defaultPayloadConverter.toPayload({ text: 'tanzanite' });
const encrypted = async (): Promise<Payload> => {
  const workflowId = `${randomUUID()}:message:m`;
  const context = { type: 'workflow' as const, namespace: 'default', workflowId };
  const [payload] = await createPayloadCodec(encryptionConfig().keys).encode([clear], context);
  return payload ?? {};
};
const decode = async (payloads: unknown, headers: Record<string, string>) =>
  fetch(`${endpoint.url}/decode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-namespace': 'default', ...headers },
    body: JSON.stringify({ payloads }),
  });

test.each([
  ['the CLI, with the token', BEARER],
  ['the Web UI, after the browser has signed in', { ...BASIC, origin: UI }],
])('%s reads what is encrypted, and the rest as it is', async (_, headers) => {
  const foreign = { metadata: { encoding: 'YmluYXJ5L2VuY3J5cHRlZA==' }, data: 'AAAA' };
  const answer = await decode([asJson(await encrypted()), asJson(clear), foreign], headers);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ payloads: [asJson(clear), asJson(clear), foreign] });
});

test('the Web UI’s page may ask, with credentials', async () => {
  const answer = await fetch(`${endpoint.url}/decode`, {
    method: 'OPTIONS',
    headers: { origin: UI, 'access-control-request-headers': 'content-type,x-namespace' },
  });
  expect(answer.status).toBe(204);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'access-control-allow-origin': UI,
    'access-control-allow-credentials': 'true',
    'access-control-allow-headers': expect.stringContaining('x-namespace'),
  });
});

test.each([
  ['without a token', {}, 401],
  ['with another token', { authorization: 'Bearer operator-token' }, 401],
  ['with an empty password', { authorization: `Basic ${Buffer.from('anybody:').toString('base64')}` }, 401],
  ['from another page, even with the token', { ...BASIC, origin: 'http://evil.example' }, 403],
  ['from a page of no origin', { ...BASIC, origin: 'null' }, 403],
])('nobody reads %s', async (_, headers, status) => {
  const answer = await decode([asJson(await encrypted())], headers);
  expect(answer.status).toBe(status);
  expect(await answer.text()).toBe('');
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
});

test('what is no list of payloads is refused', async () => {
  expect((await decode('all', BEARER)).status).toBe(400);
});
