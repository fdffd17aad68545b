/** Control characters, separators of lines, marks that turn the direction of writing, all spaces. */
const BREAKS = /[\p{Cc}\p{Z}\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/gu;

/** Angle brackets and what looks like them, quotes and the marks of code: what frames are made of. */
const FRAMING = /[<>＜＞﹤﹥‹›«»〈〉《》〈〉⟨⟩⟪⟫"“”„＂`{}[\]|\\]/gu;

const MAX_LENGTH = 80;

/**
 * A name that somebody gave himself (or a channel, a group, a file), as words on one line: a name must not
 * pass for a line or a frame of ours, whatever its owner writes into it. Pure.
 */
export function plainName(name: string): string {
  return name
    .slice(0, 2 * MAX_LENGTH)
    .replace(BREAKS, ' ')
    .replace(FRAMING, '')
    .trim()
    .slice(0, MAX_LENGTH)
    .toWellFormed();
}
