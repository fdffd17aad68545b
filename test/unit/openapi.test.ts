/** The API's description is one, and what it shows is what it says. */
import { expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { OPERATOR_CALLS, TENANT_CALLS } from '../../src/api/calls.ts';
import { openApiDocument } from '../../src/api/openapi.ts';
import { createDescription } from '../support/api-description.ts';

/** With a channel that calls us. */
const document = openApiDocument([{ name: 'postcard', paths: ['cards'] }]);
const description = createDescription(document);
const responses = [...description.responses()];

test('it is OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
});

test('it has every call of the tables', () => {
  const described = new Set(responses.map(({ call }) => call));
  const named = (base: string, { method, path }: { method: string; path: string }) =>
    `${method.toUpperCase()} ${base}${path === '/' ? '' : path}`.replaceAll(/:(\w+)/g, '{$1}');
  const calls = [
    ...TENANT_CALLS.map((call) => named('/v1', call)),
    ...OPERATOR_CALLS.map((call) => named('/v1/tenants', call)),
  ];
  expect(calls.filter((call) => !described.has(call))).toEqual([]);
});

test('every example is as its schema says, and every body has both', () => {
  // What a channel sends is its own matter.
  const examples = [...description.examples()].filter(({ at }) => !/postcard.*requestBody/.test(at));
  expect(examples.filter(({ faults }) => faults.length > 0)).toEqual([]);
  expect(examples.filter(({ hasSchema, example }) => !hasSchema || example === undefined)).toEqual([]);
  expect(examples.length).toBeGreaterThan(30);
});

test('every answer but one without a body says what it looks like, and every other than a success is a problem', () => {
  const types = (wanted: (status: number) => boolean) =>
    responses
      .filter(({ status, call }) => wanted(Number(status)) && call !== 'GET /readyz')
      .map(({ call, status, given }) => ({ call, status, types: Object.keys(given.content ?? {}) }));
  // These speak to the clients of others.
  const isOurs = ({ call }: { call: string }): boolean => !/\/mcp|\/chat\/completions|\/models/.test(call);
  expect(
    types((status) => status >= 400).filter(
      (one) => isOurs(one) && one.types[0] !== 'application/problem+json',
    ),
  ).toEqual([]);
  const bare = types((status) => status < 400).filter(({ types: { length } }) => length === 0);
  expect(bare.filter(isOurs).map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => '204'));
});

test('who has to wait is told for how long, and who has made something where it is', () => {
  const without = (statuses: string[], header: string) =>
    responses.filter(
      ({ call, status, given }) =>
        statuses.includes(status) && call !== 'GET /readyz' && given.headers?.[header]?.required !== true,
    );
  expect(without(['429', '503'], 'Retry-After')).toEqual([]);
  expect(without(['202'], 'Location').filter(({ call }) => call !== 'POST /mcp')).toEqual([]);
});

test.each<[string, number, object, Record<string, string>, string]>([
  ['/v1/agents/x', 418, {}, {}, 'the status 418'],
  ['/v1/agents/x', 404, {}, { 'content-type': 'application/json' }, 'the type application/json'],
  ['/v1/erasures/x', 200, { erasureId: 'x' }, { 'content-type': 'application/json' }, 'must match format'],
  [
    '/healthz',
    200,
    { status: 'ok', more: 1 },
    { 'content-type': 'application/json' },
    'additional properties',
  ],
  ['/v1/agents/x', 503, {}, { 'content-type': 'application/problem+json' }, 'Retry-After is missing'],
  ['/v1/nowhere', 200, {}, {}, '200 where there is nothing'],
])('of %s, an answer that is not in it is found: %i %j', (path, status, body, headers, fault) => {
  const response = { status, headers: new Headers(headers) };
  const faults = description.faultsOf({ method: 'GET', path, response, text: JSON.stringify(body) });
  expect(faults.join('; ')).toContain(fault);
});
