import { validate } from 'uuid';

/** Whether a path parameter can be an id of ours; what isn't is simply not found. */
export function isUuid(value: string): boolean {
  return validate(value);
}
