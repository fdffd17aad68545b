/** Replies as models write them, as Slack gets them: the markdown block, and the text without blocks. */
import { describe, expect, test } from '@jest/globals';
import { contentsOf } from '../../src/channels/slack/outbound/outbound-text.ts';

const ZWSP = '\u200b';
const block = (markdown: string) => contentsOf(markdown)[0]?.blocks?.[0].text;
const text = (markdown: string) => contentsOf(markdown).find(({ blocks }) => !blocks)?.text;

describe('as text', () => {
  test.each<[string, string, string]>([
    ['bold', '**a** b', '*a* b'],
    ['italic', '_a_ *b*', '_a_ _b_'],
    ['bold and italic', '***a***', '_*a*_'],
    ['strike', '~~a~~', '~a~'],
    ['tildes are about numbers', '~5 to ~10', '~5 to ~10'],
    ['bold inside a word (slackify-markdown)', 'hel**l**o', `hel${ZWSP}*l*${ZWSP}o`],
    ['bold before a word (nanobot PR 1107)', '**Status**: OK', '*Status*: OK'],
    ['heading', '## A **b** c', '*A b c*'],
    ['link', '[a](https://e.com/?x=1&y=2)', '<https://e.com/?x=1&amp;y=2|a>'],
    ['bare link', 'see https://e.com/a_b_c', 'see <https://e.com/a_b_c>'],
    ['mail', '<a@b.co>', '<mailto:a@b.co|a@b.co>'],
    ['relative link', '[a](/b)', 'a (/b)'],
    ['a script is no link', '[a](javascript:b)', 'a (javascript:b)'],
    ['malformed escape (threw in slackify-markdown 5)', '[a](https://e.com/100%)', '<https://e.com/100%|a>'],
    ['a pipe in an address', '[a](https://e.com/x|y)', '<https://e.com/x%7Cy|a>'],
    ['reference', '[a][1]\n\n[1]: https://e.com', '<https://e.com|a>'],
    ['image', '![a](https://e.com/p.png)', '<https://e.com/p.png|a>'],
    ['list', '- a\n- b', '• a\n• b'],
    ['nested list (slackify-markdown 29)', '1. a\n   - b\n2. c', '1. a\n    ◦ b\n2. c'],
    ['list from five', '5. a\n6. b', '5. a\n6. b'],
    ['tasks', '- [x] a\n- [ ] b', '• ☑ a\n• ☐ b'],
    ['quote', '> a\n> b', '> a\n> b'],
    ['quote in a list', '- a\n\n  > b', '• a\n\n    > b'],
    ['code in a list', '- a\n  ```js\n  b\n  ```', '• a\n    ```\n    b\n    ```'],
    ['fence of tildes', '~~~js\na\n~~~', '```\na\n```'],
    ['longer fence', '````\n``\n````', '```\n``\n```'],
    ['code that holds a fence', '````\n```\na\n```\n````', '```\na\n```'],
    ['indented code', '    a\n      b', '```\na\n  b\n```'],
    ['open fence', '```js\na', '```\na\n```'],
    ['inline code', '`a<b>&c`', '`a&lt;b&gt;&amp;c`'],
    ['code with a backtick', '`` a`b ``', 'a`b'],
    ['table', '|a|\n|-|\n|`x`|', '```\n|a|\n|-|\n|`x`|\n```'],
    ['table in a quote', '> |a|\n> |-|\n> |1|', '> ```\n> |a|\n> |-|\n> |1|\n> ```'],
    ['table in a list', '- |a|\n  |-|\n  |1|', '• ```\n    |a|\n    |-|\n    |1|\n    ```'],
    ['html in a quote', '> <p>\n> a', '> &lt;p&gt;\n> a'],
    ['code from Windows', '```\r\na\r\nb\r\n```\r\n', '```\na\nb\n```'],
    ['code from Windows in a quote', '> ```\r\n> a\r\n> ```', '> ```\n> a\n> ```'],
    ['nothing but a definition', '[a]: https://e.com', '[a]: https://e.com'],
    ['html', 'a <b>c</b>', 'a &lt;b&gt;c&lt;/b&gt;'],
    ['html comment', 'a\n\n<!-- b -->', 'a\n\n&lt;!-- b --&gt;'],
    ['entity', '1 &lt; 2 &amp; 3', '1 &lt; 2 &amp; 3'],
    ['emoji', ':smile: `:smile:`', ':smile: `:smile:`'],
    ['math', '$a_1 * b_2$', '$a_1 * b_2$'],
    ['footnote', 'a[^1]\n\n[^1]: b', 'a[1]\n\n[1] b'],
    ['rule', 'a\n\n---\n\nb', 'a\n\n---\n\nb'],
    ['hard break', 'a  \nb', 'a\nb'],
    ['no-break space', 'a\u00a0b', 'a\u00a0b'],
    ['underscores in words', 'snake_case_name', 'snake_case_name'],
    ['stars in sums', '2 * 3 * 4', '2 * 3 * 4'],
    [
      'annotation in code (slackify-markdown 26)',
      '```java\nMap<@NotNull String> m;\n```',
      '```\nMap&lt;@NotNull String&gt; m;\n```',
    ],
    ['mention in code', '`<@U012345>`', '`&lt;@U012345&gt;`'],
    ['mention', '<@U012345>', `&lt;${ZWSP}@U012345&gt;`],
    ['everybody', '<!channel>', `&lt;${ZWSP}!channel&gt;`],
    ['nothing', '', ' '],
  ])('%s', (_name, markdown, expected) => {
    expect(text(markdown)).toBe(expected);
  });
});

