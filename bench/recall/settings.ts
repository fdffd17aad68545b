import { newAgentBody } from '../../src/api/schemas.ts';
import type { RecallSettings } from '../../src/domain/agent.ts';

/** An agent's recall settings, as the API takes them, and what to tell of one that the bench can't measure. */
export function readSettings(json: string): { settings: Partial<RecallSettings>; note?: string } {
  const { recall = {} } = newAgentBody.parse({ name: 'bench', recall: JSON.parse(json) as unknown });
  const { topK, ...settings } = JSON.parse(JSON.stringify(recall)) as Partial<RecallSettings>;
  if (topK === undefined) return { settings };
  return {
    settings,
    note: `topK ${topK} does not count here: everything is asked with 3 exchanges, R@5 with 5`,
  };
}
