/** Every line that Konstruct itself says to a person: plain, short, without internals. */

/** When a message gets no reply, for good. */
export const APOLOGY = 'Sorry, I could not come up with a reply to this message. Please try again later.';

/** When somebody has sent more than their limit allows. */
export const TOO_MANY_MESSAGES = 'That was a lot at once: please give me a minute, then ask again.';

/** In place of a reply that is not there yet. */
export const PLACEHOLDER = 'Thinking…';

/** Where a channel shows a status beside the agent's name. */
export const STATUS = 'is thinking…';

/** In place of a reply, or of a part of it, that the channel takes in no form. */
export const REPLY_NOT_SHOWN = 'Sorry, I have a reply to this, but it cannot be shown here.';

/** The last line of a reply that is longer than a channel shows. */
export const SHORTENED = '… (This reply was too long to be shown in full.)';
