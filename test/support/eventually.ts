/** Waits for what happens somewhere else: in another process, or after the answer. */

/** `what` names in the failure what did not come. */
export type EventuallyOptions = { timeoutMs?: number | undefined; what?: string };

const POLL_EVERY_MS = 50;

/**
 * Polls until `probe` gives something other than undefined or false, for 15 s unless told otherwise.
 * A probe that throws ends the wait.
 */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 15_000, what = 'what is waited for' }: EventuallyOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
  }
}
