/** Exchanges with no longer gap than this belong to one session: each is context for the next. */
const SESSION_GAP_MS = 3_600_000;

/** Whether two consecutive passages belong to one session. */
export function sameSession(earlier: number, later: number): boolean {
  return later - earlier <= SESSION_GAP_MS;
}

/** Whether the passage at a place continues the session of the one before it. */
export function followsOn(ats: Float64Array, place: number): boolean {
  return place > 0 && place < ats.length && sameSession(ats[place - 1] ?? 0, ats[place] ?? 0);
}
