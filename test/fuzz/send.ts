/** Carries inputs to the API as strangers would. Each resolves to the answer's status, 0 for none. */
import { createHmac } from 'node:crypto';
import { request, type IncomingHttpHeaders } from 'node:http';
import { SIGNING_SECRET, TEAM } from './system.ts';

/** An answer that never comes is the sender's to give up on. */
const ANSWER_WITHIN_MS = 30_000;

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

/** A request with whatever headers; one that Node itself refuses to send is none. */
export async function sendRaw(
  url: string,
  { method, headers, body }: { method: string; headers: Record<string, string>; body: string },
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    try {
      const sent = request(url, { method, headers, timeout: ANSWER_WITHIN_MS, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        const end = (): void => {
          const { statusCode: status = 0, headers: answered } = response;
          resolve({ status, headers: answered, body: Buffer.concat(chunks).toString() });
        };
        response.on('end', end).on('error', end);
      });
      sent
        .on('timeout', () => sent.destroy())
        .on('error', () => {
          resolve(undefined);
        });
      sent.end(body);
    } catch {
      resolve(undefined);
    }
  });
}

export function sendMessage(url: string, apiKey: string, body: unknown): Promise<Answer | undefined> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  return sendRaw(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

export function sendSlackEvent(
  baseUrl: string,
  eventId: string,
  event: unknown,
): Promise<Answer | undefined> {
  const body = JSON.stringify({ type: 'event_callback', team_id: TEAM, event_id: eventId, event });
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signed = createHmac('sha256', SIGNING_SECRET).update(`v0:${timestamp}:${body}`).digest('hex');
  const headers = {
    'content-type': 'application/json',
    'x-slack-request-timestamp': timestamp,
    'x-slack-signature': `v0=${signed}`,
  };
  return sendRaw(`${baseUrl}/slack/events`, { method: 'POST', headers, body });
}
