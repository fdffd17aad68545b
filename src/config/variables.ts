/**
 * What a variable of the environment is, and how an environment is read. Each subject of the configuration is
 * a zod object with one entry a variable, and a transform into what the program uses. The types are inferred
 * from it.
 */
import { z } from 'zod';

declare module 'zod' {
  interface GlobalMeta {
    /** What to set the variable to. Both the error and docs/CONFIGURATION.md say it. */
    cure?: string;
    /** What holds while the variable is not set, where that is more than its default. */
    unset?: string;
  }
}

/** Variables by name, as in `process.env`. An empty one counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A subject: an object of variables, mostly with a transform behind it. */
export type Subject = z.ZodType;

export const text = z.string().min(1);
export const port = z.coerce.number().int().min(0).max(65_535);
/** A whole number above zero. */
export const count = z.coerce.number().int().positive();

/**
 * Reads the subjects from the environment. Throws one error with a line for each variable that is missing or
 * wrong. The line has the variable's name and cure, never its value: some values are secrets.
 */
export function parse<Subjects extends Record<string, Subject>>(
  subjects: Subjects,
  env: Environment,
): z.output<z.ZodObject<Subjects>> {
  return parseAll(subjects, {}, env).read;
}

/**
 * As `parse`, with further subjects whose types the caller doesn't know. The one error names all variables.
 */
export function parseAll<Subjects extends Record<string, Subject>>(
  subjects: Subjects,
  further: Readonly<Record<string, Subject>>,
  env: Environment,
): { read: z.output<z.ZodObject<Subjects>>; further: Readonly<Record<string, unknown>> } {
  const present = withoutUnset(env);
  const inputOf = (some: object) => Object.fromEntries(Object.keys(some).map((name) => [name, present]));
  const read = z.object(subjects).safeParse(inputOf(subjects));
  const furtherRead = z.object(further).safeParse(inputOf(further));
  if (read.success && furtherRead.success) return { read: read.data, further: furtherRead.data };
  const issues = [...(read.error?.issues ?? []), ...(furtherRead.error?.issues ?? [])];
  const cures = curesOf([...Object.values(subjects), ...Object.values(further)]);
  const lines = issues.map((issue) => {
    const name = String(issue.path.at(-1));
    if (issue.code === 'custom') return `${name} ${issue.message}`;
    const complaint = name in present ? `${name}: ${issue.message}` : `${name} is not set`;
    const cure = cures.get(name);
    return cure === undefined ? complaint : `${complaint} (set it to ${cure})`;
  });
  // Two subjects may share a variable.
  throw new Error(`The configuration is incomplete:\n  ${[...new Set(lines)].join('\n  ')}`);
}

/** The variables of a subject, by name. */
export function variablesOf(subject: Subject): z.ZodObject<Record<string, z.ZodType>> {
  const object = subject instanceof z.ZodPipe ? subject.in : subject;
  if (!(object instanceof z.ZodObject)) throw new TypeError('a subject of the configuration is an object');
  return object;
}

/** An empty variable is what `FOO= npm start` and compose files make of one that is not set. */
export function withoutUnset(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}

function curesOf(subjects: readonly Subject[]): Map<string, string> {
  const variables = subjects.flatMap((subject) => Object.entries(variablesOf(subject).shape));
  return new Map(
    variables.flatMap(([name, schema]) => {
      const cure = z.globalRegistry.get(schema)?.cure;
      return cure === undefined ? [] : [[name, cure] as const];
    }),
  );
}
