/** An agent as its form has it, and as the API takes it. */
import type { paths } from '../../api/schema.gen.ts';
import type { Schemas } from '../../api/client.ts';

export type Agent = Schemas['Agent'];
export type NewAgent = paths['/v1/agents']['post']['requestBody']['content']['application/json'];

const UNSET_RECALL = { topK: NaN, threshold: NaN, cosineWeight: NaN, maxWords: NaN, fillWords: NaN };
export const LLM_BOUNDS = ['silenceMs', 'withinMs', 'contextTokens', 'maxOutputTokens'] as const;

/** Numbers that are left empty are NaN. */
export type Draft = {
  name: string;
  jobTitle: string;
  persona: string;
  systemPrompt: string;
  model: string;
  maxPromptTokens: number;
  liveReplies: boolean;
  recall: Agent['recall'];
  llm: Record<(typeof LLM_BOUNDS)[number], number>;
  /** Ids of members in Slack, with spaces or commas between. */
  people: string;
};

export const EMPTY: Draft = {
  name: '',
  jobTitle: '',
  persona: '',
  systemPrompt: '',
  model: '',
  maxPromptTokens: NaN,
  liveReplies: false,
  recall: UNSET_RECALL,
  llm: { silenceMs: NaN, withinMs: NaN, contextTokens: NaN, maxOutputTokens: NaN },
  people: '',
};

export function draftOf(agent: Agent): Draft {
  const { name, jobTitle, persona, systemPrompt, model, maxPromptTokens, liveReplies, recall } = agent;
  return {
    name,
    jobTitle,
    persona,
    systemPrompt,
    model: model ?? '',
    maxPromptTokens: maxPromptTokens ?? NaN,
    liveReplies,
    recall,
    llm: {
      silenceMs: agent.llm?.silenceMs ?? NaN,
      withinMs: agent.llm?.withinMs ?? NaN,
      contextTokens: agent.llm?.contextTokens ?? NaN,
      maxOutputTokens: agent.llm?.maxOutputTokens ?? NaN,
    },
    people: agent.escalation?.people.join(' ') ?? '',
  };
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

/** What recall goes by and is left empty is the API's to set. */
export function bodyOf(draft: Draft): NewAgent {
  const { model, maxPromptTokens, recall, llm, people, ...plain } = draft;
  const given = Object.entries(recall).filter(([, value]) => !Number.isNaN(value));
  const { silenceMs, withinMs, contextTokens, maxOutputTokens } = llm;
  return {
    ...plain,
    ...(given.length > 0 && { recall: Object.fromEntries(given) }),
    model: model.trim() || null,
    maxPromptTokens: orNull(maxPromptTokens),
    llm: {
      silenceMs: orNull(silenceMs),
      withinMs: orNull(withinMs),
      contextTokens: orNull(contextTokens),
      maxOutputTokens: orNull(maxOutputTokens),
    },
    escalation: { people: people.split(/[\s,]+/).filter((id) => id !== '') },
  };
}

/** What has to be changed in the agent to make it as the draft is. */
export function changesOf(agent: Agent, draft: Draft): Partial<NewAgent> {
  const before = bodyOf(draftOf(agent));
  const entries = Object.entries(bodyOf(draft)).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof NewAgent]),
  );
  return Object.fromEntries(entries);
}
