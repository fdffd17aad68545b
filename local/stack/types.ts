/** A part of the local stack. */
export type ComponentName = 'postgres' | 'redis' | 'temporal' | 'model' | 'llm';

/** Options of `startStack`. */
export type StackOptions = {
  /** Directory for state, logs and secrets; absolute. Created if it doesn't exist. */
  home: string;
  /**
   * For tests: nothing is flushed to disk, Temporal keeps its state in memory, and `stop` removes all data.
   */
  ephemeral?: boolean;
  want: readonly ComponentName[];
  /** Temporal's own server with a Postgres of its own, as production has it, in place of the dev server. */
  cluster?: boolean;
  /** Temporal namespaces that exist from the start; `['default']` when left out. */
  namespaces?: readonly string[];
  /** Configured URLs are read from it. It is also the environment of child processes. */
  env: NodeJS.ProcessEnv;
  /** Called with the running process ids by name whenever a process starts or ends. */
  onPids?: (pids: Record<string, number>) => void;
  /**
   * Runs before anything is started, when this process owns the home and has stopped what a killed run left
   * behind. If it throws, the start fails.
   */
  beforeStart?: () => Promise<void>;
  /** Called before anything is started, so that a start can be aborted. */
  onHandle?: (handle: StackHandle) => void;
  /** Receives progress lines without newline; standard error when left out. */
  log?: (line: string) => void;
};

/** The components' URLs and settings. A component that was neither wanted nor configured is absent. */
export type StackUrls = {
  DATABASE_ADMIN_URL?: string;
  /** As `konstruct_app`, which may what the API's and the worker's role may together. */
  DATABASE_URL?: string;
  DATABASE_API_URL?: string;
  DATABASE_WORKER_URL?: string;
  DATABASE_OPERATOR_URL?: string;
  REDIS_URL?: string;
  TEMPORAL_ADDRESS?: string;
  TEMPORAL_UI_URL?: string;
  /** The administrator's way into the Postgres of `cluster`, for backups and for counting. */
  DATABASE_TEMPORAL_URL?: string;
  /** With what API and worker encrypt what they write into Temporal. */
  KONSTRUCT_ENCRYPTION_KEYS?: string;
  LLM_BASE_URL?: string;
  LLM_MODEL?: string;
  /** The folder that contains `Xenova/all-MiniLM-L6-v2/`: the `env.localModelPath` of transformers.js. */
  KONSTRUCT_MODELS?: string;
};

/** How to run and stop a supervised process. */
export type ProcessSpec = {
  /** Name in logs and `pids.json`; unique within a stack. */
  name: string;
  /** Further names for its pid. */
  aliases?: readonly string[];
  /** Executable, absolute or on PATH. */
  file: string;
  args: readonly string[];
  /** The complete environment: nothing is inherited. */
  env: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** The signal that asks it to stop; SIGTERM when left out. */
  stopSignal?: NodeJS.Signals;
  /** Time to stop before its process group is killed; 10 s when left out. */
  stopTimeoutMs?: number;
  /** Lower stages are stopped first: 0 applications, 1 LLM, 2 Temporal, 3 Redis, 4 Postgres. */
  stopStage?: number;
  /** Polled until it resolves to true; then `supervise` resolves. */
  ready?: () => Promise<boolean>;
  readyTimeoutMs?: number;
};

/** A handle on a supervised process, for fault tests. */
export type ProcessHandle = {
  readonly name: string;
  /** The pid of the running instance; undefined while it is down. */
  readonly pid: number | undefined;
  /** Number of restarts so far. */
  readonly restarts: number;
  signal(signal: NodeJS.Signals): void;
  /** The last lines of its log since this stack was started. */
  lastLog(): string;
  /** Kills it (SIGKILL) and doesn't restart it until `release`. */
  hold(): Promise<void>;
  /** Starts it again after `hold` and waits until it is ready. */
  release(): Promise<void>;
};

/** Ends a stack; usable as soon as its start begins. */
export type StackHandle = {
  /** Stops everything in order. Safe to call twice, and during the start. */
  stop(): Promise<void>;
  /** Kills all process groups at once: the reaction to a second Ctrl-C. */
  kill(): void;
};

/** A running stack. */
export type Stack = StackHandle & {
  urls: StackUrls;
  /** Running process ids by name. */
  pids(): Record<string, number>;
  /**
   * Starts a further supervised process. Resolves when it is
   * ready, rejects with a StackError when it doesn't get ready.
   */
  supervise(spec: ProcessSpec): Promise<void>;
  /** @throws when there is no process of that name. */
  process(name: string): ProcessHandle;
};
