/** A model that fails now and then, and never says the same thing twice, so that a doubled reply shows. */
import { setTimeout as delay } from 'node:timers/promises';
import { fail, startFakeLlm, streamText, type FakeLlm } from '../support/fake-llm.ts';
import { createRandom } from './random.ts';

export type StandInLlm = Pick<FakeLlm, 'baseUrl' | 'close'> & {
  /** Every answer that was begun: how often a message was asked, and in which order. */
  asked: Array<{ text: string; answer: string; windowTexts: string[] }>;
};

/** Answers within 20 to 300 ms, and now and then with a 503 or a 429, as models do. */
export async function startStandInLlm(seed: number): Promise<StandInLlm> {
  const random = createRandom(seed ^ 0x11a);
  const asked: StandInLlm['asked'] = [];
  const { baseUrl, answerWith, close } = await startFakeLlm();
  answerWith((messages) => {
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
