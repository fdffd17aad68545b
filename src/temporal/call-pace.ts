/** Calls of Temporal a second: what deletes much takes minutes and slows no reply. */
const CALLS_A_SECOND = 200;

/** Awaited before each call, it keeps its pace whoever calls. */
export function createCallPace(): () => Promise<void> {
  const everyMs = 1_000 / CALLS_A_SECOND;
  let next = performance.now();
  return async () => {
    const now = performance.now();
    next = Math.max(now, next + everyMs);
    if (next - now > everyMs) await new Promise((resolve) => setTimeout(resolve, next - now));
  };
}
