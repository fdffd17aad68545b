import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { appendTurn } from '../../src/memory/window/window.ts';
import { createStoreTurn } from '../../src/activities/store-turn.ts';
import { SOMEBODY } from '../support/embeddings.ts';
import { memoryOf, startMemories } from '../support/memory.ts';
import { newScope } from '../support/services.ts';
import { SMALL_TALK } from '../support/small-talk.ts';

let memories: Awaited<ReturnType<typeof startMemories>>;
const embedded: string[] = [];
beforeAll(async () => {
  memories = await startMemories();
  const { embedder } = memories;
  memories.embedder = {
    ...embedder,
    embed: (text, request) => (embedded.push(text), embedder.embed(text, request)),
  };
});
afterAll(() => memories.stop());

const newMemory = (scope = newScope()) => memoryOf(memories, scope);
const others = (n = SMALL_TALK.length) => SMALL_TALK.slice(0, n).map((user) => ({ user }));

describe('with the default settings', () => {
  test.each([
    ['My dog is called Rex', 'What is the name of my dog?'],
    ['My sister Anna lives in Lisbon', 'Where does my sister live?'],
    ['I am allergic to peanuts', 'Which food can I not eat?'],
    ['Our wedding anniversary is on 14 June', 'When is my wedding anniversary?'],
  ])('%s … 25 other messages … %s', async (fact, question) => {
    const memory = newMemory();
    await memory.tell({ user: fact }, ...others());
    expect((await memory.ask(question)).found[0]).toBe(fact);
  });

  test('an unrelated question recalls nothing, and the receipt has the best match', async () => {
    const memory = newMemory();
    await memory.tell({ user: 'My dog is called Rex' }, ...others());
    const { recalled, receipt } = await memory.ask(
      'How do I prove that the square root of two is irrational?',
    );
    expect(recalled).toEqual([]);
    expect(receipt).toMatchObject({ threshold: DEFAULT_RECALL.threshold, nearestMiss: { why: 'threshold' } });
    expect(receipt?.match).toBeLessThan(DEFAULT_RECALL.threshold);
    expect(receipt?.nearestMiss?.score).toBeGreaterThan(0);
  });
});

describe('words decide between messages of similar meaning', () => {
  test('a rare name is found among messages of the same kind', async () => {
    const memory = newMemory();
    const tickets = Array.from({ length: 12 }, (_, i) => `Ticket KX-${4100 + i * 7} is about the login page`);
    await memory.tell(...tickets.map((user) => ({ user })), ...others(10));
    const question = 'What was ticket KX-4135 about?';
    expect((await memory.ask(question)).found[0]).toBe('Ticket KX-4135 is about the login page');
  });
});

describe('a message with more words than are asked for', () => {
  // No number of a day: messages hold those of their own, and of the days that they name.
  const long = (letter: string) => Array.from({ length: 60 }, (_, i) => `${letter}${i + 100}`).join(' ');
  test.each([
    ['at its end', (question: string) => `${long('alpha')} ${long('zeta')} ${question}`],
    ['at its beginning', (question: string) => `${question} ${long('alpha')} ${long('zeta')}`],
  ])('is searched for the question %s', async (_where, around) => {
    const memory = newMemory();
    await memory.tell({ user: 'My locker has the number 4711' }, ...others(12));
    const words = { cosineWeight: 0, threshold: 0 };
    const { found, recalled } = await memory.ask(around('locker number'), words);
    expect(found[0]).toBe('My locker has the number 4711');
    expect(recalled[0]?.lexical).toBeGreaterThan(0);
  });
});

