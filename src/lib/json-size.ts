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
      // Not `for … in`, which takes ten times as long where the names are numbers.
      const names = Object.keys(next);
      if (waiting.length + names.length > left) return false;
      for (const name of names) {
        if (name.length > nameLength) return false;
        waiting.push(Reflect.get(next, name));
      }
    }
  }
  return true;
}

/**
 * Whether JSON that has yet to be parsed holds no more values than that, none more than `depth` deep, and no
 * key longer than `nameLength`, as far as its brackets, commas and colons tell; bytes may stand for
 * characters. Two megabytes of brackets take a quarter of a second to parse, of text a few milliseconds, and
 * to look through some milliseconds either way.
 */
export function isTextWithin(json: string, values: number, depth = Infinity, nameLength = Infinity): boolean {
  let left = values;
  let deep = 0;
  // Of the last string.
  let length = 0;
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case QUOTE: {
        const begin = at + 1;
        at = endOfString(json, begin);
        length = at - begin;
        break;
      }
      case COLON:
        if (length > nameLength) return false;
        break;
      case BRACKET:
      case BRACE:
        deep += 1;
        left -= 1;
        if (left < 0 || deep > depth) return false;
        break;
      case CLOSING_BRACKET:
      case CLOSING_BRACE:
        deep -= 1;
        break;
      case COMMA:
        left -= 1;
        if (left < 0) return false;
    }
  }
  return true;
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a] as const;
const [BRACKET, CLOSING_BRACKET, BRACE, CLOSING_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d] as const;

/** The place of the quote that ends a string of JSON which goes on at `from`, or the end of the text. */
export function endOfString(json: string, from: number): number {
  let at = from;
  for (; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) break;
    // What it escapes ends nothing.
    if (code === BACKSLASH) at += 1;
  }
  return at;
}
