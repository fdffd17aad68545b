import { v5 as namedUuid } from 'uuid';
import type { Role } from '../../domain/conversation.ts';

/** The id of a turn's memory in `conversation_embeddings`. Derived, so that a retry stores nothing twice. */
export function memoryId(role: Role, exchangeId: string): string {
  return namedUuid(role, exchangeId);
}
