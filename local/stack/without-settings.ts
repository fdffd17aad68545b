/** Of what is set for a running Konstruct, these only say where things are kept, and lead to no system. */
const KEPT = new Set(['KONSTRUCT_CACHE', 'KONSTRUCT_MODELS']);

/**
 * An environment without what a shell has set for a running Konstruct. A stack takes a configured service
 * as it is; what loads, kills or measures a system must not be led to somebody's own.
 */
export function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSetting = (name: string): boolean =>
    /^(DATABASE|REDIS|TEMPORAL|LLM|SLACK|KONSTRUCT)_|^(PORT|HOST|WORKER_PORT)$/.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => KEPT.has(name) || !isSetting(name)));
}
