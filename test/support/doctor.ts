/** An installation that the doctor looks at, in good health; tests plant a fault each. */
import { expect } from '@jest/globals';
import { BOT_SCOPES } from '../../src/channels/slack/scopes.ts';
import { examine, type SubjectName } from '../../cli/doctor/examine.ts';
import type { Finding } from '../../cli/doctor/finding.ts';
import { scheduleSweep } from '../../src/temporal/schedules.ts';
import { eventually } from './eventually.ts';
import { noted, startFakeLlm, type FakeLlm } from './fake-llm.ts';
import { serve } from './http-server.ts';
import { asRole, modelsPath, redisUrl, temporalConfig, type TestDatabase } from './services.ts';
import { startSystem, type System } from './system.ts';

export const SCOPES = BOT_SCOPES.join(',');

export type Ward = {
  system: System;
  llm: FakeLlm;
  /** What Slack's Web API says to `auth.test`. */
  slackSays(answer: { scopes: string; body?: object }): void;
  /** Settings in which nothing is wrong; `DATABASE_ADMIN_URL` leads into that database. */
  healthy(database?: TestDatabase): Record<string, string>;
  close(): Promise<unknown>;
};

export async function openWard(): Promise<Ward> {
  const [system, llm] = await Promise.all([startSystem(), startFakeLlm()]);
  await scheduleSweep(temporalConfig());
  const well = { ok: true, user: 'mara', team: 'Office' };
  let answer: { scopes: string; body: object } = { scopes: SCOPES, body: well };
  const slack = await serve((_req, res) => {
    res.setHeader('x-oauth-scopes', answer.scopes);
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify(answer.body));
  });
  await system.say('Hello.');
  // What is listed lags behind a little.
  await eventually(
    async () => (await system.temporal.workflow.count(`WorkflowType = 'HandleMessage'`)).count > 0,
  );
  return {
    system,
    llm,
    slackSays: (next) => (answer = { body: well, ...next }),
    healthy(database = system.database) {
      llm.answerWith(noted);
      answer = { scopes: SCOPES, body: well };
      const { pathname } = new URL(database.url);
      const { address, namespace } = temporalConfig();
      return {
        PATH: process.env['PATH'] ?? '',
        DATABASE_ADMIN_URL: Object.assign(new URL(process.env['DATABASE_ADMIN_URL'] ?? ''), { pathname })
          .href,
        DATABASE_URL: database.url,
        DATABASE_API_URL: asRole('api', database.url),
        DATABASE_WORKER_URL: asRole('worker', database.url),
        DATABASE_OPERATOR_URL: asRole('operator', database.url),
        REDIS_URL: redisUrl(),
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
        KONSTRUCT_ENCRYPTION_KEYS: process.env['KONSTRUCT_ENCRYPTION_KEYS'] ?? '',
        KONSTRUCT_MODELS: modelsPath(),
        LLM_BASE_URL: llm.baseUrl,
        LLM_MODEL: 'recorded',
        SLACK_API_URL: slack.url,
        SLACK_BOT_TOKEN: 'xoxb-test',
        SLACK_SIGNING_SECRET: 'secret',
        KONSTRUCT_SLACK_TENANT_ID: system.tenantId,
        KONSTRUCT_SLACK_AGENT_ID: system.agent.id,
      };
    },
    close: () => Promise.all([system.stop(), llm.close(), slack.close()]),
  };
}

/** What is found in the subject, or in all. */
export async function findings(
  env: Record<string, string>,
  { only, now = Date.now }: { only?: SubjectName; now?: () => number } = {},
): Promise<Finding[]> {
  return (await examine({ env, now }, only)).flatMap(({ findings: found }) => found);
}

/** That this is found in the subject, and this cure is said. */
export async function expectFound(
  only: SubjectName,
  env: Record<string, string>,
  kind: 'fault' | 'doubt',
  what: RegExp,
  cure: RegExp,
): Promise<void> {
  const wrong = (await findings(env, { only })).filter((finding) => finding.kind !== 'good');
  expect(wrong).toContainEqual(
    expect.objectContaining({ kind, what: expect.stringMatching(what), cure: expect.stringMatching(cure) }),
  );
}
