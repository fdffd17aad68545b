import type { Role } from '../../domain/conversation.ts';

/** A row of `conversation_embeddings`, as whole exchanges are read. `vector` is what `vector_send` gives. */
export type MessageRow = {
  id: string;
  exchange_id: string;
  role: Role;
  content: string;
  created_at: Date;
  vector: Buffer;
};

/** A row of `exchange_passages`. Its vector is that of `embedding::vector`. */
export type PassageRow = {
  exchange_id: string;
  version: number;
  user_memory: string | null;
  reply_memory: string | null;
  user_from: number;
  user_to: number;
  reply_from: number;
  reply_to: number;
  vector: Buffer;
};
