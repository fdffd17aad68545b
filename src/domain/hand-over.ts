/** How an agent says that a person is to take over. */
import type { Agent } from './agent.ts';

/** The last line of such a reply; nobody sees it. */
const MARK = '[[human]]';

/** An agent where nobody can take over from it: whoever fetches its replies has not its people. */
export function withoutPeople<A extends Pick<Agent, 'escalation'>>(agent: A): A {
  return { ...agent, escalation: undefined };
}

/** Whether anybody was named who takes over from an agent. */
export const hasPeople = (agent: { escalation?: Agent['escalation'] | undefined } | undefined): boolean =>
  (agent?.escalation?.people.length ?? 0) > 0;

/** What an agent is told of it; '' for one for which nobody takes over. */
export function handOverClause({ escalation }: Pick<Agent, 'escalation'>): string {
  if (!hasPeople({ escalation })) return '';
  return (
    'If the person asks for a human, or you can’t help and a human of the team should, say so in a sentence ' +
    `and end your reply with a line that holds only ${MARK}.`
  );
}

/** A reply that is still growing, without the mark or what may become it. */
export function withoutMarkSoFar(textSoFar: string, agent: Pick<Agent, 'escalation'>): string {
  if (handOverClause(agent) === '') return textSoFar;
  const end = textSoFar.trimEnd();
  for (let length = MARK.length; length > 0; length -= 1)
    if (end.endsWith(MARK.slice(0, length))) return end.slice(0, -length).trimEnd();
  return textSoFar;
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
