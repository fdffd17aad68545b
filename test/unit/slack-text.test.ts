import { describe, expect, test } from '@jest/globals';
import { mentionedUsers, readableText } from '../../src/channels/slack/inbound/inbound-text.ts';
import { contentsOf, slackContent } from '../../src/channels/slack/outbound/outbound-text.ts';
import { slackApiUrl } from '../../src/channels/slack/client.ts';

describe('inbound text', () => {
  const names = new Map([['U2', 'Bob']]);
  const read = (raw: string) => readableText(raw, { botUserId: 'UBOT', names });
  test.each([
    ['<@UBOT> hi', 'hi'],
    ['<@UBOT>: hi', 'hi'],
    ['<@UBOT|mara>, hi', 'hi'],
    ['hi <@UBOT>', 'hi'],
    ['hi <@UBOT> there', 'hi there'],
    ['<@UBOT>', '(mentions you without saying anything)'],
    ['ask <@U2> or <@U3|carol> or <@U4>', 'ask @Bob or @carol or @someone'],
    ['in <#C1|general> and <#C2>', 'in #general and #channel'],
    ['<!here> <!subteam^S1|@ops> <!subteam^S2> <!date^1^{date}|Feb 18>', '@here @ops @group Feb 18'],
    ['<https://e.com/?a=1&amp;b=2>', 'https://e.com/?a=1&b=2'],
    ['<https://e.com|e.com> <https://e.com|the page>', 'https://e.com the page (https://e.com)'],
    ['<mailto:a@b.c|a@b.c> <tel:+491|+491>', 'a@b.c +491'],
    ['1 &lt; 2 &amp;&amp; 3 &gt; 2', '1 < 2 && 3 > 2'],
    ['&amp;lt;', '&lt;'],
    ['&lt;@UBOT&gt;', '<@UBOT>'],
    ['```\nif a:\n    b\n```', '```\nif a:\n    b\n```'],
    ['a\u0000b', 'ab'],
  ])('%j reads %j', (raw, text) => {
    expect(read(raw)).toBe(text);
  });

  test('looks up each name once, and only where Slack does not give it', () => {
    expect(mentionedUsers('<@U2> <@U3|carol> <@U2> <#C1> <!here>')).toEqual(['U2']);
  });
});

describe('outbound text', () => {
  const text = (markdown: string) => slackContent(markdown).text;
  test.each([
    ['**bold** and _italic_', '\u200b*bold*\u200b and \u200b_italic_\u200b'],
    ['# Title', '*Title*'],
    ['[page](https://e.com)', '<https://e.com|page>'],
    ['a < b & c', 'a &lt; b &amp; c'],
    ['```ts\na<b>()\n```', '```\na&lt;b&gt;()\n```'],
    ['| a | b |\n|---|---|\n| 1 | 2 |', '```\n| a | b |\n|---|---|\n| 1 | 2 |\n```'],
    ['Noted: hi [m42]', 'Noted: hi [m42]'],
  ])('%j as Slack’s own notation: %j', (markdown, mrkdwn) => {
    // The library adds zero-width spaces so that Slack recognises a marker.
    expect(text(markdown).replaceAll('\u200b', '')).toBe(mrkdwn.replaceAll('\u200b', ''));
  });

  test.each([
    ['\\*not bold\\*', '*\u200bnot bold*'],
    ['\\_not slanted\\_', '_\u200bnot slanted_'],
    ['\\`no code\\`', '`\u200bno code`'],
    ['2 \\* 3 \\* 4, snake_case_name, ~5 to 10', '2 * 3 * 4, snake_case_name, ~5 to 10'],
  ])('%j: signs that were meant as such mark nothing up', (markdown, mrkdwn) => {
    expect(text(markdown)).toBe(mrkdwn);
  });

  test.each([
    '<!channel>',
    '<!here|here>',
    '<!everyone>',
    '<@U012AB>',
    '<@W012AB|ada>',
    '<!subteam^S012>',
    '&lt;!channel&gt;',
    '&#60;!channel>',
    '&#x3C;@U012AB>',
    '\\<!channel>',
    '<\\!channel>',
    '`<!channel>`',
    '```\n<@U012AB>\n```',
    '| a |\n|---|\n| <!here> |',
    '[x](<!channel>)',
    '&amp;lt;!channel&amp;gt;',
    '<&#64;U012ABC>',
    '<&commat;U012ABC>',
    '<&excl;channel>',
    '<!&#99;hannel>',
    '&lt;&#33;everyone&gt;',
  ])('%j pings nobody', (markdown) => {
    for (const { blocks, text: mrkdwn } of contentsOf(markdown)) {
      expect(mrkdwn).not.toMatch(/<(?:!|@)/);
      // Verbatim, and after a markdown parser has decoded it.
      const decoded = (blocks?.[0].text ?? '')
        .replace(/&lt;|&#0*60;|&#x0*3c;/gi, '<')
        .replace(/&#64;|&commat;/g, '@')
        .replace(/&#33;|&excl;/g, '!')
        .replaceAll('&#99;', 'c')
        .replaceAll('\\', '');
      expect(decoded).not.toMatch(/<(?:!(?:channel|here|everyone|subteam)|@)/);
    }
  });

  test('a comment or a doctype in code stays unchanged', () => {
    expect(slackContent('```html\n<!DOCTYPE html><!-- x -->\n```').blocks?.[0].text).toContain(
      '<!DOCTYPE html><!-- x -->',
    );
  });
});

test.each([
  'http://127.0.0.1:9099',
  'http://127.0.0.1:9099/',
  'http://127.0.0.1:9099/api',
  'http://127.0.0.1:9099/api/',
])('SLACK_API_URL=%s', (given) => {
  expect(slackApiUrl(given)).toBe('http://127.0.0.1:9099/api/');
});
