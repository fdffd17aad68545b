/** A model that fails now and then, and never says the same thing twice, so that a doubled reply shows. */
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, startFakeLlm, streamText, type FakeLlm } from '../support/fake-llm.ts';
import { firstLine, hostileText, isHostile } from './plan.ts';
import { createRandom } from './random.ts';

export type StandInLlm = Pick<FakeLlm, 'baseUrl' | 'close'> & {
  /** Every answer that was begun: how often a message was asked, and in which order. */
  asked: Array<{ text: string; answer: string; windowTexts: string[] }>;
};

/**
 * Answers within 20 to 300 ms, and now and then with a 503 or a 429, as models do. A hostile tenant's model
 * is worse: one call in three hangs for up to 40 s, one in ten breaks off, and what it says is hostile too.
 */
export async function startStandInLlm(seed: number): Promise<StandInLlm> {
  const random = createRandom(seed ^ 0x11a);
  const asked: StandInLlm['asked'] = [];
  const { baseUrl, answerWith, close } = await startFakeLlm();
  /** Of its own, so that the others' answers are the same without the hostile tenant. */
  const hostile = createRandom(seed ^ 0x22b);
  const answerHostile = (line: string) => async (res: ServerResponse) => {
    const [hangs, breaks] = [hostile.next() < 0.33, hostile.next() < 0.1];
    await delay(hangs ? hostile.between(10_000, 40_000) : 20);
    if (breaks) return void res.destroy();
    const answer = `Answer ${asked.length + 1} to: ${line}`;
    asked.push({ text: line, answer, windowTexts: [] });
    streamText(res, `${answer}\n${hostileText(hostile)}`);
  };
  answerWith((messages) => {
    const asks = messages.at(-1)?.content ?? '';
    if (isHostile(asks)) return answerHostile(firstLine(asks));
    const delayMs = random.between(20, 300);
    const trouble = random.next();
    return async (res) => {
      await delay(delayMs);
      if (trouble < 0.03) {
        fail(trouble < 0.01 ? 429 : 503, { 'retry-after': '1' })(res);
        return;
      }
      const text = messages.at(-1)?.content ?? '';
      const answer = `Answer ${asked.length + 1} to: ${text}`;
      const windowTexts = messages.filter(({ role }) => role !== 'system').map(({ content }) => content);
      asked.push({ text, answer, windowTexts: windowTexts.slice(0, -1) });
      streamText(res, answer);
    };
  });
  return { baseUrl, asked, close };
}
