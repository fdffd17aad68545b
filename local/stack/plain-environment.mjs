/** What a process of any kind needs of a shell: where things are, language and time, proxies, authorities. */
const PLAIN =
  /^(PATH|PATHEXT|HOME|USER|LOGNAME|SHELL|SYSTEMROOT|APPDATA|LOCALAPPDATA|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|XDG_\w+|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|NODE_\w+)$/i;

/**
 * Of an environment what a child process may have: the plain part, and what `own` says is the child's. A
 * shell holds secrets of many programs, and what is installed runs code of many people.
 * @param {NodeJS.ProcessEnv} env
 * @param {(name: string) => boolean} own
 * @returns {NodeJS.ProcessEnv}
 */
export function plainEnvironment(env, own = () => false) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => PLAIN.test(name) || own(name)));
}

/** The settings of npm, which hold its registries and their tokens. */
export const isNpmSetting = (name) => /^npm_config_/i.test(name);
