import type { Schemas } from '../../api/client.ts';

/** What a preview takes for granted of the next message; undefined where it can't be otherwise. */
export function assumptionOf({
  channel,
  userName,
}: Pick<Schemas['Preview'], 'channel' | 'userName'>): string | undefined {
  if (channel === 'http') return undefined;
  const name = userName === null ? 'Their name is not known just now' : `They are called ${userName}`;
  return `${name}. In a thread with others, a message would also quote what was said there before.`;
}
