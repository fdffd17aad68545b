import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createThoughtFilter } from '../../../src/llm/thought-filter.ts';
import { expectNoFasterThanLength } from '../../support/growth.ts';

const filtered = (pieces: readonly string[]) => {
  const filter = createThoughtFilter();
  const shown: string[] = [];
  for (const piece of pieces) {
    filter.push(piece);
    shown.push(filter.shown());
  }
  return { ...filter.end(), shown };
};

/** Tags, quotes, code and words, in any order. */
const PARTS = [
  '<think>',
  '</think>',
  '<thinking a="1">',
  '</thinking>',
  '◁think▷',
  '◁/think▷',
  '[THINK]',
  '[/THINK]',
  '`',
  '"',
  '```\n',
  '\n',
  'Okay, so ',
  'word ',
  '<',
  '[',
  'a < b',
  '<|channel|>analysis<|message|>',
  '<|end|>',
  '<|channel|>final<|message|>',
  'é',
  '𝄞',
  '“',
  '”',
  '. ',
  '👋 ',
  '~~~\n',
  '``',
  '> ',
  '1. ',
  '<think/>',
  '<|think|>',
  '<|/think|>',
  '<|begin|>assistant<|content|>',
  '<|channel>thought\n',
  '<channel|>',
  '<seed:think>',
  '<analysis>',
  '</analysis>',
  '<details type="reasoning" done="true">',
  '<details>\n<summary>Thought for 3 seconds</summary>',
  '</details>',
  '<answer>',
  '</answer>',
  'Thinking...\n',
  '...done thinking.\n',
];
const text = fc.array(fc.constantFrom(...PARTS), { maxLength: 30 }).map((parts) => parts.join(''));

test('any chunking of a text gives the same answer', () => {
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 300 }), (whole, sizes) => {
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) {
        pieces.push(whole.slice(at, at + size));
        at += size;
      }
      pieces.push(whole.slice(at));
      const { shown: _, ...inPieces } = filtered(pieces);
      const { shown: __, ...atOnce } = filtered([whole]);
      expect(inPieces).toEqual(atOnce);
    }),
    { numRuns: 2_000 },
  );
});

test('a thought between tags is never shown while it comes in', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z ]{0,60}$/),
      fc.stringMatching(/^[A-Z]{30,60}$/),
      (thought, answer) => {
        const { shown, text: final } = filtered([...`<think>${thought}</think>\n${answer}`]);
        expect(final).toBe(answer);
        for (const one of shown) expect(answer.startsWith(one)).toBe(true);
      },
    ),
  );
});

const T = 'They greet me.';
test.each([
  [`Sure!\n<think>${T}</think>\nHello`, 'Sure!\nHello'],
  [`Hello! <think>${T}</think> there`, 'Hello! there'],
  [`Hello there 👋 <think>${T}</think>friend`, 'Hello there 👋 friend'],
  [`**Sure!** <thinking>${T}</thinking>\n\nHello`, '**Sure!**\n\nHello'],
  [`你好。<think>${T}</think>朋友`, '你好。朋友'],
  [`Sure!\n<think>${T}`, 'Sure!'],
  [`Sure! <think>${T}`, 'Sure!'],
  [`One.\n\n<think>a</think>\n\nTwo.\n\n<think>b</think>\n\nThree.`, 'One.\n\nTwo.\n\nThree.'],
  [`Sure!\n<think>a <think>b</think> c</think>\nHello`, 'Sure!\nHello'],
  ['<think>outer<thought>inner</thought> middle</think>Hello', 'Hello'],
  [`Sure.\n[think]${T}[/think]\nHello`, 'Sure.\nHello'],
  [`[THINK]${T}[/THINK]Hello`, 'Hello'],
  [`[think]${T}[/think]Hello`, 'Hello'],
  [`<|think|>${T}<|/think|>Hello`, 'Hello'],
  [`<|think|>${T}<|end|><|begin|>assistant<|content|>Hello<|end|>`, 'Hello'],
  [`<|START_THINKING|>${T}<|END_THINKING|><|START_RESPONSE|>Hello<|END_RESPONSE|>`, 'Hello'],
  [`<|begin|>assistant<|think|>${T}<|end|><|begin|>assistant<|content|>Hello`, 'Hello'],
  [`${T}<|END_THINKING|>Hello`, 'Hello'],
  [`<|inner_prefix|>${T}<|inner_suffix|>Hello`, 'Hello'],
  [`<|channel>thought\n${T}<channel|>Hello`, 'Hello'],
  [`${T}<channel|>Hello`, 'Hello'],
  [`Sure. <|channel>thought\n${T}<channel|>Hello`, 'Sure. Hello'],
  [`<seed:think>${T}</seed:think>Hello`, 'Hello'],
  [`<think_never_used_51bce0c785ca>${T}</think_never_used_51bce0c785ca>Hello`, 'Hello'],
  [`<internal_thoughts>${T}</internal_thoughts>Hello`, 'Hello'],
  ['<think/>\n\nHello', 'Hello'],
  [
    `<details type="reasoning" done="true" duration="3">\n<summary>Thought for 3 seconds</summary>\n> ${T}\n</details>\nHello`,
    'Hello',
  ],
  [`<details>\n<summary>Reasoning</summary>\n${T}\n</details>\n\nHello`, 'Hello'],
  [`<think>${T}</think>\n<answer>Hello</answer>`, 'Hello'],
  [`Thinking...\n${T}\n...done thinking.\n\nHello`, 'Hello'],
  [`Here is my thought process: ${T} Here is my response: Hello`, 'Hello'],
  [`${T}<|end|><|start|>assistant<|channel|>final<|message|>Hello`, 'Hello'],
  [`<|channel|>commentary<|message|>${T}<|end|><|start|>assistant<|channel|>final<|message|>Hello`, 'Hello'],
  [
    `<|start|>assistant<|channel|>analysis<|message|>${T}<|end|><|start|>assistant<|channel|>final<|message|>Hello`,
    'Hello',
  ],
])('a thought is kept out, in whatever pieces: %j', (whole, answer) => {
  for (const size of [1, 3, 7, whole.length]) {
    const pieces = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const { text: final, thought, shown } = filtered(pieces);
    expect(final).toBe(answer);
    expect(thought > 0 || whole.startsWith('<think/>')).toBe(true);
    // What turns out to be a thought by its end alone may have been shown.
    const isClear = !/^They|<think>.*<th/.test(whole);
    for (const one of isClear ? shown : []) expect(answer.startsWith(one)).toBe(true);
  }
});

