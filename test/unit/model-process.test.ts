/** The model's process, without a model. */
import { expect, test } from '@jest/globals';
import { createModelProcess } from '../../src/memory/embedding/model-process.ts';

test('when no process could be made, the next call tries again', async () => {
  // Node refuses to start a process with a null byte in an argument, and throws at once.
  const niceness = ['\0', '0'];
  const model = createModelProcess({
    modelsPath: '/no/models',
    answerWithinMs: 10_000,
    niceness: { toString: () => niceness.shift() ?? '0' } as unknown as number,
  });
  const call = () => model.rowsOf({ parts: ['ready'], tokensEach: 1 });
  await expect(call()).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  // This one is started, and finds no model.
  await expect(call()).rejects.toMatchObject({ name: 'ModelProcessLost' });
  expect(niceness).toEqual([]);
  await model.close();
});
