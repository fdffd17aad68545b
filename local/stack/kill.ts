/** Sends a signal to a process, or with a negative id to a process group. Does nothing when it has ended. */
export function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
