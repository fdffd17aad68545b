/**
 * What a person typed, out of Slack's notation. Pure. Source:
 * docs.slack.dev/messaging/formatting-message-text.
 */

/** The text of a message that says nothing but the agent's name. */
const BARE_MENTION = '(mentions you without saying anything)';

/** `<…>` with an optional label; Slack escapes every other angle bracket. */
const TOKEN = /<([^<>|]+)(?:\|([^<>]*))?>/g;

/** The people mentioned in a raw text whose names it doesn't carry itself, each once. */
export function mentionedUsers(raw: string): string[] {
  const ids = [...raw.matchAll(TOKEN)].flatMap(([, target = '', label]) =>
    target.startsWith('@') && !label ? [target.slice(1)] : [],
  );
  return [...new Set(ids)];
}

/** Whether a raw text mentions a user. */
export function mentions(raw: string, userId: string): boolean {
  return [...raw.matchAll(TOKEN)].some(([, target]) => target === `@${userId}`);
}

/**
 * The text as the person meant it: without the mention of the agent itself, other mentions as names
 * (`@someone` for a name that isn't known), links as their address, entities decoded.
 */
export function readableText(
  raw: string,
  options: { botUserId: string; names: ReadonlyMap<string, string> },
): string {
  const own = `<@${options.botUserId}(?:\\|[^<>]*)?>`;
  const text = raw
    // With what joins it to the sentence: "<@U1>: hi", "hi <@U1> there".
    .replace(new RegExp(`^\\s*${own}[\\s,:;]*`), '')
    .replace(new RegExp(`[ \\t]*${own}`, 'g'), '')
    .replace(TOKEN, (_, target: string, label?: string) => readableToken(target, label, options.names))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replaceAll('\u0000', '')
    .toWellFormed()
    .trim();
  return text === '' && mentions(raw, options.botUserId) ? BARE_MENTION : text;
}

function readableToken(
  target: string,
  label: string | undefined,
  names: ReadonlyMap<string, string>,
): string {
  const rest = target.slice(1);
  switch (target[0]) {
    case '@':
      return `@${label || names.get(rest) || 'someone'}`;
    case '#':
      return `#${label || 'channel'}`;
    case '!': {
      // <!here>, <!subteam^S1|@ops>, <!date^1392734382^{date}|Feb 18, 2014>
      const [command = ''] = rest.split('^');
      if (command === 'date') return label ?? '';
      const name = label || (command === 'subteam' ? 'group' : command);
      return name.startsWith('@') ? name : `@${name}`;
    }
    default: {
      const address = target.replace(/^(?:mailto|tel):/, '');
      if (!label || target.includes(label)) return address;
      return `${label} (${address})`;
    }
  }
}
