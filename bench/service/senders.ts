/** Sends messages as Slack's signed events or over HTTP. */
import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { now, type StandIn } from './stand-in.ts';
import type { SystemUnderTest } from './system.ts';

export type Sender = SystemUnderTest['send'];

/** Keeps connections alive, as Slack does. Node's fetch would take twice the driver's processor time. */
const agent = new Agent({ keepAlive: true, maxSockets: 300 });

/** Mentions the agent in a channel of team T1. The reply arrives when it is posted to the stand-in. */
export function slackSender(options: { url: string; signingSecret: string; standIn: StandIn }): Sender {
  const { url, signingSecret, standIn } = options;
  return async (number, user) => {
    const body = JSON.stringify(mention(number, user, standIn.texts.said(number)));
    const sentAt = now();
    const timestamp = Math.floor(sentAt / 1000);
    const signature = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    const answer = await post(url, body, {
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': `v0=${signature}`,
    });
    if (answer.status !== 200)
      throw new Error(`POST /slack/events answered ${answer.status}: ${answer.body}`);
    return { sentAt, arrived: standIn.posted(`[m${number}]`) };
  };
}

/** Sends a message over HTTP and waits for the reply in the response. */
export function httpSender(options: { url: string; apiKey: string; standIn: StandIn }): Sender {
  const { url, apiKey, standIn } = options;
  return async (number, user) => {
    const body = JSON.stringify({ userId: user, text: standIn.texts.said(number) });
    const sentAt = now();
    const headers = { authorization: `Bearer ${apiKey}`, prefer: 'wait=100' };
    const arrived = post(url, body, headers).then((answer) => {
      if (answer.status !== 200) throw new Error(`POST …/messages answered ${answer.status}: ${answer.body}`);
      return now();
    });
    return { sentAt, arrived };
  };
}

function mention(number: number, user: string, text: string): object {
  const ts = `${Math.floor(Date.now() / 1000)}.${String(number).padStart(6, '0')}`;
  return {
    type: 'event_callback',
    token: 'unused',
    team_id: 'T1',
    api_app_id: 'A1',
    event_id: `Ev${number}`,
    event_time: Math.floor(Date.now() / 1000),
    authorizations: [{ team_id: 'T1', user_id: 'UBOT', is_bot: true }],
    event: {
      type: 'app_mention',
      user,
      team: 'T1',
      channel: 'C1',
      ts,
      event_ts: ts,
      text: `<@UBOT> ${text}`,
    },
  };
}

function post(
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = request(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...headers,
        },
      },
      (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body: text }));
        res.on('error', reject);
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}
