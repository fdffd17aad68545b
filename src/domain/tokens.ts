/** What a chat message costs besides its text: its role and the markers around it. */
const TOKENS_PER_MESSAGE = 4;

/**
 * An estimate, on the safe side, of what a message costs in a prompt. Every provider has its own
 * tokenizer; three UTF-8 bytes a token is more than English needs (about four) and about right for
 * scripts whose characters take three bytes.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(utf8Length(text) / 3) + TOKENS_PER_MESSAGE;
}

/** Bytes in UTF-8, without TextEncoder: the workflow sandbox has none to rely on. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
