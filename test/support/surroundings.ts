/** What a test puts around Konstruct: a database with one tenant, a scripted model, a Slack if wanted. */
import type { Agent } from '../../src/domain/agent.ts';
import { startFakeLlm, type FakeLlm } from './fake-llm.ts';
import { createTestDatabase, createTestTenant, type AgentFields, type TestDatabase } from './services.ts';
import { createSlackSender, type SlackSender } from './slack-sender.ts';
import { startSlackStandIn, type SlackStandIn } from './slack-stand-in.ts';

export type SurroundingsOptions = {
  /** The tenant's agent; its name is Mara unless another is given. */
  agent?: AgentFields;
  /** Whether there is a Slack, with a workspace that is bound to the agent. */
  slack?: boolean;
};

export type Surroundings = {
  database: TestDatabase;
  tenantId: string;
  apiKey: string;
  agent: Agent;
  llm: FakeLlm;
};

/** What there is besides when Slack is wanted. */
export type SlackSide = { slack: SlackStandIn } & Pick<SlackSender, 'send' | 'post'>;

export async function createSurroundings(options: SurroundingsOptions) {
  const [database, llm, slack] = await Promise.all([
    createTestDatabase(),
    startFakeLlm(),
    options.slack ? startSlackStandIn() : undefined,
  ]);
  const { tenantId, apiKey, agent } = await createTestTenant(database.pool, options.agent);
  const surroundings: Surroundings = { database, tenantId, apiKey, agent, llm };
  let sender: SlackSender | undefined;
  return {
    surroundings,
    slack,
    /** Slack as the test sees it, once it is known where the API listens; undefined without Slack. */
    async slackSideOf(baseUrl: string): Promise<SlackSide | undefined> {
      if (!slack) return undefined;
      sender = await createSlackSender({ baseUrl, team: slack.team });
      return { slack, send: sender.send, post: sender.post };
    },
    /** When Konstruct itself has ended. */
    async close(): Promise<void> {
      await Promise.all([llm.close(), slack?.close(), sender?.close()]);
      await database.drop();
    },
  };
}
