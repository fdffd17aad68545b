/** What every channel promises, whatever it is: one suite that all of them pass. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { APOLOGY, PLACEHOLDER } from '../../src/domain/words.ts';
import { eventually } from './eventually.ts';
import { fail, noted as notedText } from './fake-llm.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { temporalConfig } from './services.ts';
import { AS_OPERATOR, startSystem, type System, type SystemOptions } from './system.ts';

/** A message that somebody has written. */
export type Letter = {
  /** Brings it to the API, as the channel would; again is a repeated delivery of the same message. */
  send(): Promise<{ status: number; headers: Headers }>;
  /** What the writer sees as the answer to it, placeholders included. */
  answers(): Promise<string[]>;
};

/** A channel with somebody at its other end. */
export type Correspondent = {
  write(text: string, person?: 'ada' | 'bob'): Promise<Letter>;
  /** A request that doesn't prove where it comes from. */
  forge(): Promise<{ status: number }>;
  /** A request that is nothing for the agent; absent where every request is for it. */
  chatter?: () => Promise<{ status: number }>;
  /** The channel's API fails once from now on; absent where replies are fetched. */
  disturb?: () => void;
};

/** Runs the suite. `join` is called once the system is up. */
export function channelContract(
  name: string,
  options: SystemOptions,
  join: (system: System) => Promise<Correspondent> | Correspondent,
  /** Webhooks get events that are nothing for the agent; a channel that pushes can fail while it does. */
  traits: { isWebhook: boolean; pushes: boolean },
): void {
  let system: System;
  let temporal: Proxy;
  let people: Correspondent;
  beforeAll(async () => {
    temporal = await startProxy(temporalConfig().address);
    system = await startSystem({ ...options, api: { temporal } });
    people = await join(system);
  });
  afterAll(async () => {
    temporal.restore();
    await system.stop();
    await temporal.close();
  });

  const taken = async (letter: Letter): Promise<Letter> => {
    expect([200, 202]).toContain((await letter.send()).status);
    return letter;
  };
  /** The answers, once none of them is a placeholder any more. */
  const answersTo = (letter: Letter, timeoutMs?: number): Promise<string[]> =>
    eventually(
      async () => {
        const answers = await letter.answers();
        return answers.length > 0 && answers.every((text) => text !== PLACEHOLDER) && answers;
      },
      { what: 'an answer', timeoutMs },
    );
  const turns = async (): Promise<number> => {
    const { rows } = await system.database.admin.query<{ count: string }>('SELECT count(*) FROM turns');
    return Number(rows[0]?.count);
  };
  const noted = () => system.llm.answerWith(notedText);

  describe(`the channel ${name}`, () => {
    test('a message is answered once, where it was written', async () => {
      const letter = await taken(await people.write('my dog is called Rex'));
      expect(await answersTo(letter)).toEqual(['Noted: my dog is called Rex']);
    });

    test('three deliveries of one message are one turn and one answer', async () => {
      const before = await turns();
      const letter = await people.write('only once, please');
      await Promise.all([taken(letter), taken(letter)]);
      await answersTo(letter);
      await taken(letter);
      expect(await answersTo(letter)).toEqual(['Noted: only once, please']);
      expect(await turns()).toBe(before + 1);
    });

    test('the messages of one person are answered in order, each seeing the one before', async () => {
      const from = system.llm.prompts.length;
      const letters = [];
      for (const text of ['first', 'second', 'third']) letters.push(await people.write(text));
      for (const letter of letters) await taken(letter);
      for (const [i, letter] of letters.entries()) {
        expect(await answersTo(letter)).toEqual([`Noted: ${['first', 'second', 'third'][i]}`]);
      }
      const ends = system.llm.prompts
        .slice(from)
        .map((prompt) => prompt.slice(-3).map(({ content }) => content));
      expect(ends.slice(1)).toEqual([
        ['first', 'Noted: first', 'second'],
        ['second', 'Noted: second', 'third'],
      ]);
    });

    test('two people share nothing', async () => {
      await answersTo(await taken(await people.write('the code of my locker is 8841')));
      await answersTo(await taken(await people.write('what is the code of the locker?', 'bob')));
      expect(JSON.stringify(system.llm.prompts.at(-1))).not.toContain('8841');
    });

    test('a message of 32,000 characters is taken whole', async () => {
      const long = `${'a rose is '.repeat(3_199)}the end …`;
      await answersTo(await taken(await people.write(long)));
      expect(system.llm.prompts.at(-1)?.at(-1)?.content).toBe(long);
    });

    test('a reply of 12,000 characters arrives whole', async () => {
      const lines = Array.from({ length: 200 }, (_, i) => `Line ${i}: ${'lorem ipsum '.repeat(4)}end.`);
      system.llm.answerWith(() => lines.join('\n\n'));
      const letter = await taken(await people.write('tell me everything'));
      const answers = await eventually(
        async () => {
          const seen = (await letter.answers()).join('\n');
          return seen.includes('Line 199:') && seen;
        },
        { what: 'the end of a long answer' },
      );
      const seen = answers.split('\n').filter((line) => line !== '');
      expect(seen).toEqual(lines);
      noted();
    });

    test('a model that refuses: the person is told in one line', async () => {
      system.llm.answerWith(() => fail(400));
      expect(await answersTo(await taken(await people.write('break')))).toEqual([APOLOGY]);
      noted();
    });

    test('Temporal is away: the sender is told to come again, and then the message is answered once', async () => {
      const before = await turns();
      const letter = await people.write('knock knock');
      temporal.cut();
      const refused = await letter.send();
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      temporal.restore();
      await eventually(async () => [200, 202].includes((await letter.send()).status));
      expect(await answersTo(letter)).toEqual(['Noted: knock knock']);
      expect(await turns()).toBe(before + 1);
    });

    test('a request that proves nothing is refused, and starts nothing', async () => {
      const before = await turns();
      expect((await people.forge()).status).toBe(401);
      expect(await turns()).toBe(before);
    });

    (traits.isWebhook ? test : test.skip)(
      'what is nothing for the agent is answered well, starts nothing, and is counted',
      async () => {
        const before = await turns();
        expect((await people.chatter?.())?.status).toBe(200);
        expect(await turns()).toBe(before);
        const metrics = await (await fetch(`${system.baseUrl}/metrics`)).text();
        expect(metrics).toMatch(
          new RegExp(`konstruct_channel_events_total\\{channel="${name}",outcome="\\w+"\\} 1`),
        );
      },
    );

    (traits.pushes ? test : test.skip)(
      'a channel that fails once still gets exactly one answer',
      async () => {
        const letter = await people.write('through thick and thin');
        people.disturb?.();
        await taken(letter);
        expect(await answersTo(letter)).toEqual(['Noted: through thick and thin']);
      },
    );

    test('a turn that is cancelled: the person is told in one line', async () => {
      system.llm.answerWith(() => () => new Promise(() => undefined));
      const asked = system.llm.prompts.length;
      const letter = await taken(await people.write('never mind'));
      const { rows } = await system.database.admin.query<{ workflow_id: string }>(
        'SELECT workflow_id FROM turns ORDER BY received_at DESC LIMIT 1',
      );
      await eventually(() => system.llm.prompts.length > asked);
      await system.temporal.workflow.getHandle(rows[0]?.workflow_id ?? '').cancel();
      expect(await answersTo(letter, 30_000)).toEqual([APOLOGY]);
      noted();
    }, 60_000);

    test('too many messages: the next one starts nothing, and others are unaffected', async () => {
      const limits = { rateLimits: { user: { burst: 1, perMinute: 1 } } };
      await system.request('PATCH', `/v1/tenants/${system.tenantId}`, limits, AS_OPERATOR);
      // Every API process sees new limits within 5 s.
      await new Promise((resolve) => setTimeout(resolve, 5_500));
      await (await people.write('the one that is allowed')).send();
      const before = await turns();
      await (await people.write('one too many')).send();
      expect(await turns()).toBe(before);
      const other = await people.write('hello from bob', 'bob');
      expect(await answersTo(await taken(other))).toEqual(['Noted: hello from bob']);
    }, 40_000);
  });
}
