/** How an agent says that a person is to take over. */
import type { Agent } from './agent.ts';

/** The last line of such a reply; nobody sees it. */
const MARK = '[[human]]';

/** What an agent is told of it; '' for one for which nobody takes over. */
export function handOverClause({ escalation }: Pick<Agent, 'escalation'>): string {
  if (!escalation || escalation.people.length === 0) return '';
  return (
    'If the person asks for a human, or you can’t help and a human of the team should, say so in a sentence ' +
    `and end your reply with a line that holds only ${MARK}.`
  );
}

/** A reply without the mark, and whether it had one that counts. */
export function withoutHandOverMark(
  text: string,
  agent: Pick<Agent, 'escalation'>,
): { text: string; wantsPerson: boolean } {
  const end = text.trimEnd();
  if (handOverClause(agent) === '' || !end.endsWith(MARK)) return { text, wantsPerson: false };
  return { text: end.slice(0, -MARK.length).trimEnd(), wantsPerson: true };
}
