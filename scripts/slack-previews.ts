/**
 * Draws docs/images/slack-*.svg: the Home tab, a reply with its buttons, and a hand-over, from the very
 * blocks that Slack gets. `--check` fails when a drawing is not what the code makes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { homeView } from '../src/channels/slack/home/home-view.ts';
import { handBackButton } from '../src/channels/slack/handover/tell-people.ts';
import { contentsOf } from '../src/channels/slack/outbound/outbound-text.ts';
import { replyButtons, withButtons } from '../src/channels/slack/outbound/reply-buttons.ts';
import { HANDED_OVER_LINE } from '../src/domain/words.ts';

const WIDTH = 640;
const LINE = 20;
const CHARACTERS = 76;

/** As much of a block as is drawn. */
type Drawn = {
  type: string;
  text?: unknown;
  elements?: readonly unknown[];
  accessory?: unknown;
  label?: unknown;
  element?: unknown;
};

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const { text } = (value ?? {}) as { text?: unknown };
  return text === undefined ? '' : textOf(text);
};
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function wrapped(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const lines = [''];
    for (const word of line.split(' ')) {
      const last = lines.at(-1) ?? '';
      if (last !== '' && last.length + word.length >= CHARACTERS) lines.push(word);
      else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
    }
    return lines;
  });
}

/** Draws from the top down; gives the drawing and where it ends. */
function draw(blocks: readonly Drawn[], from: number): { svg: string; end: number } {
  const parts: string[] = [];
  let y = from;
  const write = (text: string, { x = 20, size = 14, weight = 'normal', fill = '#1d1c1d' } = {}): void => {
    parts.push(
      `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${fill}">${escaped(text)}</text>`,
    );
  };
  const button = (label: string, x: number, isDanger = false): number => {
    const width = 24 + 8 * [...label].length;
    const colour = isDanger ? '#e01e5a' : '#1d1c1d';
    parts.push(
      `<rect x="${x}" y="${y - 18}" width="${width}" height="28" rx="4" fill="#fff" stroke="#bbb"/>`,
      `<text x="${x + 12}" y="${y}" font-size="13" font-weight="bold" fill="${colour}">${escaped(label)}</text>`,
    );
    return x + width + 8;
  };
  for (const block of blocks) {
    switch (block.type) {
      case 'header':
        write(textOf(block.text), { size: 20, weight: 'bold' });
        y += LINE + 8;
        break;
      case 'divider':
        parts.push(`<line x1="20" x2="${WIDTH - 20}" y1="${y - 8}" y2="${y - 8}" stroke="#ddd"/>`);
        y += LINE - 4;
        break;
      case 'input':
        write(textOf(block.label), { weight: 'bold' });
        y += LINE + 6;
        parts.push(
          `<rect x="20" y="${y - 20}" width="${WIDTH - 40}" height="30" rx="4" fill="#fff" stroke="#bbb"/>`,
        );
        write(textOf((block.element as { placeholder?: unknown } | undefined)?.placeholder), {
          x: 32,
          fill: '#777',
        });
        y += LINE + 14;
        break;
      case 'actions':
      case 'context_actions': {
        let x = 20;
        for (const element of (block.elements ?? []) as Array<Record<string, unknown>>) {
          const labels =
            element['type'] === 'feedback_buttons'
              ? [textOf(element['positive_button']), textOf(element['negative_button'])]
              : [textOf(element['text'])];
          for (const label of labels) x = button(label, x, element['style'] === 'danger');
        }
        y += LINE + 20;
        break;
      }
      default: {
        const top = y;
        for (const line of wrapped(textOf(block.text))) {
          write(line.replaceAll(/\*\*?|<[^|>]*\||>/g, ''));
          y += LINE;
        }
        if (block.accessory) {
          const after = y;
          y = top;
          button(textOf(block.accessory), WIDTH - 110);
          y = Math.max(after, top + LINE + 10);
        }
        y += 10;
      }
    }
  }
  return { svg: parts.join('\n'), end: y };
}

function page(title: string, messages: ReadonlyArray<{ by?: string; blocks: readonly Drawn[] }>): string {
  const parts: string[] = [];
  let y = 36;
  for (const { by, blocks } of messages) {
    if (by !== undefined) {
      parts.push(
        `<text x="20" y="${y}" font-size="14" font-weight="bold" fill="#1d1c1d">${escaped(by)}</text>`,
      );
      y += LINE + 4;
    }
    const drawn = draw(blocks, y);
    parts.push(drawn.svg);
    y = drawn.end + 14;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" role="img">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff" stroke="#ccc"/>
${parts.join('\n')}
</svg>
`;
}

const MESSAGE_ID = '00000000-0000-4000-8000-000000000000';
const home = homeView({
  agent: { name: 'Mara', jobTitle: 'support engineer' },
  memories: [
    {
      exchangeId: MESSAGE_ID,
      day: '2026-11-28',
      user: 'My bicycle is blue, and it needs a new chain by Friday.',
      reply: 'Noted: a chain for the blue bicycle, by Friday.',
    },
    {
      exchangeId: MESSAGE_ID,
      day: '2026-11-12',
      user: 'I would rather be written to than called.',
      reply: 'I will keep to writing.',
    },
  ],
  query: undefined,
  note: undefined,
  directChannel: undefined,
  canSearch: true,
});
const [reply] = withButtons(
  contentsOf('Your **blue** bicycle gets its new chain on Friday.'),
  replyButtons({ messageId: MESSAGE_ID, threadId: 'slack:T1:C1:1.2', hasPeople: true }),
);
const section = (text: string): Drawn => ({ type: 'section', text });

const DRAWINGS: Record<string, string> = {
  'slack-home.svg': page('The Home tab', [{ blocks: home.blocks }]),
  'slack-reply.svg': page('A reply with its buttons', [
    { by: 'Ada', blocks: [section('@Mara when is my bicycle ready?')] },
    { by: 'Mara', blocks: reply?.blocks ?? [] },
  ]),
  'slack-hand-over.svg': page('A person takes over', [
    { by: 'Ada', blocks: [section('@Mara talk to a human')] },
    { by: 'Mara', blocks: [section(HANDED_OVER_LINE), handBackButton('', 'Mara')] },
    {
      by: 'Mara, to each of those who take over',
      blocks: [
        section('Mara hands over a conversation with Ada. Open the conversation'),
        section('Person: @Mara when is my bicycle ready?\nAgent: On Friday.\nPerson: @Mara talk to a human'),
        handBackButton('', 'Mara'),
      ],
    },
  ]),
};

const isCheck = process.argv.includes('--check');
for (const [name, svg] of Object.entries(DRAWINGS)) {
  const file = new URL(`../docs/images/${name}`, import.meta.url);
  if (!isCheck) writeFileSync(file, svg);
  else if (readFileSync(file, 'utf8') !== svg) {
    console.error(`docs/images/${name} is not what the code makes: npm run docs:slack draws it anew`);
    process.exitCode = 1;
  }
}
