/**
 * The channel of a user: the ids of its users begin with its name and a colon, and those of HTTP don't.
 * `names` are those of all others.
 */
export const channelOfUser = (userId: string, names: readonly string[]): string =>
  names.find((name) => userId.startsWith(`${name}:`)) ?? 'http';
