import { v5 as namedUuid } from 'uuid';
import type { Role } from '../../domain/conversation.ts';

/**
 * The id of a turn's message in `conversation_embeddings`. It
 * is derived, so that a retry stores nothing twice.
 */
export function memoryId(role: Role, exchangeId: string): string {
  return namedUuid(role, exchangeId);
}