test.each([
  'The tag <think> opens a thought, and </think> closes it.',
  'Write “<think>” first.',
  'Use `<think>` at the start.\nThen `</think>`.',
  '```xml\n<think>\na\n</think>\n```\nThat is all.',
  '````md\n```\n<think>a</think>\n```\n<think>b</think>\n````\nDone.',
  'Code:\n~~~\n```\n<think>a</think>\n~~~\nDone.',
  'As ``code ` and <think>`` goes.',
  '> <think>a</think>\n\nis what you sent.',
  'Tags:\n1. <think>\n2. <reasoning>',
  'A list: [think] and [/think] are tags, too.',
  'The report.\n<analysis>\nSales are up.\n</analysis>',
  '<details>\n<summary>Steps</summary>\nOne.\n</details>',
  'Thinking... I would say yes.',
  'Is a < b? Yes. <b>Bold</b> [link](http://a)',
  '<answer>Hello</answer>',
])('what only mentions one stays: %j', (whole) => {
  for (const size of [1, 5, whole.length]) {
    const pieces = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    expect(filtered(pieces)).toMatchObject({ text: whole, thought: 0 });
  }
});

test.each([
  ['quoted closing tags in code', '</think>', '```\n'],
  ['empty thoughts', '<think></think>'],
  ['quoted closing tags in a thought', '`</think>`', '<think>'],
  ['beginnings of tags', '<'],
  ['thoughts between sentences', 'Yes. <think>a</think>\n'],
  ['mentioned tags', 'a <think> b '],
  ['tags that go on', '<think '],
  ['closing tags alone', 'a</think>'],
  ['space', ' \n'],
  ['space within', ' \n', 'a', 'b'],
  ['backticks', '`'],
  ['long words', 'a'],
])('%s: takes linear time, at once and in small pieces', (_, unit, before = '', after = '') => {
  const shape = (length: number) => `${before}${unit.repeat(length / unit.length)}${after}`;
  expectNoFasterThanLength(shape, (text) => {
    filtered([text]);
    const filter = createThoughtFilter();
    for (let at = 0; at < text.length; at += 4) filter.push(text.slice(at, at + 4));
    filter.end();
  });
});

test('closing tags in quotes, of which each ends a piece: takes linear time', () => {
  expectNoFasterThanLength(
    (length) => '"</think>'.repeat(length / 9),
    (text) => {
      const filter = createThoughtFilter();
      filter.push('<think>');
      for (let at = 0; at < text.length; at += 9) filter.push(text.slice(at, at + 9));
      filter.end();
    },
  );
});

test('a closing tag at the end of a piece ends the thought unless the quotation mark before it ends, too', () => {
  expect(filtered(['<think>So "a', '"</think>', 'yes']).text).toBe('yes');
  expect(filtered(['<think>So say "</think>', '" then.', '</think>yes'])).toMatchObject({
    text: 'yes',
    thought: 'So say "</think>" then.'.length,
  });
});
