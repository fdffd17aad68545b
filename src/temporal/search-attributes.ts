import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import { createHmac } from 'node:crypto';
import type { EncryptionConfig, RingKey } from '../config/index.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { deriveKey } from '../lib/encrypt.ts';

export const SEARCH_ATTRIBUTES = {
  tenantId: defineSearchAttributeKey('TenantId', SearchAttributeType.KEYWORD),
  agentId: defineSearchAttributeKey('AgentId', SearchAttributeType.KEYWORD),
  userId: defineSearchAttributeKey('UserId', SearchAttributeType.KEYWORD),
  channel: defineSearchAttributeKey('Channel', SearchAttributeType.KEYWORD),
};

/**
 * Names of the search attributes that a namespace needs; all of type Keyword. An unregistered one refuses
 * every start.
 */
export const SEARCH_ATTRIBUTE_NAMES: readonly string[] = Object.values(SEARCH_ATTRIBUTES).map(
  ({ name }) => name,
);

/**
 * What the search attribute `UserId` may hold for a user of a tenant, by the keys that a history can still be
 * of: the id, or where ids are hashed its hash with each key, the one that is written first.
 */
export function userIdsInSearch(
  { keys, hashUserIds }: EncryptionConfig,
  { tenantId, userId }: Pick<InboundMessage, 'tenantId' | 'userId'>,
): [string, ...string[]] {
  if (!hashUserIds || !keys.encrypt) return [userId];
  const hash = ({ secret }: RingKey): string =>
    createHmac('sha256', deriveKey(secret, `konstruct user ids of ${tenantId}`))
      .update(userId)
      .digest('base64url');
  const older = [...keys.decrypt.values()].filter((key) => key !== keys.encrypt);
  return [hash(keys.encrypt), ...older.map(hash)];
}

/** The search attributes of a message's workflows, in clear. `userId` is as others may read it. */
export function searchAttributesOf(
  message: InboundMessage,
  userId: string = message.userId,
): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: SEARCH_ATTRIBUTES.tenantId, value: message.tenantId },
    { key: SEARCH_ATTRIBUTES.agentId, value: message.agentId },
    { key: SEARCH_ATTRIBUTES.userId, value: userId },
    { key: SEARCH_ATTRIBUTES.channel, value: message.channel.name },
  ]);
}