describe('time expressions', () => {
  test('"last week" prefers messages of that week', async () => {
    const memory = newMemory();
    await memory.tell(
      { user: 'I had lunch with a client at the Thai place', at: '2026-10-07T12:00:00Z' },
      { user: 'We went out for lunch with clients, at the harbour grill', at: '2026-10-28T12:00:00Z' },
      { user: 'Lunch with a client today, we had lunch at the tapas bar', at: '2026-09-16T12:00:00Z' },
      ...others(10).map((turn, i) => ({ ...turn, at: `2026-09-${10 + i}T08:00:00Z` })),
    );
    const question = 'Where did I have lunch with the client last week?';
    const { found } = await memory.ask(question, {}, '2026-11-04T10:00:00Z');
    expect(found[0]).toBe('We went out for lunch with clients, at the harbour grill');
    expect((await memory.plainCosine(question))[0]).not.toBe(found[0]);
  });

  test('a message is found by the day that it speaks of', async () => {
    const memory = newMemory();
    const at = '2026-05-08T09:00:00Z';
    await memory.tell(
      { user: 'Yesterday I finally got to clean out the whole garage', at },
      { user: 'I cleaned the kitchen', at: '2026-05-08T12:00:00Z' },
      ...others(8),
    );
    const { found } = await memory.ask('What did I clean on 7 May?');
    expect(found[0]).toBe('Yesterday I finally got to clean out the whole garage');
  });

  test('a date finds the messages of that day', async () => {
    const memory = newMemory();
    await memory.tell(
      ...['2026-05-03', '2026-05-17', '2026-06-12', '2026-06-28'].map((day, i) => ({
        user: `Went hiking with the children, number ${['one', 'two', 'three', 'four'][i]} of this year`,
        at: `${day}T18:00:00Z`,
      })),
      ...others(10),
    );
    const question = 'Which hike did we do on 12 June?';
    expect((await memory.ask(question)).found[0]).toContain('number three');
    expect((await memory.plainCosine(question))[0]).not.toContain('number three');
  });
});

test('a question that needs two exchanges gets both, and the message right after', async () => {
  const memory = newMemory();
  await memory.tell(
    {
      user: 'I am planning a trip to Norway with Lena',
      at: '2026-10-01T10:00:00Z',
      reply: 'When do you go?',
    },
    { user: 'In February, for ten days', at: '2026-10-01T10:01:00Z', reply: 'Enjoy it!' },
    ...others(12),
    { user: 'Lena broke her leg, so Norway is off', reply: 'Oh no, get well soon!' },
    ...others(8),
  );
  const question = 'What came of the Norway trip with Lena, and when was it planned for?';
  const { recalled } = await memory.ask(question);
  const contents = recalled.map(({ content }) => content);
  expect(contents).toEqual(
    expect.arrayContaining([
      'I am planning a trip to Norway with Lena',
      'In February, for ten days',
      'Lena broke her leg, so Norway is off',
    ]),
  );
  expect(await memory.plainCosine(question)).not.toContain('In February, for ten days');
});

test('a fact at the end of a 2,000-word message is found, and only its passage is quoted', async () => {
  const memory = newMemory();
  const filler = SMALL_TALK.join('. ').concat('. ');
  const long = `${filler.repeat(10)}The alarm code of the summer house is 7719.`;
  expect(long.split(' ').length).toBeGreaterThan(1_900);
  await memory.tell(
    { user: long },
    ...others(),
    { user: 'The summer house needs a new roof' },
    { user: 'The alarm clock woke me far too early' },
    { user: 'The door code of the office was changed' },
  );
  const question = 'What is the alarm code of the summer house?';
  const { recalled } = await memory.ask(question);
  expect(recalled[0]?.content).toMatch(/^… .*7719\.$/s);
  expect(recalled[0]?.content.split(' ').length).toBeLessThan(200);
  expect((await memory.plainCosine(question))[0]).not.toContain('7719');
});

