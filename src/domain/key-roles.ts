/**
 * What an API key may. `chat`: send messages, and read those that were sent with this key. `read`: read
 * everything and change nothing. `admin`: everything that a tenant may.
 */
export const KEY_ROLES = ['chat', 'read', 'admin'] as const;
export type KeyRole = (typeof KEY_ROLES)[number];
