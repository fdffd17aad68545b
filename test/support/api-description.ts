/** Holds the API's real answers against its own description. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { z } from 'zod';
import { openApiDocument } from '../../src/api/openapi.ts';

const schema = z.record(z.string(), z.unknown());
const content = z.record(
  z.string(),
  z.object({ schema: schema.optional(), example: z.unknown().optional() }),
);
const described = z.object({
  description: z.string(),
  headers: z.record(z.string(), z.object({ required: z.boolean().optional(), schema })).optional(),
  content: content.optional(),
});
const response = z.union([z.strictObject({ $ref: z.string() }), described]);
const operation = z.object({
  summary: z.string(),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), response),
});
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const pathItem = z.partialRecord(z.enum([...METHODS, 'parameters']), z.unknown());
const description = z.object({
  paths: z.record(z.string(), pathItem),
  components: z.object({ responses: z.record(z.string(), described) }),
});
type Described = z.output<typeof described>;
type Operation = { method: string; path: string; at: string } & z.output<typeof operation>;

export type Sent = {
  method: string;
  /** With its query. */
  path: string;
  response: Pick<Response, 'status' | 'headers'>;
  text: string;
};

/** Reads a description, and finds what in it an answer contradicts. */
export function createDescription(document: object = openApiDocument()) {
  const { paths, components } = description.parse(document);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'api');
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method): Operation[] => {
      if (item[method] === undefined) return [];
      return [{ method, path, at: `/paths/${escaped(path)}/${method}`, ...operation.parse(item[method]) }];
    }),
  );
  // Those with the fewest parameters first: /v1/tenants/audit is no tenant.
  const byParameters = operations.toSorted((a, b) => a.path.split('{').length - b.path.split('{').length);

  const validatorAt = (pointer: string): ValidateFunction => {
    const validate = ajv.getSchema(`api#${pointer}`);
    if (!validate) throw new Error(`there is no schema at ${pointer}`);
    return validate;
  };
  const faultsOf = (validate: ValidateFunction, value: unknown): string[] =>
    validate(value) ? [] : [ajv.errorsText(validate.errors)];

  const find = (method: string, path: string): Operation | undefined => {
    const { pathname } = new URL(path, 'http://api');
    const fits = ({ path: known }: Operation) =>
      new RegExp(`^${known.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`).test(pathname);
    const closest = byParameters.find(fits)?.path;
    return operations.find((one) => one.path === closest && one.method === method.toLowerCase());
  };
  /** A response, and where it stands; the pointer leads through no reference. */
  const responseOf = ({ at, responses }: Operation, status: string) => {
    const given = responses[status];
    if (!given) return undefined;
    if (!('$ref' in given)) return { at: `${at}/responses/${status}`, given };
    const name = given.$ref.replace('#/components/responses/', '');
    const shared = components.responses[name];
    if (!shared) throw new Error(`${given.$ref} is not there`);
    return { at: `/components/responses/${name}`, given: shared };
  };

  const headerFaults = ({ headers = {} }: Described, at: string, sent: Headers): string[] =>
    Object.entries(headers).flatMap(
      ([
        name,
        {
          required = false,
          schema: { type },
        },
      ]) => {
        const value = sent.get(name);
        if (value === null) return required ? [`the header ${name} is missing`] : [];
        const typed = type === 'integer' ? Number(value) : value;
        return faultsOf(validatorAt(`${at}/headers/${escaped(name)}/schema`), typed);
      },
    );
  const bodyFaults = (
    { content: bodies = {} }: Described,
    at: string,
    { response, text }: Sent,
  ): string[] => {
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    if (Object.keys(bodies).length === 0) return text === '' ? [] : ['a body where there is none'];
    if (!(type in bodies)) return [`the type ${type || 'of nothing'}`];
    const validate = validatorAt(`${at}/content/${escaped(type)}/schema`);
    // The schema of a stream is that of an event.
    const values: unknown[] =
      type === 'text/event-stream' ? eventsIn(text) : [/\bjson$/.test(type) ? JSON.parse(text) : text];
    return values.flatMap((value) => faultsOf(validate, value));
  };

  return {
    /** What is wrong with an answer by the description; empty when nothing is. */
    faultsOf(sent: Sent): string[] {
      const { method, path, response } = sent;
      const operation = find(method, path);
      if (method === 'OPTIONS') return response.status === 204 ? [] : [`${response.status} to OPTIONS`];
      if (!operation) {
        return [401, 404, 405].includes(response.status) ? [] : [`${response.status} where there is nothing`];
      }
      const found = responseOf(operation, String(response.status));
      if (!found) return [`the status ${response.status}`];
      return [
        ...headerFaults(found.given, found.at, response.headers),
        ...bodyFaults(found.given, found.at, sent),
      ];
    },
    /** Every body that has an example, and what is wrong with it. */
    *examples(): Generator<{ at: string; hasSchema: boolean; example: unknown; faults: string[] }> {
      for (const [at, bodies] of allBodies()) {
        for (const [type, { schema: given, example }] of Object.entries(bodies)) {
          const pointer = `${at}/content/${escaped(type)}`;
          const faults = given ? faultsOf(validatorAt(`${pointer}/schema`), example) : [];
          yield { at: pointer, hasSchema: given !== undefined, example, faults };
        }
      }
    },
    /** Every response of every call, with its status. */
    *responses(): Generator<{ call: string; status: string; given: Described }> {
      for (const known of operations) {
        for (const status of Object.keys(known.responses)) {
          const found = responseOf(known, status);
          if (found)
            yield { call: `${known.method.toUpperCase()} ${known.path}`, status, given: found.given };
        }
      }
    },
  };

  function* allBodies(): Generator<[string, z.output<typeof content>]> {
    for (const [name, { content: bodies = {} }] of Object.entries(components.responses)) {
      yield [`/components/responses/${name}`, bodies];
    }
    for (const { at, requestBody, responses } of operations) {
      if (requestBody) yield [`${at}/requestBody`, requestBody.content];
      for (const [status, given] of Object.entries(responses)) {
        if (!('$ref' in given)) yield [`${at}/responses/${status}`, given.content ?? {}];
      }
    }
  }
}

function eventsIn(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  createParser({ onEvent: (event) => void events.push(event) }).feed(text);
  return events;
}

/** A key in a JSON pointer that stands in a URI. */
const escaped = (key: string): string => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

const own = createDescription();
const OURS = /^\/(v1|mcp|console\/session|healthz|readyz|metrics|openapi\.json)\b/;

/** Throws when an answer of the API is not as its description says. */
export function expectDocumented(sent: Sent): void {
  // What a webhook answers is its channel's matter.
  if (!OURS.test(sent.path)) return;
  const faults = own.faultsOf(sent);
  if (faults.length === 0) return;
  const { method, path, response, text } = sent;
  throw new Error(
    `/openapi.json doesn’t say so of ${method} ${path}: ${faults.join('; ')} (${response.status} ${text.slice(0, 1_000)})`,
  );
}
