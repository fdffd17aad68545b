import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { InboundMessage } from '../domain/conversation.ts';

const KEYS = {
  tenantId: defineSearchAttributeKey('TenantId', SearchAttributeType.KEYWORD),
  agentId: defineSearchAttributeKey('AgentId', SearchAttributeType.KEYWORD),
  userId: defineSearchAttributeKey('UserId', SearchAttributeType.KEYWORD),
  channel: defineSearchAttributeKey('Channel', SearchAttributeType.KEYWORD),
};

/**
 * Names of the search attributes that a namespace needs; all of type Keyword. An unregistered one refuses
 * every start.
 */
export const SEARCH_ATTRIBUTE_NAMES: readonly string[] = Object.values(KEYS).map(({ name }) => name);

/** The search attributes of a message's workflows. */
export function searchAttributesOf(message: InboundMessage): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: KEYS.tenantId, value: message.tenantId },
    { key: KEYS.agentId, value: message.agentId },
    { key: KEYS.userId, value: message.userId },
    { key: KEYS.channel, value: message.channel.name },
  ]);
}
