/** Workflows that loop for ever, each where the message says. */
import { condition, sleep } from '@temporalio/workflow';
import type { HandleMessageInput } from '../../../src/domain/turn.ts';

export { EmbedAndStore } from '../../../src/workflows/embed-and-store.ts';

export async function HandleMessage({ message }: HandleMessageInput): Promise<string> {
  let asked = 0;
  switch (message.text) {
    case 'at once':
      return loop();
    case 'in a condition':
      // Asked once when it begins to wait, and again with each task.
      await condition(() => (asked++ > 0 ? loop() : false));
      break;
    case 'after a condition':
      void sleep(1).then(() => (asked += 1));
      await condition(() => asked > 0);
      return loop();
  }
  return 'never loops';
}

function loop(): never {
  for (;;);
}
