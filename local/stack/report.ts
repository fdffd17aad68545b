/** A failure that the user can fix. It is reported by its message alone, without a stack trace. */
export class StackError extends Error {
  override name = 'StackError';
}

/** The first line of a thrown value's message. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]?.trim() ?? '';
}

/** Runs `work`, and logs one line at its start and one with the time it took. */
export async function step<T>(log: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  log(`  ${what} …`);
  const result = await work();
  log(`  ${what}: done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
}

/** Polls `probe` until it is true; false after `timeoutMs`. A probe that throws counts as false. */
export async function poll(probe: () => Promise<boolean>, timeoutMs: number, everyMs = 50): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    try {
      if (await probe()) return true;
    } catch {
      // Not ready yet, for example because the connection is refused.
    }
    await delay(everyMs);
  }
  return false;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
