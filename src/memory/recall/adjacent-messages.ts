import type pg from 'pg';
import type { RecallSettings } from '../../domain/agent.ts';
import type { Role, Scope } from '../../domain/conversation.ts';
import { inTurns } from '../../lib/in-turns.ts';
import type { ScoredPassage, ScoredScope } from '../ranking/score.ts';
import { sameSession } from '../ranking/sessions.ts';
import type { SpeakerNames } from '../text/names.ts';
import type { PromptContents } from './beside-window.ts';
import { mapBesideWindow } from './candidates.ts';
import { findTexts, passageKey, type QuotedMessage, type TextBudget } from './passage-texts.ts';
import { quotedWords } from './quotable.ts';
import type { Quoted } from './quote.ts';

/** A message right after or before a hit, which is quoted with it. */
export type AdjacentMessage = {
  hit: Quoted;
  passage: ScoredPassage;
  role: Role;
  message: QuotedMessage;
  /** What it takes in the prompt. */
  words: number;
};

/**
 * The user's message after each hit, then the reply before each hit, while all quoted words stay within
 * the agent's fill budget. What answers a question often continues in the next message.
 */
export async function findAdjacentMessages(
  client: pg.PoolClient,
  scope: Scope,
  inPrompt: PromptContents,
  found: {
    scored: ScoredScope;
    hits: Quoted[];
    settings: RecallSettings;
    budget: TextBudget;
    speakers: SpeakerNames;
    signal?: AbortSignal | undefined;
  },
): Promise<AdjacentMessage[]> {
  const { scored, hits, settings, budget, speakers, signal } = found;
  let wordsLeft = settings.fillWords - hits.reduce((sum, { words }) => sum + words, 0);
  if (wordsLeft <= 0) return [];
  const taken = new Set([
    ...hits.map(({ exchangeId }) => exchangeId),
    ...inPrompt.exclude.map((id) => id.replaceAll('-', '')),
  ]);
  const wanted = ([1, -1] as const).flatMap((step) =>
    hits.flatMap((hit) => {
      const passage = adjacentPassage(scored, hit, step);
      return passage && !taken.has(passage.exchangeId) ? [{ ...passage, hit, step }] : [];
    }),
  );
  const texts = await findTexts(client, scope, wanted, budget);
  const beside = mapBesideWindow(wanted, texts, inPrompt, (passage, { user, reply }): AdjacentMessage[] => {
    const { hit, step } = passage;
    const role = step > 0 ? 'user' : 'assistant';
    const [message, name] = step > 0 ? [user, speakers.user] : [reply, speakers.agent];
    return message ? [{ hit, passage, role, message, words: quotedWords(message.content, name) }] : [];
  });
  const adjacent: AdjacentMessage[] = [];
  for (const one of (await inTurns(beside, { tenantId: scope.tenantId, signal })).flat()) {
    const isSame = (other: AdjacentMessage) =>
      other.role === one.role && passageKey(other.passage) === passageKey(one.passage);
    if (adjacent.some(isSame) || one.words > wordsLeft) continue;
    adjacent.push(one);
    wordsLeft -= one.words;
  }
  return adjacent;
}

/** The passage right after (step 1) or before (−1) a hit, of another exchange in the same session. */
function adjacentPassage(scored: ScoredScope, hit: Quoted, step: 1 | -1): ScoredPassage | undefined {
  const other = scored.passageAt(hit.place + step);
  if (!other || other.exchangeId === hit.exchangeId) return undefined;
  return sameSession(Math.min(hit.at, other.at), Math.max(hit.at, other.at)) ? other : undefined;
}
