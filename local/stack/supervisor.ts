import { SupervisedProcess } from './supervised-process.ts';
import type { SupervisionOptions } from './supervised-process.ts';
import { StackError } from './report.ts';
import type { ProcessHandle, ProcessSpec } from './types.ts';

/** A set of named supervised processes, which are stopped in order. */
export class Supervisor {
  readonly #options: SupervisionOptions;
  readonly #processes = new Map<string, SupervisedProcess>();
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisionOptions) {
    this.#options = options;
  }

  /**
   * Starts a process and resolves when it is ready.
   * @throws StackError when it can't be started, or during `stop`.
   */
  async supervise(spec: ProcessSpec): Promise<void> {
    if (this.#stopping) throw new StackError(`${spec.name} was not started: everything is being stopped`);
    if (this.#processes.has(spec.name)) throw new Error(`a process named ${spec.name} is supervised already`);
    const supervised = new SupervisedProcess(spec, this.#options);
    this.#processes.set(spec.name, supervised);
    await supervised.start();
  }

  /** Running process ids by name and alias, in start order. */
  pids(): Record<string, number> {
    const entries: [string, number][] = [];
    for (const { spec, pid } of this.#processes.values()) {
      if (pid !== undefined)
        for (const name of [spec.name, ...(spec.aliases ?? [])]) entries.push([name, pid]);
    }
    return Object.fromEntries(entries);
  }

  /** @throws when there is no process of that name. */
  process(name: string): ProcessHandle {
    const supervised = this.#processes.get(name);
    if (!supervised)
      throw new Error(
        `no process is named ${name}; the names are: ${[...this.#processes.keys()].join(', ')}`,
      );
    return supervised;
  }

  /** Stops all processes, stage by stage; those of one stage at the same time. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  /** Kills all process groups at once. */
  kill(): void {
    for (const supervised of this.#processes.values()) supervised.killGroup();
  }

  async #stopInOrder(): Promise<void> {
    const stageOf = (supervised: SupervisedProcess): number => supervised.spec.stopStage ?? 0;
    const all = [...this.#processes.values()];
    const stages = [...new Set(all.map(stageOf))].sort((a, b) => a - b);
    for (const stage of stages) {
      await Promise.all(
        all.filter((supervised) => stageOf(supervised) === stage).map((supervised) => supervised.stop()),
      );
    }
  }
}
