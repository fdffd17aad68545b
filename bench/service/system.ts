/** The interface through which one driver measures both Konstruct and the peer. */

/** A message in flight. Times are those of `now()`. */
export type Flight = { sentAt: number; arrived: Promise<number> };

export type SystemUnderTest = {
  name: string;
  /** Sends one message of the given user. Its text has the marker `[m<number>]`. */
  send(number: number, user: string): Promise<Flight>;
  /** The number of memories stored so far. */
  storedMemories(): Promise<number>;
  /** Pids by name. Each stands for the process and all its descendants. */
  processes(): Record<string, number>;
  /** The names in `processes` that are the system's own, not its services'. */
  own: readonly string[];
  stop(): Promise<void>;
};
