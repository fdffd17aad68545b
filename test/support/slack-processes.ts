/** API and worker as processes of their own, between a Slack stand-in, a scripted LLM and real services. */
import { createProcessDeployment, type ProcessDeployment } from './process-deployment.ts';
import { createSlackSender, type SlackSender } from './slack-sender.ts';
import { BOT, SIGNING_SECRET, startSlackStandIn, type SlackStandIn } from './slack-stand-in.ts';

export type SlackProcesses = ProcessDeployment & {
  slack: SlackStandIn;
  /** Sends an event as Slack would. */
  sendEvent: SlackSender['send'];
  /** Starts both with their share of Slack's settings, and waits until they are ready. */
  startBoth(env?: Record<string, string>): Promise<void>;
};

export async function createSlackProcesses(): Promise<SlackProcesses> {
  const [deployment, slack] = await Promise.all([createProcessDeployment(), startSlackStandIn()]);
  const sender = await createSlackSender({ baseUrl: deployment.baseUrl, team: slack.team });
  const { tenantId, agent } = deployment.tenant;
  return {
    ...deployment,
    slack,
    sendEvent: sender.send,
    async startBoth(env = {}) {
      const outbound = { SLACK_API_URL: slack.apiUrl, SLACK_BOT_TOKEN: BOT.token, ...env };
      deployment.start('worker', outbound);
      deployment.start('api', {
        ...outbound,
        SLACK_SIGNING_SECRET: SIGNING_SECRET,
        KONSTRUCT_SLACK_TENANT_ID: tenantId,
        KONSTRUCT_SLACK_AGENT_ID: agent.id,
      });
      await deployment.ready();
    },
    async close() {
      await deployment.close();
      await Promise.all([slack.close(), sender.close()]);
    },
  };
}
