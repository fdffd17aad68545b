/** What people say counts more than what the agent said. */
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
const small = SMALL_TALK.slice(0, 12);

type Invention = { asked: string[]; invented: string; told: string; others: readonly string[] };
const DOG: Invention = {
  asked: [
    "What's my dog's name?",
    'What is my dog called?',
    'Do you know the name of my dog?',
    'How is my dog called again?',
  ],
  invented: 'Your dog’s name is Bruno.',
  told: 'My dog is called Rex.',
  others: small,
};
const INVENTIONS: Record<string, Invention> = {
  English: DOG,
  'English, told in other words': {
    asked: ['Where do I work?', 'Which company do I work for?', 'Where am I working?', 'Who do I work for?'],
    invented: 'You work for Acme Ltd.',
    told: 'These days I work at the port authority.',
    others: small,
  },
  German: {
    asked: [
      'Wie heißt meine Schwester?',
      'Weißt du, wie meine Schwester heißt?',
      'Was ist der Name meiner Schwester?',
      'Wie hieß meine Schwester noch mal?',
    ],
    invented: 'Deine Schwester heißt Sabine.',
    told: 'Meine Schwester heißt Frieda.',
    others: LANGUAGES['German compounds']?.others ?? [],
  },
  French: {
    asked: [
      'Comment s’appelle mon chat ?',
      'Quel est le nom de mon chat ?',
      'Tu connais le nom de mon chat ?',
      'Mon chat s’appelle comment ?',
    ],
    invented: 'Votre chat s’appelle Minou.',
    told: 'Mon chat s’appelle Caramel.',
    others: LANGUAGES['French']?.others ?? [],
  },
  Russian: {
    asked: [
      'Как зовут мою собаку?',
      'Какое имя у моей собаки?',
      'Ты знаешь, как зовут мою собаку?',
      'Моя собака, как её зовут?',
    ],
    invented: 'Вашу собаку зовут Шарик.',
    told: 'Мою собаку зовут Пирожок.',
    others: LANGUAGES['Russian']?.others ?? [],
  },
  Chinese: {
    asked: ['我的狗叫什么名字?', '我的狗叫什么?', '你知道我的狗的名字吗?', '我家的狗叫什么名字?'],
    invented: '你的狗叫旺财。',
    told: '我的狗叫雷克斯。',
    others: LANGUAGES['Chinese']?.others ?? [],
  },
};

describe('the agent’s inventions never displace what a person said', () => {
  test.each(Object.entries(INVENTIONS))('%s: asked four times, then told', async (_name, invention) => {
    const { asked, invented, told, others } = invention;
    const memory = newMemory();
    await memory.tell(
      ...asked.map((user) => ({ user, reply: invented })),
      ...others.slice(0, 6).map((user) => ({ user })),
      { user: told },
      ...others.slice(6).map((user) => ({ user })),
    );
    for (const question of asked) {
      const { found, recalled } = await memory.ask(question);
      expect([question, found[0]]).toEqual([question, told]);
      expect(recalled.filter(({ content }) => content === invented).length).toBeLessThan(3);
    }
  });

  test('nor when it was told first', async () => {
    const { asked, invented, told } = DOG;
    const memory = newMemory();
    await memory.tell(
      { user: told },
      ...small.map((user) => ({ user })),
      ...asked.flatMap((user) => [1, 2, 3].map(() => ({ user, reply: invented }))),
    );
    for (const question of asked) expect((await memory.ask(question)).found[0]).toBe(told);
  });
});

describe('a fact told as a request or within a question is kept', () => {
  const REFUSED = "I'm unable to store personal information.";
  test.each([
    ['Could you please remember that my locker code is 8841?', REFUSED, 'What is my locker code?'],
    ['Did you know that I moved to Graz?', "No, I didn't know that!", 'Where did I move to?'],
    ['Can you book for Tuesday, I’m allergic to nuts?', "I can't make bookings.", 'What am I allergic to?'],
    ['Would you note that the boiler was serviced in March?', REFUSED, 'When was the boiler serviced?'],
    ['Is it a problem that my passport expires in June?', "I don't know.", 'When does my passport expire?'],
    [
      'Merkst du dir bitte, dass mein Fahrrad im Keller steht?',
      'Das weiß ich leider nicht.',
      'Wo steht mein Fahrrad?',
    ],
    ['Peux-tu retenir que mon vol part à sept heures ?', 'Je ne sais pas.', 'À quelle heure part mon vol ?'],
    ['你能记住我的车停在五号车库吗?', '我不知道。', '我的车停在哪个车库?'],
    ['Запомнишь, что моя дочь родилась в Твери?', 'Я не знаю.', 'Где родилась моя дочь?'],
  ])('%s – %s … %s', async (user, reply, question) => {
    const memory = newMemory();
    await memory.tell({ user, reply }, ...small.map((other) => ({ user: other })));
    expect((await memory.ask(question)).found).toContain(user);
  });
});
