/** Reads JSON whose shape others decide: what is missing or of another kind reads as empty. Pure. */

export type Loose = Readonly<Record<string, unknown>>;

/** More entries than this of one list are nothing that a person has made. */
export const MAX_ENTRIES = 500;

export function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function looseOf(value: unknown): Loose {
  return isLoose(value) ? value : {};
}

/** The objects of a list. */
export function looseList(value: unknown): Loose[] {
  return Array.isArray(value) ? value.slice(0, MAX_ENTRIES).filter(isLoose) : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The first text that says something. */
export function firstText(...values: unknown[]): string {
  return values.map(textOf).find((text) => text.trim() !== '') ?? '';
}

/** The texts that say something, a line each. */
export function joinLines(lines: readonly string[], separator = '\n'): string {
  return lines.filter((line) => line.trim() !== '').join(separator);
}
