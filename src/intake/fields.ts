/** The kinds of fields that requests have, and how a fault in one is told. */
import { z } from 'zod';
import { MAX_TEXT_LENGTH } from '../domain/bounds.ts';
import { idProblem, MAX_ID_LENGTH } from '../domain/ids.ts';
import { hasAtMost } from '../lib/characters.ts';
import { isWithin, type JsonSize } from '../lib/json-size.ts';

/**
 * A character takes up to 12 bytes in JSON (a surrogate pair, both halves escaped), and texts are limited by
 * characters once they are parsed.
 */
const CHARACTER_BYTES = 12;

/** The longest body that brings a message, in bytes: its text, and room for ids and what is around them. */
export const MAX_MESSAGE_BODY_BYTES = CHARACTER_BYTES * (MAX_TEXT_LENGTH + 1_000);

/** The longest body of any request. It is an agent's, with its system prompt, persona and names. */
export const MAX_BODY_BYTES = CHARACTER_BYTES * (MAX_TEXT_LENGTH + 10_000);

/** Text that Postgres and UTF-8 can hold, of at most `max` Unicode characters (not UTF-16 units). */
export const textField = (max: number) =>
  z
    .string()
    .refine((value) => !value.includes('\u0000'), 'must not contain NUL characters')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode (it has a lone surrogate)')
    .refine((value) => hasAtMost(max, value), {
      message: `must be at most ${max.toLocaleString('en')} characters`,
      params: { tooLarge: true },
    })
    .meta({ maxLength: max });

/** The same, with something to read in it. */
export const filledText = (max: number) =>
  textField(max)
    .refine((value) => value.trim() !== '', 'must not be empty')
    .meta({ minLength: 1, pattern: '\\S' });

/** A character that an id may have, and one that is no dot. */
const OF_AN_ID = '[^\\u0000-\\u001f\\u007f-\\u009f]';
const NO_DOT = '[^.\\u0000-\\u001f\\u007f-\\u009f]';
/** What `idProblem` says, as a pattern without anything that looks ahead: not every reader knows that. */
const ID_PATTERN = `^(${NO_DOT}|\\.${NO_DOT}|\\.\\.${OF_AN_ID})${OF_AN_ID}*$`;

/** An id that comes from outside. */
export const idField = z
  .string()
  .superRefine((value, context) => {
    const problem = idProblem(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({ minLength: 1, maxLength: MAX_ID_LENGTH, pattern: ID_PATTERN });

/** More than any request has that brings one thing. */
export const MOST_OF_A_BODY: JsonSize = { values: 500, nameLength: 500 };

/** The first fault of a value. */
export type Fault = { kind: 'invalid'; field: string; problem: string; isTooLarge: boolean };

/** What is said of a value that holds more than any request does. */
export const tooManyFields = (where: string): Fault => ({
  kind: 'invalid',
  field: where,
  problem: 'has more fields, or longer names of fields, than any request',
  isTooLarge: false,
});

/**
 * What `value` holds by the schema, or its first fault with the field named. `where` names a value that has
 * no fields.
 */
export function check<S extends z.ZodType>(
  schema: S,
  value: unknown,
  where: string,
  most: JsonSize = MOST_OF_A_BODY,
): { kind: 'valid'; value: z.output<S> } | Fault {
  // Before the schema sees it: of a body of unknown keys alone it would write down each.
  if (!isWithin(value, most)) return tooManyFields(where);
  const result = schema.safeParse(value);
  if (result.success) return { kind: 'valid', value: result.data };
  const issue = result.error.issues[0];
  const field = issue?.path.length ? issue.path.join('.') : where;
  const fault = (problem: string, more: Partial<Fault> = {}): Fault => ({
    kind: 'invalid',
    field,
    problem,
    isTooLarge: false,
    ...more,
  });
  if (issue?.code === 'unrecognized_keys') {
    return fault('is not a known field', { field: issue.keys.join(', ') });
  }
  const isMissing =
    issue?.code === 'invalid_type' && issue.input === undefined && /undefined/.test(issue.message);
  if (isMissing) return fault('is required');
  const isTooLarge = issue?.code === 'custom' && issue.params?.['tooLarge'] === true;
  return fault(issue?.message ?? 'is invalid', { isTooLarge });
}
