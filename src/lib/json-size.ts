/** How much a parsed JSON value may hold. */
export type JsonSize = {
  /** Objects, lists and values, however deep. */
  values: number;
  /** Characters of a key. */
  nameLength: number;
};

/**
 * Whether a JSON value holds no more than that. Stops at the first thing too many, so a megabyte of `{}` or
 * of keys costs hardly anything, where a schema would go through all of it and write each fault down.
 */
export function isWithin(value: unknown, { values, nameLength }: JsonSize): boolean {
  const waiting: unknown[] = [value];
  let left = values;
  while (waiting.length > 0) {
    const next = waiting.pop();
    left -= 1;
    if (left < 0) return false;
    if (Array.isArray(next)) {
      if (waiting.length + next.length > left) return false;
      for (const element of next) waiting.push(element);
    } else if (typeof next === 'object' && next !== null) {
      for (const [name, member] of membersOf(next)) {
        if (waiting.length >= left || name.length > nameLength) return false;
        waiting.push(member);
      }
    }
  }
  return true;
}

/** One by one: `Object.entries` would make a list of all of them. */
function* membersOf(object: object): Generator<[string, unknown]> {
  for (const name in object) yield [name, Reflect.get(object, name)];
}
