/** Requests as Slack makes them, signed; or not quite, for those that are not Slack's. */
import { setTimeout as delay } from 'node:timers/promises';
import { startSlackSigner } from './slack-signer.ts';
import { SIGNING_SECRET } from './slack-stand-in.ts';

export type SendOptions = {
  secret?: string;
  secondsFromNow?: number;
  headers?: Record<string, string | undefined>;
  envelope?: object;
  /** Says what a single delivery gets. */
  once?: boolean;
};

/** As Slack, but sooner: what a busy API refuses comes again. */
const AGAIN = { times: 8, afterMs: 500 };

export type SlackSender = {
  /** Sends an event as Slack would, again and again while it is refused. */
  send(event: object, options?: SendOptions): Promise<Response>;
  post(path: string, body: string, options?: SendOptions): Promise<Response>;
  close(): Promise<void>;
};

/** For the API at `baseUrl`; events are the workspace `team`'s. */
export async function createSlackSender({
  baseUrl,
  team,
}: {
  baseUrl: string;
  team: string;
}): Promise<SlackSender> {
  const signer = await startSlackSigner();
  const post: SlackSender['post'] = async (path, body, how = {}) => {
    const timestamp = String(Math.floor(Date.now() / 1000) + (how.secondsFromNow ?? 0));
    const signature = await signer.sign({ secret: how.secret ?? SIGNING_SECRET, timestamp, body });
    const headers: Record<string, string | undefined> = {
      'content-type': 'application/json',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': signature,
      ...how.headers,
    };
    const present = Object.entries(headers).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return fetch(baseUrl + path, { method: 'POST', headers: Object.fromEntries(present), body });
  };
  let events = 0;
  return {
    post,
    async send(event, how = {}) {
      const event_id = `Ev${(events += 1)}`;
      const envelope = { type: 'event_callback', team_id: team, event_id, event, ...how.envelope };
      const deliver = (headers: object = {}) =>
        post('/slack/events', JSON.stringify(envelope), { ...how, headers: { ...headers, ...how.headers } });
      let answer = await deliver();
      for (let again = 1; answer.status === 503 && !how.once && again <= AGAIN.times; again += 1) {
        await delay(AGAIN.afterMs);
        answer = await deliver({ 'x-slack-retry-num': String(again), 'x-slack-retry-reason': 'http_error' });
      }
      return answer;
    },
    close: () => signer.close(),
  };
}
