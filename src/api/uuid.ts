import { validate } from 'uuid';

/**
 * An id of ours as it is written everywhere, in lower case; undefined for what can't be one, which is simply
 * not found. Keys of Redis and ids of workflows are made of ids: one agent must not have two.
 */
export function toUuid(value: string): string | undefined {
  return validate(value) ? value.toLowerCase() : undefined;
}
