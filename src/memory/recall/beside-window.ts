import type { RecalledMemory, Recollection, WindowMessage } from '../../domain/conversation.ts';

/** What the prompt already shows from the window. Recall leaves it out. */
export type PromptContents = {
  /** Ids of the exchanges whose messages are all in the prompt. */
  exclude: string[];
  /** The window's messages in the prompt, verbatim. */
  shown: readonly WindowMessage[];
};

/**
 * A reply waits for every round. A message that was excluded in the last round and is then dropped from the
 * prompt is not recalled either.
 */
const MAX_ROUNDS = 3;

/**
 * Recalls beside the part of the window that fits into the prompt. A window message that the prompt drops
 * can be recalled like any older message. Recalled messages take room and can push more of the window out,
 * which the search has excluded. So the search is repeated with the smaller window until everything it
 * excluded is in the prompt. One round is usually enough.
 * @param countKept how many of the window's newest messages fit beside the recalled ones
 */
export async function recallBesideWindow(
  window: readonly WindowMessage[],
  countKept: (recalled: readonly RecalledMemory[]) => number,
  search: (inPrompt: PromptContents) => Promise<Recollection>,
): Promise<Recollection> {
  let kept = countKept([]);
  for (let round = 1; ; round += 1) {
    const found = await search(promptContentsOf(window, kept));
    const stillKept = countKept(found.recalled);
    if (stillKept >= kept || round === MAX_ROUNDS)
      return { ...found, recalled: withoutShown(found.recalled, window, stillKept, countKept) };
    kept = stillKept;
  }
}

function promptContentsOf(window: readonly WindowMessage[], kept: number): PromptContents {
  const shown = window.slice(window.length - kept);
  const dropped = new Set(window.slice(0, window.length - kept).map(({ messageId }) => messageId));
  const ids = new Set(shown.flatMap(({ messageId }) => messageId ?? []));
  return { exclude: [...ids].filter((id) => !dropped.has(id)), shown };
}

/**
 * Removes recalled messages that the prompt also shows from the window. This happens when a round recalls
 * less text than the round before: more of the window fits again.
 * @param kept how many of the window's messages fit beside `recalled`
 */
function withoutShown(
  recalled: RecalledMemory[],
  window: readonly WindowMessage[],
  kept: number,
  countKept: (recalled: readonly RecalledMemory[]) => number,
): RecalledMemory[] {
  const shown = window.slice(window.length - kept);
  const left = recalled.filter(
    ({ exchangeId, role }) => !shown.some((other) => other.messageId === exchangeId && other.role === role),
  );
  return left.length === recalled.length ? left : withoutShown(left, window, countKept(left), countKept);
}
