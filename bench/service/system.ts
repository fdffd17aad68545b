/** What can be measured: ours and the peer stand behind the same few functions, so that one driver measures both. */

/** One message on its way. Times are those of `now()`. */
export type Flight = { sentAt: number; arrived: Promise<number> };

export type SystemUnderTest = {
  name: string;
  /** Sends one message of the given user; its text holds the marker `[m<number>]`. */
  send(number: number, user: string): Promise<Flight>;
  /** How many memories are stored by now. */
  storedMemories(): Promise<number>;
  /** Process groups by name; each pid stands for itself and all its descendants. */
  processes(): Record<string, number>;
  /** Those of `processes` that are the system's own, as opposed to the services it stands on. */
  own: readonly string[];
  stop(): Promise<void>;
};

/** What a person says: a fact worth remembering, different every time. */
export const textOf = (number: number): string =>
  `[m${number}] My appointment with the vet is on day ${number % 1_000}, please keep it in mind.`;
