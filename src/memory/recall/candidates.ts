import type pg from 'pg';
import type { Role, Scope, WindowMessage } from '../../domain/conversation.ts';
import { inTurns, mapInSteps, type InSteps } from '../../lib/in-turns.ts';
import { answerWords, onlyAsks, type Candidate } from '../ranking/choose.ts';
import { limitQuestions } from '../ranking/rank.ts';
import type { ScoredPassage, ScoredScope } from '../ranking/score.ts';
import { runsOf } from '../text/passages.ts';
import { ADDS_NOTHING, addedBy, addsNothing, endsAsking, hasNoAnswer } from '../text/questions.ts';
import type { PromptContents } from './beside-window.ts';
import {
  findTexts,
  passageKey,
  withDashes,
  type PassageTexts,
  type QuotedMessage,
  type TextBudget,
} from './passage-texts.ts';

/** The passages whose texts were fetched, their texts by `passageKey`, and those that may be quoted. */
export type Examined = {
  examined: ScoredPassage[];
  texts: Map<string, PassageTexts>;
  candidates: Candidate[];
};

/**
 * Fetches the texts of the best ranked passages. A passage whose words are all in the prompt is no candidate,
 * nor one that asks the question again and has no answer. When that leaves fewer than `topK`, the next best
 * passages are examined as well, once.
 * @param from.question the question's pieces, see `piecesOf`
 * @param from.vector the embedding of the question as it was asked: others are compared with it
 * @param from.ranked best first
 * @param from.budget what the search may look at: passages beyond it are no candidates
 */
export async function findCandidates(
  client: pg.PoolClient,
  scope: Scope,
  inPrompt: PromptContents,
  from: {
    scored: ScoredScope;
    question: ReadonlySet<string>;
    vector: string;
    ranked: readonly ScoredPassage[];
    topK: number;
    budget: TextBudget;
    signal?: AbortSignal | undefined;
  },
): Promise<Examined> {
  const { scored, question, vector, ranked, topK, budget, signal } = from;
  const examine = async (passages: readonly ScoredPassage[]): Promise<Examined> => {
    const examined = limitQuestions(passages, topK);
    const texts = await findTexts(client, scope, examined, budget, vector);
    const candidates = await inTurns(
      mapBesideWindow(examined, texts, inPrompt, (passage, unshown) =>
        toCandidate(passage, scored, unshown, question),
      ),
      { tenantId: scope.tenantId, signal },
    );
    return { examined, texts, candidates: candidates.flat() };
  };
  const first = await examine(ranked);
  if (first.candidates.length >= topK || first.candidates.length === first.examined.length) return first;
  const already = new Set(first.examined);
  const second = await examine(ranked.filter((passage) => !already.has(passage)));
  return {
    examined: [...first.examined, ...second.examined],
    texts: new Map([...first.texts, ...second.texts]),
    candidates: [...first.candidates, ...second.candidates],
  };
}

/** Cosine similarity from which a message asks the same as the question, if its words do too. */
const SAME_QUESTION = 0.8;

function toCandidate(
  passage: ScoredPassage,
  scored: ScoredScope,
  { user, reply, asked }: PassageTexts,
  question: ReadonlySet<string>,
): Candidate[] {
  if (!user && !reply) return [];
  const said = user?.content ?? '';
  const added = addedBy(said, question);
  const addsNone = user ? addsNothing(endsAsking(said), added) : (passage.flags & ADDS_NOTHING) !== 0;
  const repeats = (asked?.cosine ?? 0) >= SAME_QUESTION && addsNone;
  if (repeats && hasNoAnswer(passage.flags)) return [];
  const replyText = reply?.content ?? '';
  return [
    {
      ...passage,
      held: scored.heldAt(passage.place),
      added,
      repeats,
      userText: user?.content ?? '',
      replyText,
      answer: onlyAsks({ ...passage, repeats }) ? answerWords(replyText) : new Set(),
      userCosine: asked?.cosine ?? 0,
      userEmbedding: asked?.embedding ?? [],
    },
  ];
}

/**
 * A passage's messages that the prompt doesn't show yet. A message counts as shown when it is in the window
 * itself, or when the window has the same words from the same speaker. Of a part of a message, that is when
 * each run of its words stands in what the speaker says there: a fact that was just repeated needs no
 * quotation. So it takes no longer than reading both, whatever they hold.
 */
export function notInPrompt(
  passage: ScoredPassage,
  texts: ReadonlyMap<string, PassageTexts>,
  { shown }: PromptContents,
): PassageTexts {
  const { user, reply, asked } = texts.get(passageKey(passage)) ?? {};
  const id = withDashes(passage.exchangeId);
  const isShown = (role: Role, { content, text, from, goesOn }: QuotedMessage) => {
    const own = shown.filter((other) => other.role === role);
    if (own.some(({ messageId }) => messageId === id)) return true;
    if (from === 0 && !goesOn) return own.some((other) => other.content === content);
    const runs = own.map(runsShown);
    for (const run of runsOf(text)) if (run !== '' && !runs.some((others) => others.has(run))) return false;
    return true;
  };
  return {
    ...(user && !isShown('user', user) && { user }),
    ...(reply && !isShown('assistant', reply) && { reply }),
    ...(asked && { asked }),
  };
}

/**
 * Maps passages with what of their texts the prompt doesn't show yet, see `notInPrompt`, in steps of so many
 * letters.
 */
export function* mapBesideWindow<P extends ScoredPassage, U>(
  passages: readonly P[],
  texts: ReadonlyMap<string, PassageTexts>,
  inPrompt: PromptContents,
  map: (passage: P, unshown: PassageTexts) => U,
): InSteps<U[]> {
  const of = (passage: P): QuotedMessage[] => {
    const { user, reply } = texts.get(passageKey(passage)) ?? {};
    return [user, reply].filter((message) => message !== undefined);
  };
  if (passages.some((passage) => of(passage).some(({ from, goesOn }) => from > 0 || goesOn)))
    yield* readRuns(inPrompt.shown);
  return yield* mapInSteps(
    passages,
    (passage) => of(passage).reduce((letters, { text }) => letters + text.length, 0),
    (passage) => map(passage, notInPrompt(passage, texts, inPrompt)),
  );
}

/** The runs of window messages: a search has several rounds beside the same ones. */
const RUNS_OF = new WeakMap<WindowMessage, ReadonlySet<string>>();
/** Runs that are read in one step: a millisecond or two. */
const RUNS_IN_ONE_GO = 1_000;

/** Of a message that `readRuns` has not read, at once. */
function runsShown(message: WindowMessage): ReadonlySet<string> {
  const runs = RUNS_OF.get(message) ?? new Set(runsOf(message.content));
  RUNS_OF.set(message, runs);
  return runs;
}

/** Fills `RUNS_OF`. */
export function* readRuns(shown: readonly WindowMessage[]): InSteps<void> {
  let read = 0;
  for (const message of shown) {
    if (RUNS_OF.has(message)) continue;
    const runs = new Set<string>();
    for (const run of runsOf(message.content)) {
      runs.add(run);
      read += 1;
      if (read % RUNS_IN_ONE_GO === 0) yield;
    }
    RUNS_OF.set(message, runs);
  }
}
