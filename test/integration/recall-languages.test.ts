/** What was told in one form is found by a question in another, in any language, and by a part of an id. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LANGUAGES } from '../support/languages.ts';
import { memoryOf, startMemories } from '../support/memory.ts';
import { newScope } from '../support/services.ts';
import { SMALL_TALK } from '../support/small-talk.ts';

let memories: Awaited<ReturnType<typeof startMemories>>;
beforeAll(async () => {
  memories = await startMemories();
});
afterAll(() => memories.stop());

const newMemory = () => memoryOf(memories, newScope());

test.each(Object.entries(LANGUAGES))(
  '%s: three facts among twelve other messages',
  async (_name, language) => {
    const memory = newMemory();
    await memory.tell(
      ...[...language.facts.map(([fact]) => fact), ...language.others].map((user) => ({ user })),
    );
    for (const [fact, question] of language.facts) expect((await memory.ask(question)).found).toContain(fact);
  },
);

describe('ids, numbers, addresses and code', () => {
  const told = [
    'The part RX-4471 goes to the Leeds plant',
    'The invoice rk9920 was paid twice',
    'Our budget is 40,000 euros this year',
    'Write to anna.berg@firma.de about the roof',
    'The wiki is at https://wiki.example.com/garden/plans?id=77',
    'The function parseOrderLine drops the last row',
    'I rented flat 7-B in the Maple building',
    'Phone of the plumber: +49 (30) 901820',
    'Call the dentist at 0171-555 01 23',
    'Order 2024/00317 is late',
  ];
  test.each([
    ['Where does RX-4471 go?', told[0]],
    ['Where does rx4471 go?', told[0]],
    ['what about 4471', told[0]],
    ['Was RK-9920 paid?', told[1]],
    ['Who spends 40000?', told[2]],
    ['Why did I write to anna.berg@firma.de?', told[3]],
    ['Did I write to anna.berg about something?', told[3]],
    ['What is at wiki.example.com?', told[4]],
    ['What is wrong with parse_order_line?', told[5]],
    ['What does ParseOrderLine do?', told[5]],
    ['Which building has my 7B?', told[6]],
    ['Who has 030 901820?', told[7]],
    ['Whose number is +4930901820?', told[7]],
    ['Whose number is 0171 5550123?', told[8]],
    ['what about order 317?', told[9]],
  ])('%s', async (question, fact) => {
    const memory = newMemory();
    await memory.tell(...[...told, ...SMALL_TALK.slice(0, 12)].map((user) => ({ user })));
    expect((await memory.ask(question)).found).toContain(fact);
  });
});
