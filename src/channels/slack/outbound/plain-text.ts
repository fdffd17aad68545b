/** What is done to text, and never to code, before Slack gets it. */

export const ZERO_WIDTH_SPACE = '\u200b';

/**
 * A `<` that may begin a mention, of a person, a group, a channel's members or everybody: before a `@`, a
 * command or an entity, and as it is or as an entity itself, since a markdown parser decodes those.
 */
const PING = /(<|&lt;?|&#0*60;?|&#x0*3c;?)(?=\\?(?:@|&|!\\?[a-z&]))/gi;

/** What Slack itself would read as a mention: `<@NotNull String>` is none. */
const MENTION =
  /(?:<|&[lL][tT];?|&#0*60;?|&#[xX]0*3[cC];?)\\?(?:@[UW][A-Z0-9]+[|>&]|!(?:channel|here|everyone|group|subteam))/;

/** The same text with every mention broken by a space of no width: it reads the same and calls nobody. */
export function withoutPings(text: string): string {
  return text.replace(PING, `$1${ZERO_WIDTH_SPACE}`);
}

/** Lines end in one character, also where they come from Windows. */
export function withPlainLineEnds(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

export function holdsMention(code: string): boolean {
  return MENTION.test(code);
}

/**
 * Slack decodes these three, no others, and never reads the result again. Source:
 * docs.slack.dev/messaging/formatting-message-text.
 */
export function escapeEntities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The length of text once `escapeEntities` has made it longer. */
export function escapedLength(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at += 1) length += extra(text.charCodeAt(at));
  return length;
}

/** How many characters from the beginning of text fit into `length` once escaped; never half a character. */
export function fitting(text: string, length: number): number {
  let left = length;
  let at = 0;
  for (; at < text.length; at += 1) {
    left -= 1 + extra(text.charCodeAt(at));
    if (left < 0) break;
  }
  return wholeCharacters(text, at);
}

/** The same place, or one before it when it lies inside a character. */
export function wholeCharacters(text: string, at: number): number {
  const isInside =
    at > 1 &&
    at < text.length &&
    /[\ud800-\udbff]/.test(text.charAt(at - 1)) &&
    /[\udc00-\udfff]/.test(text.charAt(at));
  return isInside ? at - 1 : at;
}

function extra(code: number): number {
  // & becomes five characters, < and > four.
  return code === 38 ? 4 : code === 60 || code === 62 ? 3 : 0;
}
