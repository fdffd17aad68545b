import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

/**
 * What tells a running process from a later one that got the same pid: its start time, as the system writes it.
 * Undefined when there is no such process (or it is a zombie, which holds nothing any more).
 */
export function processIdentity(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // The command's name is in parentheses and may hold spaces; state and start time are fields 3 and 22.
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : `${bootId()}:${fields[19]}`;
    }
    const args = ['-o', 'lstart=', '-p', String(pid)];
    return (
      execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}

/** Start times on Linux count from the boot, so one from before a reboot could match by chance. */
function bootId(): string {
  return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