describe('updates', () => {
  test.each([
    [
      'My office is on the third floor',
      'We moved, my office is on the seventh floor now',
      'On which floor is my office?',
    ],
    ['My favourite colour is blue', 'My favourite colour is green now', 'What is my favourite colour?'],
    [
      'The Atlas project has a budget of 40,000 euros',
      'The budget of the Atlas project was raised to 55,000 euros',
      'What is the budget of the Atlas project?',
    ],
  ])('%s → %s', async (older, newer, question) => {
    const memory = newMemory();
    await memory.tell({ user: older }, ...others(12), { user: newer }, ...others(12));
    const { found, recalled } = await memory.ask(question);
    expect(found.slice(0, 2)).toEqual([newer, older]);
    const [first, second] = found.map((content) => recalled.find((memory) => memory.content === content));
    expect(first?.createdAt.localeCompare(second?.createdAt ?? '')).toBe(1);
    expect((await memory.plainCosine(question, 1))[0]).toBe(older);
  });
});

describe('other languages', () => {
  test.each([
    [
      'German',
      [
        'Lena übt jeden Nachmittag Geige, weil sie im Dezember mit dem Schulorchester auftritt',
        'Welches Instrument lernt man als Erwachsener am leichtesten?',
        'Das Instrument im Labor muss neu kalibriert werden',
        'Die Nachbarn spielen abends immer laute Musik',
        'Mein Sohn spielt am Samstag Theater in der Schule',
        'Meine Schwester singt im Kirchenchor',
        'Der Zug war heute Morgen schon wieder verspätet',
        'Bitte reserviere einen Tisch für heute Abend',
        'Mein Kollege Jörg ist für zwei Wochen im Urlaub',
        'Die Präsentation für den Vorstand ist fertig',
        'Die Kaffeemaschine im dritten Stock ist kaputt',
      ],
      'Welches Instrument spielt Lena im Schulorchester?',
      'SELECT name FROM planets ORDER BY mass',
    ],
    [
      'Chinese',
      [
        '我对花生过敏',
        '我想学做红烧肉',
        '我妈妈喜欢唱歌',
        '我妹妹住在成都',
        '我住的酒店在哪里?',
        '今晚吃什么好呢?',
        '今天早上的火车又晚点了',
        '请帮我预订今晚的餐桌',
        '我的同事下周去上海出差',
        '董事会的演示文稿已经完成了',
        '三楼的咖啡机坏了',
      ],
      '我对什么过敏?',
      '怎样证明勾股定理?',
    ],
    [
      'Arabic',
      [
        'اسم ابنتي لينا وهي تعزف على الكمان',
        'ما اسم المطعم الجديد؟',
        'ما موعد الاجتماع؟',
        'ما رأيك في هذا الفيلم؟',
        'ابني يحب كرة القدم',
        'أمي تطبخ جيدا',
        'تأخر القطار هذا الصباح مرة أخرى',
        'من فضلك احجز طاولة لهذه الليلة',
        'زميلي مسافر إلى دبي الأسبوع القادم',
        'انتهيت من العرض التقديمي لمجلس الإدارة',
        'آلة القهوة في الطابق الثالث معطلة',
      ],
      'ما اسم ابنتي؟',
      'كيف أثبت نظرية فيثاغورس؟',
    ],
  ])(
    '%s: the statement is found, an unrelated question recalls nothing',
    async (_language, statements, question, unrelated) => {
      const memory = newMemory();
      await memory.tell(...statements.map((user) => ({ user, reply: '👍' })));
      expect((await memory.ask(question)).found[0]).toBe(statements[0]);
      expect((await memory.ask(unrelated)).recalled).toEqual([]);
      expect(await memory.plainCosine(question)).not.toContain(statements[0]);
    },
  );
});

test('a Chinese question of one character finds its word', async () => {
  const memory = newMemory();
  await memory.tell(
    ...['我养了一只猫叫小红', '三楼的咖啡机坏了', '我妹妹住在成都'].map((user) => ({ user })),
    ...others(8),
  );
  expect((await memory.ask('猫?')).found[0]).toBe('我养了一只猫叫小红');
});

