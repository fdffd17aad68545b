/** The clients that people have, as processes of their own: Python's, and the examples of docs/API.md. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import type { PromptMessage } from '../../src/domain/conversation.ts';
import { pythonWith } from '../support/python.ts';
import { startSystem, type System } from '../support/system.ts';

jest.setTimeout(240_000);

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let system: System;
let folder: string;
let examples: Array<{ language: string; code: string }>;
let environment: Awaited<ReturnType<typeof pythonWith>>;
beforeAll(async () => {
  [system, environment] = await Promise.all([startSystem(), pythonWith(['openai==3.57.0', 'mcp==2.3.0'])]);
  // Knows what stands in its prompt.
  const answer = (messages: PromptMessage[]) => {
    const known = messages.some(
      ({ content }) => content.includes('My name is Ada') || content.includes('I am Ada'),
    );
    return known ? 'You are Ada.' : 'I do not know you.';
  };
  system.llm.answerWith(answer);
  // Where the examples find the packages of the repository.
  folder = await mkdtemp(path.join(ROOT, 'test', '.examples-'));
  const page = await readFile(path.join(ROOT, 'docs', 'API.md'), 'utf8');
  examples = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

const surroundings = () => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  API: system.baseUrl,
  AGENT: system.agent.id,
  KEY: system.apiKey,
});
const example = (language: string, holds: string): string => {
  const found = examples.find((one) => one.language === language && one.code.includes(holds));
  if (!found) throw new Error(`docs/API.md has no example in ${language} with ${holds}`);
  return found.code;
};
async function output(file: string, args: string[]): Promise<string> {
  const { stdout } = await run(file, args, { env: surroundings(), cwd: folder, timeout: 60_000 });
  return stdout.trim();
}

describe('the examples of docs/API.md', () => {
  test('by curl: the reply, and the reply as events', async () => {
    const shell = (code: string) => output('sh', ['-c', code]);
    expect(JSON.parse(await shell(example('sh', 'Prefer: wait=60')))).toMatchObject({
      state: 'done',
      reply: { text: 'You are Ada.' },
    });
    const events = await shell(example('sh', 'text/event-stream'));
    expect(events).toMatch(/event: accepted\n[^]*event: delta\ndata: \{"text":"You[^]*event: done\n/);
  });

  test('by the clients for Node: a name is remembered, and found', async () => {
    const node = async (holds: string): Promise<string> => {
      const file = path.join(folder, 'example.mjs');
      await writeFile(file, example('js', holds));
      return output(process.execPath, [file]);
    };
    expect(await node('new OpenAI')).toBe('You are Ada.');
    await eventually(async () => ((await system.memoryOf('ada')).body['memories'] as unknown[]).length >= 4);
    expect(await node('search_memory')).toContain('My name is Ada.');
  });
});

/** What can't be tried here is said, and counts as passed. */
const python = async (code: string): Promise<string | undefined> => {
  if ('why' in environment) {
    console.warn(`not tried, since Python's clients can't be installed: ${environment.why}`);
    return undefined;
  }
  const file = path.join(folder, 'example.py');
  await writeFile(file, code);
  return output(environment.python, [file]);
};

describe('Python’s clients', () => {
  test('openai: the example, remembering, usage, errors', async () => {
    await system.say('My name is Ada.');
    const said = await python(example('python', 'OpenAI('));
    if (said === undefined) return;
    expect(said).toBe('You are Ada.');
    const seen = await python(PYTHON_OPENAI);
    expect(JSON.parse(seen ?? '')).toEqual({
      remembers: 'You are Ada.',
      usage: 18,
      errors: [
        ['AuthenticationError', 401],
        ['NotFoundError', 404],
        ['BadRequestError', 400],
      ],
    });
  });

  test('mcp: the tools, and what they give', async () => {
    const seen = await python(PYTHON_MCP);
    if (seen === undefined) return;
    expect(JSON.parse(seen)).toEqual({
      tools: ['forget_memory', 'list_memories', 'search_memory', 'send_message'],
      reply: 'You are Ada.',
      foreign: true,
    });
  });
});

const PYTHON_OPENAI = `
import json, os
from openai import OpenAI, APIStatusError

API, AGENT, KEY = (os.environ[name] for name in ("API", "AGENT", "KEY"))
client = OpenAI(base_url=API + "/v1", api_key=KEY, max_retries=0)

def say(content, of=client, **more):
    fields = {"model": AGENT, "user": "py", "messages": [{"role": "user", "content": content}], **more}
    return of.chat.completions.create(**fields)

def error(work):
    try:
        work()
    except APIStatusError as thrown:
        return [type(thrown).__name__, thrown.status_code]

say("My name is Ada")
answer = say("Who am I?")
print(json.dumps({
    "remembers": answer.choices[0].message.content,
    "usage": answer.usage.total_tokens,
    "errors": [
        error(lambda: say("x", of=client.with_options(api_key="nobody"))),
        error(lambda: say("x", model="gpt-4o")),
        error(lambda: say("")),
    ],
}))
`;

const PYTHON_MCP = `
import asyncio, json, os
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

API, AGENT, KEY = (os.environ[name] for name in ("API", "AGENT", "KEY"))

async def main():
    http = httpx2.AsyncClient(headers={"Authorization": "Bearer " + KEY}, timeout=60)
    async with Client(streamable_http_client(API + "/mcp", http_client=http)) as client:
        tools = sorted(tool.name for tool in (await client.list_tools()).tools)
        said = await client.call_tool("send_message", {"agentId": AGENT, "userId": "mcp", "text": "I am Ada"})
        foreign = await client.call_tool("list_memories", {"agentId": KEY[:8], "userId": "mcp"})
        print(json.dumps({
            "tools": tools,
            "reply": json.loads(said.content[0].text)["reply"]["text"],
            "foreign": foreign.is_error,
        }))

asyncio.run(main())
`;
