import type { Logger } from 'pino';

const RETRY_MS = 250;

/** A service that a process can't start without. */
export type Needed = {
  /** Its name in logs and errors. */
  service: string;
  /** Rejects while the service can't be used. */
  probe: () => Promise<unknown>;
  /** What the user reads when it never can: what is wrong, and what to do. */
  cure: string;
};

/**
 * Waits until all services answer, and logs once for each that it waits. Throws the cure of a service that
 * doesn't answer within `timeoutMs`.
 */
export async function waitForAll(
  needed: readonly Needed[],
  options: { log: Logger; timeoutMs: number },
): Promise<void> {
  await Promise.all(needed.map((service) => waitFor(service, options)));
}

async function waitFor(
  { service, probe, cure }: Needed,
  { log, timeoutMs }: { log: Logger; timeoutMs: number },
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await probe();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${service} can't be reached: ${cure}`, { cause: error });
      if (attempt === 0) log.warn({ service, err: error }, `waiting for ${service}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