describe('the agent’s own mistakes', () => {
  test('questions that it could not answer do not crowd out the statement', async () => {
    const memory = newMemory();
    const question = 'What is the name of my dog?';
    const asked = { user: question, reply: "I'm sorry, I don't know the name of your dog." };
    await memory.tell(
      asked,
      asked,
      asked,
      { user: 'We got a puppy, he is called Rex' },
      asked,
      asked,
      asked,
      ...others(12),
    );
    const { recalled } = await memory.ask(question);
    expect(recalled[0]?.content).toBe('We got a puppy, he is called Rex');
    expect(recalled.map(({ content }) => content)).not.toContain(asked.reply);
    expect((await memory.plainCosine(question))[0]).toBe(question);
  });

  test('wrong answers to the same question take at most one place, below the statement', async () => {
    const memory = newMemory();
    const question = 'What is my dog called?';
    const asked = { user: question, reply: 'Your dog is called Bella.' };
    await memory.tell({ user: 'My dog is called Rex' }, asked, asked, asked, asked, asked, ...others(12));
    const { recalled } = await memory.ask(question);
    expect(recalled[0]?.content).toBe('My dog is called Rex');
    expect(recalled.filter(({ content }) => content === question)).toHaveLength(1);
  });
});

test('nothing is recalled from another user, agent or tenant', async () => {
  const scope = newScope();
  await newMemory(scope).tell({ user: 'My dog is called Rex' });
  const question = 'What is my dog called?';
  expect((await newMemory(scope).ask(question)).found).toEqual(['My dog is called Rex']);
  for (const other of ['userId', 'agentId', 'tenantId'] as const) {
    const foreign = { ...scope, [other]: newScope()[other] };
    expect((await newMemory(foreign).ask(question, { threshold: 0 })).recalled).toEqual([]);
  }
});

test('recall finds memories of storeEmbedding', async () => {
  const scope = newScope();
  const content = 'My dog is called Rex';
  const embedding = [...(await memories.embedder.embed(content, { ...SOMEBODY, priority: 'backfill' }))];
  await storeEmbedding(memories.pool, { ...scope, content, role: 'user', embedding });
  expect((await newMemory(scope).ask('What is my dog called?')).found).toEqual([content]);
});

test('a vector longer than 1 gains nothing by its length', async () => {
  const scope = newScope();
  const tell = async (content: string, factor: number) => {
    const embedding = [
      ...(await memories.embedder.embed(content, { ...SOMEBODY, priority: 'backfill' })),
    ].map((value) => value * factor);
    await storeEmbedding(memories.pool, { ...scope, content, role: 'user', embedding });
  };
  await tell('My dog is called Rex', 0.01);
  for (const content of SMALL_TALK.slice(0, 8)) await tell(content, 100);
  const { found, recalled } = await newMemory(scope).ask('What is my dog called?', { fillWords: 0 });
  expect(found).toEqual(['My dog is called Rex', ...found.slice(1)]);
  for (const { cosine } of recalled) expect(cosine).toBeLessThanOrEqual(1);
});

