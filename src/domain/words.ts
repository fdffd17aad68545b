/** Every line that Konstruct itself says to a person: plain, short, without internals. */
import type { NoReplyReason } from './failures.ts';

/** When a message gets no reply, for good. */
export const APOLOGY = 'Sorry, I could not come up with a reply to this message. Please try again later.';

/** When a message gets no reply for a reason that the person, or whoever runs the agent, can mend. */
export const NO_REPLY: Readonly<Record<NoReplyReason, string>> = {
  filtered:
    'Sorry, the content filter of the language model stopped this reply. Please put it another way, or ask something else.',
  refused:
    'Sorry, the language model declines to answer this. Please put it another way, or ask something else.',
  outOfCredit:
    'Sorry, I can’t answer: the account with the language model’s provider is out of credit. Please tell whoever runs me.',
  unknownModel:
    'Sorry, I can’t answer: the language model that I am set to use is not there. Please tell whoever runs me.',
  badKey:
    'Sorry, I can’t answer: the language model’s provider does not accept my key. Please tell whoever runs me.',
  tooLong: 'Sorry, this is too long for the language model, even shortened. Please send less at once.',
  onlyThought:
    'Sorry, I thought about this for as long as I may and have no reply. Please ask for something smaller.',
  stopped: 'Stopped, as you asked.',
};

/** Under a reply that reached its length limit. */
export const CUT_OFF = '(My reply reached its length limit and stops here. Ask me to go on for the rest.)';

/** In place of a reply that neither Temporal nor memory keeps any more. */
export const REPLY_NOT_KEPT = '(This reply is no longer kept.)';

/** When somebody has sent more than their limit allows. */
export const TOO_MANY_MESSAGES = 'That was a lot at once: please give me a minute, then ask again.';

/** In place of a reply that is not there yet. */
export const PLACEHOLDER = 'Thinking…';

/** Where a channel shows a status beside the agent's name. */
export const STATUS = 'is thinking…';

/** In the place of a reply in window and result, where a person has taken over and the agent is silent. */
export const HANDED_OVER = '(A person of the team answers in this conversation.)';

/** In the thread that a person takes over, and when it is the agent's again. */
export const HANDED_OVER_LINE =
  'A person of the team takes over here. I read along and am silent until they hand back to me.';
export const HANDED_BACK_LINE = 'I am back: you can ask me again.';

/** To who asks for a person where nobody was named. */
export const NOBODY_NAMED = 'Sorry, nobody is named here who could take over.';

/** To who clicks what only others may. */
export const NOT_ALLOWED = 'Sorry, you can’t do that here.';

/** To who asks why before a turn has ended. */
export const NOT_YET = 'I am not done with this reply yet. Ask me again in a moment.';

/** What somebody may ask who opens a conversation with an agent for the first time. */
export const SUGGESTED_PROMPTS = [
  { title: 'What can you do?', message: 'What can you help me with?' },
  { title: 'What do you know of me?', message: 'What do you remember about me?' },
  { title: 'Remember something', message: 'Please remember this: ' },
] as const;

/** In place of a reply, or of a part of it, that the channel takes in no form. */
export const REPLY_NOT_SHOWN = 'Sorry, I have a reply to this, but it cannot be shown here.';

/** The last line of a reply that is longer than a channel shows. */
export const SHORTENED = '… (This reply was too long to be shown in full.)';

/** Whether a line that stands in place of a reply is one of ours. */
export function isOurWord(text: string): boolean {
  return text === APOLOGY || Object.values(NO_REPLY).includes(text);
}
