import type { FoundApiKey } from '../db/api-keys.ts';
import type { LedgerTurn } from '../db/ledger.ts';
import type { HttpChannel, HttpMessage } from '../channels/http/index.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { AcceptMessage } from '../intake/accept-message.ts';
import { badField, maybeTaken, problemOf } from './problems.ts';

/** A message as a request has it, whichever door it came by. */
export type HttpRequestMessage = { agentId: string; body: unknown; idempotencyKey: string | undefined };

/** Takes a message that was sent with a key. Rejects with a Problem. */
export type AcceptHttp = (key: FoundApiKey, message: HttpRequestMessage) => Promise<LedgerTurn>;

/** Makes what all doors of the HTTP channel take messages by. */
export function createAcceptHttp({ http, accept }: { http: HttpChannel; accept: AcceptMessage }): AcceptHttp {
  const take = async (key: FoundApiKey, receiving: Promise<HttpMessage>): Promise<LedgerTurn> => {
    const deadline = Date.now() + ACCEPT_WITHIN_MS;
    const received = await receiving;
    if (received.kind === 'invalid') throw badField(received);
    const { message } = received;
    const taken = await accept({ ...message, apiKeyId: key.firstId }, { deadline });
    // Intake asks Temporal for nothing but the start.
    const isUnsure = taken.kind === 'unavailable' && taken.service === 'Temporal';
    if (isUnsure && message.dedupeKey === undefined) throw maybeTaken();
    if (taken.kind !== 'accepted') throw problemOf(taken);
    // Sent with another key before: its reply is that key's.
    if (!isOwn(key, taken.turn)) throw problemOf({ kind: 'key-reused' });
    return taken.turn;
  };
  // The body is read before anything is waited for: it may bring far more than the message.
  return (key, message) => take(key, http.receive({ tenantId: key.tenantId, ...message }));
}

/** Whether the key may see this message: one of the role `chat` sees what was sent with it. */
export const isOwn = ({ role, firstId }: FoundApiKey, turn: LedgerTurn): boolean =>
  role !== 'chat' || turn.apiKeyId === firstId;