describe('settings and limits', () => {
  test('the agent sets topK (0 is off), threshold and word budget', async () => {
    const memory = newMemory();
    await memory.tell(
      ...[1, 2, 3, 4, 5].map((n) => ({ user: `Team number ${n} of mine won the cup` })),
      ...others(8),
    );
    const question = 'Which of my teams won the cup?';
    const hits = async (settings: object) => (await memory.ask(question, settings)).found.length;
    expect(await hits({})).toBe(5);
    expect(await hits({ topK: 3 })).toBe(3);
    expect(await hits({ maxWords: 20, fillWords: 0 })).toBe(1);
    expect(await hits({ threshold: 1 })).toBe(0);
    const off = await memory.ask(question, { topK: 0 });
    expect(off.recalled).toEqual([]);
    expect(off.receipt).toBeUndefined();
  });

  test('a message in the window is neither recalled nor quoted as an adjacent message', async () => {
    const scope = newScope();
    const memory = newMemory(scope);
    const [first] = await memory.tell(
      { user: 'My dog is called Rex' },
      { user: 'My dog Rex had a bath' },
      ...others(8),
    );
    if (!first) throw new Error('nothing was stored');
    await appendTurn(memories.redis, scope, {
      seq: 1,
      messageId: first.messageId,
      userText: first.text,
      replyText: 'Thanks, noted.',
    });
    const { found } = await memory.ask('What is my dog called?');
    expect(found[0]).toBe('My dog Rex had a bath');
    expect(found).not.toContain('My dog is called Rex');
  });

  test('a memory that was repeated in the window recalls no unrelated exchange', async () => {
    const scope = newScope();
    const memory = newMemory(scope);
    const fact = 'The Atlas project has a budget of 40,000 euros';
    await memory.tell({ user: fact }, ...others(8));
    const question = 'What is the budget of the Atlas project?';
    expect((await memory.ask(question)).found[0]).toBe(fact);
    await appendTurn(memories.redis, scope, {
      ...{ seq: 1, messageId: randomUUID() },
      ...{ userText: fact, replyText: 'Thanks, noted.' },
    });
    const { recalled, receipt } = await memory.ask(question);
    expect(recalled).toEqual([]);
    expect(receipt?.match).toBeLessThan(DEFAULT_RECALL.threshold);
    expect(receipt?.nearestMiss).toMatchObject({ why: 'threshold' });
  });

  test('a memory that was repeated in the window and a dozen times before takes no places from others', async () => {
    const scope = newScope();
    const memory = newMemory(scope);
    const repeated = 'I deployed version 2 to staging';
    const wanted = 'Version 3 goes to staging on Friday';
    await memory.tell(
      { user: wanted },
      ...Array.from({ length: 12 }, () => ({ user: repeated })),
      ...others(8),
    );
    await appendTurn(memories.redis, scope, {
      ...{ seq: 1, messageId: randomUUID() },
      ...{ userText: repeated, replyText: 'Thanks, noted.' },
    });
    const { found } = await memory.ask('Which version did I deploy to staging?');
    expect(found).toContain(wanted);
  });

  test('a window message that the prompt has no room for is recalled', async () => {
    const scope = newScope();
    const memory = newMemory(scope);
    const turns = await memory.tell({ user: 'My dog is called Rex' }, ...others(4));
    for (const [i, { messageId, text }] of turns.entries())
      await appendTurn(memories.redis, scope, {
        seq: i + 1,
        messageId,
        userText: text,
        replyText: 'Thanks, noted.',
      });
    const question = 'What is my dog called?';
    expect((await memory.ask(question)).found).not.toContain('My dog is called Rex');
    const { found, window, droppedFromWindow = 0 } = await memory.ask(question, { roomTokens: 60 });
    expect(found[0]).toBe('My dog is called Rex');
    expect(window.length + droppedFromWindow).toBe(10);
  });

  test('a turn takes two embeddings, and storing it twice leaves one copy', async () => {
    const memory = newMemory();
    const [turn] = await memory.tell({ user: 'The code word is heliotrope', reply: 'Understood.' });
    expect(embedded.slice(-2).sort()).toEqual(['The code word is heliotrope', 'Understood.']);
    if (!turn) throw new Error('nothing was stored');
    const rows = async () => {
      const { rows: found } = await memories.database.admin.query(
        'SELECT 1 FROM exchange_passages WHERE exchange_id = $1',
        [turn.messageId],
      );
      return found.length;
    };
    expect(await rows()).toBe(1);
    const again = {
      message: turn,
      reply: 'Understood.',
      repliedAt: turn.receivedAt,
      embedding: null,
      appendOwed: false,
    };
    await createStoreTurn(memories).storeTurn(again);
    expect(await rows()).toBe(1);
  });
});