describe('as a block', () => {
  test.each([
    '```java\nMap<@NotNull String> m;\n```',
    'Use `Map<@NotNull String>` & <b>',
    '- a\n  - b\n\n    ```py\n    if a < b:\n    \tpass\n    ```',
    '> ~~~\n> a && b\n> ~~~',
    '| a |\n|---|\n| 1 |',
    '```html\n<!DOCTYPE html>\n```',
  ])('%j stays as it is, byte for byte', (markdown) => {
    expect(block(markdown)).toBe(markdown);
  });

  test('a second table is code: Slack takes one a message (vellum-assistant PR 25557)', () => {
    expect(block('|a|\n|-|\n|1|\n\nand\n\n|b|\n|-|\n|`2`|')).toBe(
      '|a|\n|-|\n|1|\n\nand\n\n```\n|b|\n|-|\n|`2`|\n```',
    );
  });

  test.each([
    ['> |a|\n> |-|\n> |1|\n\n|b|\n|-|', '> ```\n> |a|\n> |-|\n> |1|\n> ```\n\n|b|\n|-|'],
    ['- |a|\n  |-|\n\n> - |b|\n>   |-|', '- ```\n  |a|\n  |-|\n  ```\n\n> - ```\n>   |b|\n>   |-|\n>   ```'],
    ['> |a|\n> |-|\n>\n> |b|\n> |-|', '> ```\n> |a|\n> |-|\n> ```\n>\n> ```\n> |b|\n> |-|\n> ```'],
  ])('so is one in a quote or a list: %j', (markdown, expected) => {
    expect(block(markdown)).toBe(expected);
  });

  test('so is one with more rows or columns than Slack takes', () => {
    expect(block(`|a|\n|-|\n${'|x|\n'.repeat(100)}`)).toMatch(/^```\n/);
    expect(block(`${'|a'.repeat(21)}|\n${'|-'.repeat(21)}|`)).toMatch(/^```\n/);
  });

  test('a mention in code: no block at all, since only escaped code is known to ping nobody', () => {
    for (const markdown of ['`<@U012345>`', '```\n<!channel>\n```', '|a|\n|-|\n|`<!here>`|']) {
      expect(block(markdown)).toBeUndefined();
    }
  });
});
