import type { RecalledMemory, Recollection, WindowMessage } from '../../domain/conversation.ts';

/** What recall must leave out because it stands in the prompt. */
export type Standing = {
  /** Ids of exchanges of which no message is missing there. */
  exclude: string[];
  /** The messages, verbatim. */
  shown: readonly WindowMessage[];
};

/** A reply waits for this: what is then still not as it was reckoned, stays unrecalled. */
const MOST_ROUNDS = 3;

/**
 * Recall beside as much of the window as the prompt has room for: what the prompt drops can be recalled like
 * anything older. What is recalled takes room from the window in turn, so it is asked again, until all that was
 * left out as standing there does stand there. Mostly once; each further time with less of the window.
 * @param keptWith how many of the window's newest messages have room beside what is recalled
 */
export async function recallBesideWindow(
  window: readonly WindowMessage[],
  keptWith: (recalled: readonly RecalledMemory[]) => number,
  search: (standing: Standing) => Promise<Recollection>,
): Promise<Recollection> {
  let kept = keptWith([]);
  for (let round = 1; ; round += 1) {
    const found = await search(standingOf(window, kept));
    const stillKept = keptWith(found.recalled);
    if (stillKept >= kept || round === MOST_ROUNDS)
      return { ...found, recalled: withoutStanding(found.recalled, window, keptWith) };
    kept = stillKept;
  }
}

function standingOf(window: readonly WindowMessage[], kept: number): Standing {
  const shown = window.slice(window.length - kept);
  const dropped = new Set(window.slice(0, window.length - kept).map(({ messageId }) => messageId));
  const ids = new Set(shown.flatMap(({ messageId }) => messageId ?? []));
  return { exclude: [...ids].filter((id) => !dropped.has(id)), shown };
}

/** Shorter finds leave more room than was reckoned with: what then stands in the window again isn't quoted too. */
function withoutStanding(
  recalled: RecalledMemory[],
  window: readonly WindowMessage[],
  keptWith: (recalled: readonly RecalledMemory[]) => number,
): RecalledMemory[] {
  const shown = window.slice(window.length - keptWith(recalled));
  const left = recalled.filter(
    ({ exchangeId, role }) => !shown.some((other) => other.messageId === exchangeId && other.role === role),
  );
  return left.length === recalled.length ? left : withoutStanding(left, window, keptWith);
}
