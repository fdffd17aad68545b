/** Every line that Konstruct itself says to a person: plain, short, without internals. */

/** When a message gets no reply, for good. */
export const APOLOGY = 'Sorry, I could not come up with a reply to this message. Please try again later.';

/** When somebody has sent more than their limit allows. */
export const TOO_MANY_MESSAGES = 'That was a lot at once: please give me a minute, then ask again.';

/** In place of a reply that is not there yet. */
export const PLACEHOLDER = 'Thinking…';

/** Where a channel shows a status beside the agent's name. */
export const STATUS = 'is thinking…';
