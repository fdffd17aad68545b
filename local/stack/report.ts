/** A failure that the user can do something about: told in one line, without a stack trace. */
export class StackError extends Error {
  override name = 'StackError';
}

/** What a thrown value says, in one line. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]?.trim() ?? '';
}

/** Runs `work` between a line that says what is going on and one that says how long it took. */
export async function step<T>(log: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  log(`  ${what} …`);
  const result = await work();
  log(`  ${what}: done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
}

/** Polls `probe` until it is true; false when `timeoutMs` is over. A probe that throws counts as not yet. */
export async function poll(probe: () => Promise<boolean>, timeoutMs: number, everyMs = 50): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    try {
      if (await probe()) return true;
    } catch {
      // Connection refused and the like: not yet.
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
