/** How a part of a reply, in markdown, is written for Slack. Pure. */
import { slackifyMarkdown } from 'slackify-markdown';
import { markdownBlocks, type MarkdownBlock } from './markdown-blocks.ts';

/**
 * `blocks` is what Slack shows; `text` stands for it in notifications, to screen readers and where blocks
 * aren't known.
 */
type SlackContent = { text: string; blocks: [{ type: 'markdown'; text: string }] };

/** Slack refuses an update whose `text` is longer. */
const MAX_TEXT_LENGTH = 4_000;

/**
 * A `<` that begins a mention, as it is or as an entity that a markdown parser would decode: of a person, a
 * group, a channel's members or everybody.
 */
const PING = /(<|&lt;?|&#0*60;?|&#x0*3c;?)(?=\\?(?:@|!(?:channel|here|everyone|group|subteam)))/gi;
const ZERO_WIDTH_SPACE = '\u200b';

/**
 * Content for `chat.postMessage` and `chat.update`. Whoever wrote the text, model or memory, it mentions
 * nobody: a space of no width stands between the bracket and what would call people. It reads the same.
 */
export function slackContent(markdown: string): SlackContent {
  const harmless = withoutPings(markdown);
  return {
    text: withoutPings(toMrkdwn(harmless)).slice(0, MAX_TEXT_LENGTH) || ' ',
    blocks: [{ type: 'markdown', text: harmless }],
  };
}

/** The same text, with every mention broken. */
function withoutPings(text: string): string {
  return text.replace(PING, `$1${ZERO_WIDTH_SPACE}`);
}

/** Slack's own notation, which has no tables: they become preformatted text, row by row as they are. */
function toMrkdwn(markdown: string): string {
  return mergeText(markdownBlocks(markdown))
    .map(({ kind, lines }) => {
      const verbatim = escapeEntities(lines.join('\n'));
      switch (kind) {
        case 'code':
          return verbatim.replace(/^(\s*)(`{3,}|~{3,})\S*/, '$1$2');
        case 'table':
          return ['```', verbatim, '```'].join('\n');
        case 'text':
          return slackifyMarkdown(lines.join('\n')).trimEnd();
      }
    })
    .join('\n')
    .trim();
}

/** Neighbouring text blocks as one, so that lists and paragraphs keep their shape. */
function mergeText(blocks: readonly MarkdownBlock[]): MarkdownBlock[] {
  const merged: MarkdownBlock[] = [];
  for (const block of blocks) {
    const last = merged.at(-1);
    if (last?.kind === 'text' && block.kind === 'text') last.lines = [...last.lines, ...block.lines];
    else merged.push({ ...block });
  }
  return merged;
}

function escapeEntities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
