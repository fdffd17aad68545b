/** Requests to the HTTP API, as one tenant's application makes them. */
import { randomUUID } from 'node:crypto';
import { expectDocumented } from './api-description.ts';

export type Answer = { status: number; headers: Headers; body: Record<string, unknown> };

export type ApiClient = {
  /** A request with the tenant's key; a string body is sent as it is. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Sends a message to the agent, once. */
  postMessage(userId: string, text: string, headers?: Record<string, string>): Promise<Answer>;
  /** What the agent remembers of a user: window and memories. */
  memoryOf(userId: string, query?: string): Promise<Answer>;
  /** Sends a message until it is taken, and waits for the reply. */
  say(text: string, options?: { userId?: string; headers?: Record<string, string> }): Promise<Answer>;
};

export function createApiClient({
  baseUrl,
  apiKey,
  agentId,
}: {
  baseUrl: string;
  apiKey: string;
  agentId: string;
}): ApiClient {
  const request: ApiClient['request'] = async (method, path, body, headers = {}) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    expectDocumented({ method, path, response, text });
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    const parsed = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: response.status, headers: response.headers, body: parsed };
  };
  const postMessage: ApiClient['postMessage'] = (userId, text, headers) =>
    request('POST', `/v1/agents/${agentId}/messages`, { userId, text }, headers);
  return {
    request,
    postMessage,
    memoryOf: (userId, query = '') =>
      request('GET', `/v1/agents/${agentId}/users/${encodeURIComponent(userId)}/memory${query}`),
    say(text, { userId = 'ada', headers = {} } = {}) {
      const keyed = { prefer: 'wait=60', 'idempotency-key': `say-${randomUUID()}`, ...headers };
      return untilTaken(() => postMessage(userId, text, keyed));
    },
  };
}

/**
 * As senders do: told to come again on a machine under load, by a 503 or since their tenant has its share,
 * they send the very same request again.
 */
export async function untilTaken<T extends { status: number; body?: unknown }>(
  send: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const answer = await send();
    const { limit } = (answer.body ?? {}) as { limit?: unknown };
    if (answer.status === 429 && limit === 'share') await new Promise((resolve) => setTimeout(resolve, 200));
    else if (answer.status !== 503) return answer;
  }
}
