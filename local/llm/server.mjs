// An OpenAI-compatible endpoint for one small local model: POST /v1/chat/completions (plain and streamed),
// GET /v1/models, GET /healthz. It answers one request at a time, queues MAX_WAITING and rejects the others
// with 429. Usage: node server.mjs --port N --packages DIR --model FILE --name NAME
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { BadRequest, readChatRequest } from './chat-request.mjs';
import { MAX_REPLY_TOKENS, loadEngine } from './engine.mjs';

const MAX_WAITING = 16;
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const SECONDS_PER_REPLY = 4; // for Retry-After: the default 160 tokens at 50 a second, and the prompt
const BELOW_NORMAL = 5;

const string = { type: 'string' };
const { values } = parseArgs({ options: { port: string, packages: string, model: string, name: string } });
// The rest of the stack has priority: a slow reply is better than a slow API.
os.setPriority(BELOW_NORMAL);
const engine = await loadEngine({ packages: values.packages, modelPath: values.model });

let waiting = 0;
let tail = Promise.resolve();

/** Runs jobs one at a time, in order. */
function enqueue(job) {
  waiting += 1;
  const run = tail.then(job).finally(() => (waiting -= 1));
  tail = run.catch(() => undefined);
  return run;
}

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new BadRequest(`the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response, status, body, headers = {}) {
  if (response.headersSent || response.destroyed) return void response.end();
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

const problem = (message, type) => ({ error: { message, type, param: null, code: null } });

function usageOf({ promptTokens, completionTokens }) {
  const total = promptTokens + completionTokens;
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: total };
}

async function complete(request, response) {
  const chat = readChatRequest(await readBody(request), MAX_REPLY_TOKENS);
  if (waiting >= MAX_WAITING) {
    const headers = { 'retry-after': String(waiting * SECONDS_PER_REPLY) };
    return send(response, 429, problem('too many requests are waiting', 'rate_limit_exceeded'), headers);
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  await enqueue(() => (gone.signal.aborted ? undefined : answer(chat, response, gone.signal)));
}

async function answer(chat, response, signal) {
  const base = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: values.name };
  const chunk = (choices, more = {}) => {
    const data = { ...base, object: 'chat.completion.chunk', choices, ...more };
    response.write(`data: ${JSON.stringify(data)}\n\n`);
  };
  const delta = (content, finish_reason = null) => [{ index: 0, delta: content, finish_reason }];
  if (chat.stream) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    chunk(delta({ role: 'assistant', content: '' }));
  }
  const onText = (text) => chat.stream && !signal.aborted && chunk(delta({ content: text }));
  const result = await engine.generate({ ...chat, signal, onText });
  if (signal.aborted) return;
  if (!chat.stream) {
    const message = { role: 'assistant', content: result.text };
    const choices = [{ index: 0, message, finish_reason: result.finishReason }];
    return send(response, 200, { ...base, object: 'chat.completion', choices, usage: usageOf(result) });
  }
  chunk(delta({}, result.finishReason));
  if (chat.includeUsage) chunk([], { usage: usageOf(result) });
  response.end('data: [DONE]\n\n');
}

async function route(request, response) {
  const target = `${request.method} ${request.url.split('?')[0]}`;
  if (target === 'POST /v1/chat/completions') return complete(request, response);
  if (target === 'GET /healthz') return send(response, 200, { status: 'ok', waiting });
  if (target === 'GET /v1/models') {
    const model = { id: values.name, object: 'model', created: 0, owned_by: 'local' };
    return send(response, 200, { object: 'list', data: [model] });
  }
  return send(response, 404, problem(`there is no ${target}`, 'not_found_error'));
}

const server = http.createServer((request, response) => {
  route(request, response).catch((error) => {
    if (error instanceof BadRequest)
      return send(response, 400, problem(error.message, 'invalid_request_error'));
    console.error(error);
    send(response, 500, problem('the model failed', 'server_error'));
  });
});
server.listen(Number(values.port), '127.0.0.1', () => console.log(`${values.name} on port ${values.port}`));
process.on('SIGTERM', () => process.exit(0));
