/** Threads of Slack as the API names them: `slack:{team}:{channel}:{ts}`. */
import type { ThreadPlace } from './tell-people.ts';

const THREAD_ID = /^slack:([A-Z0-9]{1,60}):([A-Z0-9]{1,60}):(\d{1,20}\.\d{1,20})$/;

/** The place that a thread's id names; undefined for what is no thread of Slack. */
export function threadPlaceOf(threadId: string): ThreadPlace | undefined {
  const [, team, channel, threadTs] = THREAD_ID.exec(threadId) ?? [];
  return team && channel && threadTs ? { team, channel, threadTs } : undefined;
}
