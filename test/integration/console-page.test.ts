/** The console's page, as the API serves it. */
import { once } from 'node:events';
import { mkdtemp, mkdir, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import express from 'express';
import { pino } from 'pino';
import { problemHandler } from '../../src/api/problems.ts';
import { consolePage } from '../../src/api/routes/console-page.ts';
import { serve } from '../support/http-server.ts';

let folder: string;
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-console-'));
  const app = express();
  app.use(consolePage(folder));
  app.use(problemHandler(pino({ level: 'silent' })));
  server = await serve(app);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const get = async (at: string, init: RequestInit = {}) => {
  const response = await fetch(server.url + at, { redirect: 'manual', ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

test('what is not built says how it is', async () => {
  const { status, headers, text } = await get('/console/');
  expect(status).toBe(503);
  expect(headers.get('content-type')).toMatch(/^text\/plain/);
  expect(text).toContain('npm run console:build');
});

test('what is built is served, and every other path is the page', async () => {
  await mkdir(path.join(folder, 'assets'));
  await writeFile(path.join(folder, 'index.html'), '<!doctype html><title>Konstruct</title>');
  await writeFile(path.join(folder, 'assets', 'index-1a2b.js'), 'export {};');
  await writeFile(path.join(folder, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  for (const at of ['/console', '/console/', '/console/agents/x', '/console/index.html']) {
    const { status, headers, text } = await get(at);
    expect({ at, status, text }).toEqual({ at, status: 200, text: expect.stringContaining('Konstruct') });
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    const policy = String(headers.get('content-security-policy'));
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
  }
  const script = await get('/console/assets/index-1a2b.js');
  expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(script.headers.get('content-type')).toMatch(/javascript/);
  expect((await get('/console/icon.svg')).headers.get('cache-control')).toBe('no-cache');
  expect((await get('/console/assets/gone.js')).status).toBe(404);
});

test('a script comes compressed as the build has done it, to whoever takes it so', async () => {
  const script = 'export const many = 1;'.repeat(50);
  const asset = path.join(folder, 'assets', 'packed-1a2b.js');
  await writeFile(asset, script);
  await writeFile(`${asset}.br`, brotliCompressSync(script));
  await writeFile(`${asset}.gz`, gzipSync(script));
  const take = (coding: string, name = 'packed-1a2b.js') =>
    get(`/console/assets/${name}`, { headers: { 'accept-encoding': coding } });
  for (const [accepted, coding] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, br;q=0', 'gzip'],
    ['gzip', 'gzip'],
    ['identity', null],
    ['deflate', null],
  ] as const) {
    const { status, headers, text } = await take(accepted);
    expect({ accepted, status, coding: headers.get('content-encoding'), text }).toEqual({
      ...{ accepted, status: 200, coding, text: script },
    });
    expect(headers.get('vary')).toBe('Accept-Encoding');
    expect(headers.get('content-type')).toMatch(/javascript/);
    expect(headers.get('cache-control')).toMatch(/immutable/);
  }
  const answers = await Promise.all(['br', 'gzip', 'identity'].map((coding) => take(coding)));
  expect(new Set(answers.map(({ headers }) => headers.get('etag'))).size).toBe(3);
  const unpacked = await take('br', 'index-1a2b.js');
  expect([unpacked.text, unpacked.headers.get('content-encoding')]).toEqual(['export {};', null]);
});

test('the root leads there, and nothing is written there', async () => {
  expect(await get('/')).toMatchObject({ status: 302 });
  expect((await get('/')).headers.get('location')).toBe('/console/');
  const posted = await get('/console/agents', { method: 'POST' });
  expect(posted.status).toBe(405);
  expect(posted.headers.get('allow')).toBe('GET, HEAD');
});

test('however many don’t read a file, it is open for none of them', async () => {
  const asset = path.join(folder, 'assets', 'long-1a2b.js');
  // More than the system keeps for a reader.
  await writeFile(asset, Buffer.alloc(20_000_000, ' '));
  const sockets = Array.from({ length: 5 }, () => connect(Number(new URL(server.url).port), '127.0.0.1'));
  for (const socket of sockets) {
    socket.write('GET /console/assets/long-1a2b.js HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'readable');
  }
  const open = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  expect(open.filter((file) => file === asset)).toEqual([]);
  for (const socket of sockets) socket.destroy();
});

test('no file outside of the folder is served', async () => {
  for (const at of [
    '/console/%2e%2e/package.json',
    '/console/assets/%2e%2e/%2e%2e/package.json',
    '/console/.env',
  ])
    expect((await get(at)).text).not.toContain('"name"');
});
