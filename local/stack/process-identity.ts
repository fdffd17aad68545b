import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

/**
 * The start time of a process in the system's own format. It distinguishes the process from a later one with
 * the same pid. Undefined when no such process runs (a zombie counts as ended).
 */
export function processIdentity(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // The command's name is in parentheses and can contain spaces.
      // State and start time are fields 3 and 22.
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

/**
 * On Linux start times are relative to the boot, so without
 * the boot's id one could match by chance after a reboot.
 */
function bootId(): string {
  return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
