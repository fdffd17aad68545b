const PAUSE_MS = 5;

/** Waits a moment for a slot. Rejects when the poll that wants it has been aborted. */
export async function pause(abort: AbortSignal): Promise<void> {
  abort.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
