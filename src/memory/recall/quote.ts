import type pg from 'pg';
import type { RecallSettings } from '../../domain/agent.ts';
import type { Scope } from '../../domain/conversation.ts';
import { inTurns } from '../../lib/in-turns.ts';
import type { Candidate } from '../ranking/choose.ts';
import type { ScoredPassage, ScoredScope } from '../ranking/score.ts';
import type { SpeakerNames } from '../text/names.ts';
import type { PromptContents } from './beside-window.ts';
import { mapBesideWindow } from './candidates.ts';
import {
  findTexts,
  passageKey,
  type PassageTexts,
  type QuotedMessage,
  type TextBudget,
} from './passage-texts.ts';
import { passagesOf, quotedWords } from './quotable.ts';

/** A passage that is quoted, and what of it the prompt doesn't show yet. */
export type Quoted = ScoredPassage & {
  user?: QuotedMessage | undefined;
  reply?: QuotedMessage | undefined;
  /** What it takes in the prompt. */
  words: number;
};

/** More passages than fit into any budget of the default settings. */
const EXAMINED_EACH = 8;

/** What may be quoted of ordered exchanges: their passages, best first, with their texts. */
export async function findQuotable(
  client: pg.PoolClient,
  scope: Scope,
  inPrompt: PromptContents,
  from: {
    ordered: readonly Candidate[];
    scored: ScoredScope;
    texts: ReadonlyMap<string, PassageTexts>;
    settings: RecallSettings;
    budget: TextBudget;
    speakers: SpeakerNames;
    signal?: AbortSignal | undefined;
  },
): Promise<Quoted[]> {
  const { ordered, scored, texts, settings, budget, speakers, signal } = from;
  const passages = passagesOf(ordered, scored, EXAMINED_EACH * settings.topK);
  const unknown = passages.filter((passage) => !texts.has(passageKey(passage)));
  const known = new Map([...texts, ...(await findTexts(client, scope, unknown, budget))]);
  const quotable = mapBesideWindow(passages, known, inPrompt, (passage, { user, reply }): Quoted[] => {
    if (!user && !reply) return [];
    const words =
      quotedWords(user?.content ?? '', speakers.user) + quotedWords(reply?.content ?? '', speakers.agent);
    return [{ ...passage, user, reply, words }];
  });
  return (await inTurns(quotable, { tenantId: scope.tenantId, signal })).flat();
}
