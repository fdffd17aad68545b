/** The buttons under a reply. Pure. */

/** Somebody asks for a person in the agent's place. */
export const ASK_FOR_PERSON = 'konstruct_ask_for_person';
