import type { Conversation, Question } from './dataset.ts';

/**
 * The questions of another conversation, which this one has no answer to. The names of those who speak there
 * are replaced by the names of those who speak here: otherwise a question would be told by its strangers.
 */
export function foreignQuestions(here: Conversation, there: Conversation): Question[] {
  const names = new Map<string, string>();
  for (const [theirs, ours] of [
    [there.userName, here.userName],
    [there.agentName, here.agentName],
  ])
    if (theirs !== undefined && ours !== undefined && theirs !== ours) names.set(theirs.toLowerCase(), ours);
  const answerable = there.questions.filter(({ evidence }) => evidence.size > 0);
  return answerable.map(({ text, category }) => ({
    text: withNames(text, names),
    category,
    evidence: new Set<string>(),
  }));
}

function withNames(text: string, names: ReadonlyMap<string, string>): string {
  if (names.size === 0) return text;
  const alternatives = [...names.keys()].map(RegExp.escape).join('|');
  const pattern = new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])(?:${alternatives})(?![\\p{L}\\p{M}\\p{N}])`, 'giu');
  return text.replace(pattern, (name) => names.get(name.toLowerCase()) ?? name);
}
