/** How somebody asks for a person. Pure. */

/**
 * The whole of a message, without the agent's name and marks: what only mentions a human asks for none, and
 * "person" alone may answer "For a company or a person?".
 */
const ASKS = new RegExp(
  `^(?:please |bitte |can i |could i |i want to |i would like to |let me |ich möchte |ich will )*(?:${[
    '(?:talk|speak)(?: to| with)(?: a| an| some)? (?:human|person|real person|somebody|someone|agent of yours)',
    '(?:get|call|fetch)(?: me)? a (?:human|person)',
    '(?:human|mensch)',
    '(?:mit )?(?:einem|einen) menschen(?: sprechen| reden)?',
    'parler à un humain|parler à une personne',
    'hablar con (?:una persona|un humano)',
    'parlare con (?:una persona|un umano)',
    'falar com (?:uma pessoa|um humano)',
  ].join('|')})(?: please| bitte| s il vous plaît| por favor| per favore)?$`,
  'u',
);
const MAX_LENGTH = 120;

/** Whether a message, in which the agent's name is left out, asks for a person in the agent's place. */
export function asksForPerson(text: string): boolean {
  if (text.length > MAX_LENGTH) return false;
  const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return ASKS.test(words.join(' '));
}
