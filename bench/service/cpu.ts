/** CPU time and memory of processes, from Linux's /proc. On other systems all values are 0. */
import { readdirSync, readFileSync } from 'node:fs';

export type CpuByName = Record<string, number>;

/** Linux counts in ticks of 10 ms (USER_HZ). */
const MS_PER_TICK = 10;

/**
 * CPU milliseconds of each process since its start, including its descendants, also those that have ended.
 */
export function cpuOf(processes: Record<string, number>): CpuByName {
  const children = childrenByParent();
  return Object.fromEntries(
    Object.entries(processes).map(([name, pid]) => [
      name,
      treeOf(pid, children).reduce((sum, member) => sum + cpuMsOf(member), 0),
    ]),
  );
}

/**
 * Peak resident megabytes of each process with its running descendants. Shared pages count in each process.
 */
export function peakMemoryOf(processes: Record<string, number>): Record<string, number> {
  const children = childrenByParent();
  const peak = (pid: number): number =>
    Number(/^VmHWM:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
  return Object.fromEntries(
    Object.entries(processes).map(([name, pid]) => [
      name,
      Math.round(treeOf(pid, children).reduce((sum, member) => sum + peak(member), 0)),
    ]),
  );
}

/** User and system time of all its threads and of the children that it has waited for. */
function cpuMsOf(pid: number): number {
  // The command's name is in parentheses and can contain anything, so fields are counted after it.
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i] ?? 0), 0) * MS_PER_TICK;
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(read(`/proc/${name}/stat`).split(') ').at(-1)?.split(' ')[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

function treeOf(pid: number, children: Map<number, number[]>): number[] {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => treeOf(child, children))];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
