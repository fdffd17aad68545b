/**
 * The configuration of each process, read from an environment that the caller hands in. Each subject has a
 * file with its variables, their meanings and their cures. docs/CONFIGURATION.md is generated from them.
 */
import { api } from './api.ts';
import { allConnections, connections, database, databaseAdmin } from './database.ts';
import { encryption, type KeyRing } from './encryption.ts';
import { llm, models } from './llm.ts';
import { operator } from './operator.ts';
import { processes } from './process.ts';
import { redis } from './redis.ts';
import { temporal } from './temporal.ts';
import { parse, parseAll, type Environment, type Subject } from './variables.ts';
import { worker } from './worker.ts';

export { OPERATOR_CONNECTIONS } from './database.ts';
export { NO_KEYS, type EncryptionConfig, type KeyRing, type RingKey } from './encryption.ts';
export type { TemporalConfig } from './temporal.ts';
export type ApiConfig = ReturnType<typeof apiConfig>;
export type WorkerConfig = ReturnType<typeof workerConfig>;

/** What each process reads. */
export const SUBJECTS = {
  api: { temporal, encryption, database, connections, redis, api, operator, models, processes },
  worker: { temporal, encryption, database, connections, redis, llm, worker, processes },
  migration: { temporal, databaseAdmin },
  replay: { temporal },
  histories: { encryption },
  recall: { database },
  ask: { llm },
  doctor: { connections, allConnections },
};

/** What the channels read, by channel. Each knows its own part alone. */
export type ChannelSubjects = Readonly<Record<string, Subject>>;

/**
 * The API's configuration, with the settings of its channels by name. Throws one error that lists every
 * variable that is missing or wrong.
 */
export function apiConfig(env: Environment, channels: ChannelSubjects = {}) {
  const { read, further } = parseAll(SUBJECTS.api, channels, env);
  const { temporal, encryption, database, connections, redis, processes, api, operator, models } = read;
  const shared = { ...database, connections, ...redis, ...processes };
  return { ...shared, ...api, operator, temporal, encryption, models, channels: further };
}

/** The worker's configuration. Takes channels and throws as `apiConfig` does. */
export function workerConfig(env: Environment, channels: ChannelSubjects = {}) {
  const { read, further } = parseAll(SUBJECTS.worker, channels, env);
  const { temporal, encryption, database, connections, redis, processes, llm, worker } = read;
  const shared = { ...database, connections, ...redis };
  return { ...shared, ...processes, ...worker, temporal, encryption, llm, channels: further };
}

/** The migration step's configuration. Throws as `apiConfig` does. */
export function migrationConfig(env: Environment) {
  const { temporal, databaseAdmin } = parse(SUBJECTS.migration, env);
  return { ...databaseAdmin, temporal };
}

/** What it takes to fetch histories. Throws as `apiConfig` does. */
export function replayConfig(env: Environment) {
  return parse(SUBJECTS.replay, env);
}

/**
 * The keys that read any history: also one that was written in clear, before there was a key. Throws as
 * `apiConfig` does.
 */
export function historyKeys(env: Environment): KeyRing {
  return { ...parse(SUBJECTS.histories, env).encryption.keys, readsClear: true };
}

/** What it takes to run a turn's recall again. Throws as `apiConfig` does. */
export function recallConfig(env: Environment) {
  return parse(SUBJECTS.recall, env).database;
}

/** What it takes to ask the model. Throws as `apiConfig` does. */
export function llmConfig(env: Environment) {
  return parse(SUBJECTS.ask, env).llm;
}
