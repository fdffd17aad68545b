/** What the local stack is made of. */
export type ComponentName = 'postgres' | 'redis' | 'temporal' | 'model' | 'llm';

/** What a caller of `startStack` asks for. */
export type StackOptions = {
  /** Directory for state, logs and secrets; absolute. Made if absent. */
  home: string;
  /** For tests: nothing is flushed to disk, Temporal keeps its state in memory, and `stop` removes the data. */
  ephemeral?: boolean;
  want: readonly ComponentName[];
  /** Temporal namespaces that exist from the start; `['default']` when left out. */
  namespaces?: readonly string[];
  /** Where configured URLs are read from; also the environment of the children. */
  env: NodeJS.ProcessEnv;
  /** Called with the running process ids by name whenever one starts or ends. */
  onPids?: (pids: Record<string, number>) => void;
  /**
   * Runs when the home is ours and what a killed run has left behind is stopped, before anything is started. A refusal
   * that it throws ends the start.
   */
  beforeStart?: () => Promise<void>;
  /** Called before anything is started, so that a start can be given up half-way. */
  onHandle?: (handle: StackHandle) => void;
  /** Progress, a line at a time, without newline; standard error when left out. */
  log?: (line: string) => void;
};

/** Where the components are reached. One that was neither wanted nor configured is absent. */
export type StackUrls = {
  DATABASE_ADMIN_URL?: string;
  DATABASE_URL?: string;
  REDIS_URL?: string;
  TEMPORAL_ADDRESS?: string;
  TEMPORAL_UI_URL?: string;
  LLM_BASE_URL?: string;
  LLM_MODEL?: string;
  /** Folder with `Xenova/all-MiniLM-L6-v2/` below it: transformers' `env.localModelPath`. */
  KONSTRUCT_MODELS?: string;
};

/** A process to be kept running. */
export type ProcessSpec = {
  /** Name in logs and `pids.json`; unique within a stack. */
  name: string;
  /** Further names under which its pid is listed. */
  aliases?: readonly string[];
  /** Executable, absolute or on PATH. */
  file: string;
  args: readonly string[];
  /** The whole environment: nothing is inherited. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** How it is asked to stop; SIGTERM when left out. */
  stopSignal?: NodeJS.Signals;
  /** How long it may take to stop before its group is killed; 10 s when left out. */
  stopTimeoutMs?: number;
  /** Stopped from the lowest stage to the highest: 0 applications, 1 LLM, 2 Temporal, 3 Redis, 4 Postgres. */
  stopStage?: number;
  /** Polled until it is true; `supervise` resolves then. */
  ready?: () => Promise<boolean>;
  readyTimeoutMs?: number;
};

/** A handle on a kept process, for fault tests. */
export type ProcessHandle = {
  readonly name: string;
  /** The pid of the running instance; undefined while it is down. */
  readonly pid: number | undefined;
  /** How often it was restarted. */
  readonly restarts: number;
  signal(signal: NodeJS.Signals): void;
  /** The last lines that it has written since our start. */
  lastLog(): string;
  /** Kills it (SIGKILL) and keeps it down until `release`. */
  hold(): Promise<void>;
  /** Starts it again after `hold` and waits until it is ready. */
  release(): Promise<void>;
};

/** What ends a stack, from its first moment on. */
export type StackHandle = {
  /** Stops everything in order; safe to call twice, and during the start. */
  stop(): Promise<void>;
  /** Kills all process groups at once, for the second Ctrl-C. */
  kill(): void;
};

/** A running stack. */
export type Stack = StackHandle & {
  urls: StackUrls;
  /** Running process ids by name. */
  pids(): Record<string, number>;
  /** Starts a further process under the same supervision; resolves when it is ready, rejects when it can't be. */
  supervise(spec: ProcessSpec): Promise<void>;
  /** @throws when there is no process of that name. */
  process(name: string): ProcessHandle;
};
