import { newAgentBody } from '../../src/api/schemas.ts';
import type { RecallSettings } from '../../src/domain/agent.ts';

/**
 * Parses an agent's recall settings, as the API accepts them. `topK` is removed, with a note: the benchmark
 * sets it. Throws when the settings are invalid.
 */
export function readSettings(json: string): { settings: Partial<RecallSettings>; note?: string } {
  const { recall = {} } = newAgentBody.parse({ name: 'bench', recall: JSON.parse(json) as unknown });
  const { topK, ...settings } = JSON.parse(JSON.stringify(recall)) as Partial<RecallSettings>;
  if (topK === undefined) return { settings };
  return {
    settings,
    note: `topK ${topK} is ignored: everything is measured with 3 exchanges, and R@5 with 5`,
  };
}
