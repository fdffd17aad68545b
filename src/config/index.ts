/**
 * The configuration of each process, read from an environment that the caller hands in. Each subject has a
 * file with its variables, their meanings and their cures. docs/CONFIGURATION.md is generated from them.
 */
import { api } from './api.ts';
import { database, databaseAdmin } from './database.ts';
import { llm } from './llm.ts';
import { processes } from './process.ts';
import { redis } from './redis.ts';
import { slackInbound, slackWeb } from './slack.ts';
import { temporal } from './temporal.ts';
import { parse, type Environment } from './variables.ts';
import { worker } from './worker.ts';

export type { TemporalConfig } from './temporal.ts';
export type ApiConfig = ReturnType<typeof apiConfig>;
export type WorkerConfig = ReturnType<typeof workerConfig>;

/** What each process reads. */
export const SUBJECTS = {
  api: { temporal, database, redis, api, processes, slack: slackInbound },
  worker: { temporal, database, redis, llm, worker, processes, slack: slackWeb },
  migration: { temporal, database, databaseAdmin },
  replay: { temporal },
  recall: { database },
  ask: { llm },
};

/** The API's configuration. Throws one error that lists every variable that is missing or wrong. */
export function apiConfig(env: Environment) {
  const read = parse(SUBJECTS.api, env);
  const { temporal, slack } = read;
  return { ...read.database, ...read.redis, ...read.processes, ...read.api, temporal, slack };
}

/** The worker's configuration. Throws as `apiConfig` does. */
export function workerConfig(env: Environment) {
  const read = parse(SUBJECTS.worker, env);
  const { temporal, llm, slack } = read;
  return { ...read.database, ...read.redis, ...read.processes, ...read.worker, temporal, llm, slack };
}

/** The migration step's configuration. Throws as `apiConfig` does. */
export function migrationConfig(env: Environment) {
  const { temporal, database, databaseAdmin } = parse(SUBJECTS.migration, env);
  return { ...database, ...databaseAdmin, temporal };
}

/** What it takes to read histories. Throws as `apiConfig` does. */
export function replayConfig(env: Environment) {
  return parse(SUBJECTS.replay, env);
}

/** What it takes to run a turn's recall again. Throws as `apiConfig` does. */
export function recallConfig(env: Environment) {
  return parse(SUBJECTS.recall, env).database;
}

/** What it takes to ask the model. Throws as `apiConfig` does. */
export function llmConfig(env: Environment) {
  return parse(SUBJECTS.ask, env).llm;
}
