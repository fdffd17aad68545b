import { Kept } from './supervised-process.ts';
import type { KeptOptions } from './supervised-process.ts';
import { StackError } from './report.ts';
import type { ProcessHandle, ProcessSpec } from './types.ts';

/** Keeps a set of named processes running, and stops them in order. */
export class Supervisor {
  readonly #options: KeptOptions;
  readonly #kept = new Map<string, Kept>();
  #stopping: Promise<void> | undefined;

  constructor(options: KeptOptions) {
    this.#options = options;
  }

  /** Starts a process; resolves when it is ready. @throws StackError when it can't be started, or we are stopping. */
  async supervise(spec: ProcessSpec): Promise<void> {
    if (this.#stopping) throw new StackError(`${spec.name} was not started: everything is being stopped`);
    if (this.#kept.has(spec.name)) throw new Error(`a process named ${spec.name} is supervised already`);
    const kept = new Kept(spec, this.#options);
    this.#kept.set(spec.name, kept);
    await kept.start();
  }

  /** Running process ids by name and alias, in the order of their start. */
  pids(): Record<string, number> {
    const entries: [string, number][] = [];
    for (const { spec, pid } of this.#kept.values()) {
      if (pid !== undefined)
        for (const name of [spec.name, ...(spec.aliases ?? [])]) entries.push([name, pid]);
    }
    return Object.fromEntries(entries);
  }

  /** @throws when there is no process of that name. */
  process(name: string): ProcessHandle {
    const kept = this.#kept.get(name);
    if (!kept) throw new Error(`no process named ${name}; there are: ${[...this.#kept.keys()].join(', ')}`);
    return kept;
  }

  /** Stops all, stage by stage, those of one stage at the same time. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  /** Kills all process groups at once. */
  kill(): void {
    for (const kept of this.#kept.values()) kept.killGroup();
  }

  async #stopInOrder(): Promise<void> {
    const stageOf = (kept: Kept): number => kept.spec.stopStage ?? 0;
    const all = [...this.#kept.values()];
    const stages = [...new Set(all.map(stageOf))].sort((a, b) => a - b);
    for (const stage of stages) {
      await Promise.all(all.filter((kept) => stageOf(kept) === stage).map((kept) => kept.stop()));
    }
  }
}
