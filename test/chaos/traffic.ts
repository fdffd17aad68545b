/** Sends a plan's messages and erasures, as a client does that wants each of them taken. */
import { setTimeout as delay } from 'node:timers/promises';
import type { PlannedErasure, PlannedMessage } from './plan.ts';

/** A scope, with the API key for its messages. */
export type ChaosScope = { tenantId: string; agentId: string; userId: string; apiKey: string };

/** A message that was acknowledged. */
export type Accepted = { message: PlannedMessage; scope: ChaosScope; messageId: string; workflowId: string };

/** A request to forget a scope that was acknowledged. */
export type AcceptedErasure = { scope: ChaosScope; erasureId: string };

export type Traffic = {
  accepted: Accepted[];
  erasures: AcceptedErasure[];
  /** Requests made for messages, repeated ones included. */
  requests: number;
  /** Answers that were neither a 202 nor a request to retry (429, 503). */
  wrongAnswers: string[];
};

type Sending = { baseUrl: string; scopes: readonly ChaosScope[]; startedAt: number; giveUpAt: number };

/** Longer than the API's own time limit of 2 s, so that the API's answer arrives. */
const REQUEST_TIMEOUT_MS = 6_000;
const MIN_RETRY_DELAY_MS = 200;
const MAX_RETRY_DELAY_MS = 3_000;

/**
 * Sends everything at its time, and repeats it until it is acknowledged, as Slack and careful clients do.
 */
export async function sendAll(
  { messages, erasures }: { messages: readonly PlannedMessage[]; erasures: readonly PlannedErasure[] },
  options: Sending,
): Promise<Traffic> {
  const traffic: Traffic = { accepted: [], erasures: [], requests: 0, wrongAnswers: [] };
  await Promise.all([
    ...erasures.map(async (erasure) => {
      const scope = options.scopes[erasure.scope];
      if (!scope) throw new Error(`no scope number ${erasure.scope}`);
      await delay(options.startedAt + erasure.atMs - Date.now());
      const what = `erasure of scope ${erasure.scope}`;
      const taken = await untilTaken<{ erasureId: string }>(
        what,
        () => forget(options, scope),
        options,
        traffic,
      );
      if (taken) traffic.erasures.push({ scope, erasureId: taken.erasureId });
    }),
    ...messages.map(async (message) => {
      const scope = options.scopes[message.scope];
      if (!scope) throw new Error(`no scope number ${message.scope}`);
      await delay(options.startedAt + message.atMs - Date.now());
      const deliveries = Array.from({ length: message.deliveries }, () =>
        deliver(message, scope, options, traffic),
      );
      const [first, second] = await Promise.all(deliveries);
      if (!first) return;
      if (second && second.messageId !== first.messageId)
        traffic.wrongAnswers.push(`${message.key}: two deliveries were accepted as two messages`);
      traffic.accepted.push({ message, scope, ...first });
    }),
  ]);
  return traffic;
}

type Acknowledged = { messageId: string; workflowId: string };

function deliver(
  message: PlannedMessage,
  scope: ChaosScope,
  options: Sending,
  traffic: Traffic,
): Promise<Acknowledged | undefined> {
  const send = () => {
    traffic.requests += 1;
    return post(options.baseUrl, message, scope);
  };
  return untilTaken<Acknowledged>(message.key, send, options, traffic);
}

async function untilTaken<T>(
  what: string,
  send: () => Promise<Response>,
  { giveUpAt }: Sending,
  traffic: Traffic,
): Promise<T | undefined> {
  let delayMs = MIN_RETRY_DELAY_MS;
  while (Date.now() < giveUpAt) {
    const answer = await send().catch(() => undefined);
    if (answer?.status === 202) return (await answer.json()) as T;
    if (answer && answer.status !== 503 && answer.status !== 429)
      traffic.wrongAnswers.push(`${what}: ${answer.status} ${await answer.text()}`);
    else await answer?.body?.cancel();
    await delay(delayMs);
    delayMs = Math.min(delayMs * 2, MAX_RETRY_DELAY_MS);
  }
  return undefined;
}

function forget({ baseUrl }: Sending, { agentId, userId, apiKey }: ChaosScope): Promise<Response> {
  return fetch(`${baseUrl}/v1/agents/${agentId}/users/${encodeURIComponent(userId)}/memory`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${apiKey}` },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
}

function post(baseUrl: string, message: PlannedMessage, scope: ChaosScope): Promise<Response> {
  return fetch(`${baseUrl}/v1/agents/${scope.agentId}/messages`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${scope.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': message.key,
    },
    body: JSON.stringify({ userId: scope.userId, text: message.text }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
}
