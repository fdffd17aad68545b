import { expect, test } from '@jest/globals';
import { createImportReader } from '../../src/memory/transfer/import-reader.ts';
import { check } from '../../src/intake/fields.ts';
import { isTextWithin, isWithin } from '../../src/lib/json-size.ts';
import { readCompletionRequest } from '../../src/api/openai/request.ts';
import { newAgentBody } from '../../src/api/schemas.ts';
import { newScope } from '../support/services.ts';

const most = { values: 9, nameLength: 5 };

test('objects, lists and values count, wherever they stand', () => {
  expect(isWithin({ a: [1, 2, [3]], b: { c: null, d: 'x'.repeat(1_000) } }, most)).toBe(true);
  expect(isWithin({ a: [1, 2, [3]], b: { c: null, d: 'x', e: 1 } }, most)).toBe(false);
  expect(isWithin({ name12: 1 }, most)).toBe(false);
  expect(isWithin('x', { values: 1, nameLength: 0 })).toBe(true);
});

test('no more is looked at than may be there', () => {
  let looks = 0;
  const counted = (target: object): object =>
    new Proxy(target, {
      get(of, name) {
        looks += 1;
        const value: unknown = Reflect.get(of, name);
        return value;
      },
    });
  const list = counted(Array.from({ length: 100_000 }, () => ({})));
  const object = counted(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`${i}`, 0])));
  for (const value of [list, object]) expect(isWithin(value, most)).toBe(false);
  expect(looks).toBeLessThan(30);
});

test('JSON that is yet to be parsed is counted by its brackets and commas, and no text counts', () => {
  for (const value of [1, [], [1, 2], { a: [1, { b: 2 }] }, { 'a,[{"\\': '"],{\\,\\"', b: ',[' }, [[[]]]]) {
    const json = JSON.stringify(value);
    const brackets = json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').replaceAll(/[^,[{]/g, '').length;
    for (const text of [json, Buffer.from(json).toString('latin1')]) {
      expect([json, isTextWithin(text, brackets)]).toEqual([json, true]);
      if (brackets > 0) expect([json, isTextWithin(text, brackets - 1)]).toEqual([json, false]);
    }
    // What has room as a value has it as a text.
    expect(isWithin(value, { values: Math.max(0, brackets - 1), nameLength: 100 })).toBe(false);
  }
  for (const broken of ['"', '"\\', '["', 'x']) expect(isTextWithin(broken, 1)).toBe(true);
});

test('how deep it goes is counted too, and no text counts', () => {
  const json = JSON.stringify({ a: [[{ 'b[[[[': '{{{{' }], []], c: {} });
  expect(isTextWithin(json, 100, 4)).toBe(true);
  expect(isTextWithin(json, 100, 3)).toBe(false);
  expect(isTextWithin('[],'.repeat(9), 100, 1)).toBe(true);
});

test('how long its keys are is looked at too, and no text counts', () => {
  const json = JSON.stringify({ abc: 'a long text: a', b: [{ 'q"q': 1 }] });
  expect(isTextWithin(json, 100, 9, 4)).toBe(true);
  expect(isTextWithin(json, 100, 9, 3)).toBe(false);
  expect(isTextWithin('{"ab" :1}', 100, 9, 1)).toBe(false);
});

const HEADER = {
  ...{ type: 'header', format: 'konstruct-memory', version: 1, model: 'all-MiniLM-L6-v2' },
  ...{ exportedAt: '2026-01-01T00:00:00Z', ...newScope() },
};
const TOO_MUCH = 'holds more, or longer keys, than an export writes';

test.each([
  ['unknown keys', `{"type":"exchange",${Array.from({ length: 90_000 }, (_, i) => `"${i}":0`).join(',')}}`],
  ['messages that are none', `{"type":"exchange","messages":[${'{},'.repeat(300_000)}{}]}`],
  ['a long list where a span stands', `{"type":"exchange","passages":[{"user":[${'0,'.repeat(400_000)}0]}]}`],
  ['lists in lists', `{"type":"exchange","messages":${'['.repeat(5_000)}${']'.repeat(5_000)}}`],
  ['a key of a megabyte', `{"type":"exchange","${'x'.repeat(900_000)}":0}`],
])('a line of %s is refused before the schema goes through it', (_, line) => {
  const reader = createImportReader(newScope());
  reader.read(JSON.stringify(HEADER));
  expect(() => reader.read(line)).toThrow(TOO_MUCH);
});

test('a request of a hundred thousand fields is refused as a whole', () => {
  const body = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`field ${i}`, 0]));
  const fault = check(newAgentBody, body, 'body');
  expect(fault).toMatchObject({
    kind: 'invalid',
    field: 'body',
    problem: expect.stringMatching(/more fields/),
  });
  expect(check(newAgentBody, { ['x'.repeat(400_000)]: 1 }, 'body')).toMatchObject({ field: 'body' });
  expect(check(newAgentBody, { name: 'Mara', nmae: 'Mara' }, 'body')).toMatchObject({ field: 'nmae' });
});

test('a chat completion brings a whole conversation, and no million of empty messages', () => {
  const conversation = Array.from({ length: 6_000 }, (_, i) => ({ role: 'user', content: `message ${i}` }));
  const request = { model: 'Mara', user: 'ada', messages: conversation };
  expect(readCompletionRequest(request).text).toBe('message 5999');
  const empty = Array.from({ length: 600_000 }, () => ({}));
  expect(() => readCompletionRequest({ ...request, messages: empty })).toThrow('messages.0.role is required');
  const others = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [i, 0]));
  expect(() => readCompletionRequest({ ...request, ...others })).toThrow(/more fields/);
});
