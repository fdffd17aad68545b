import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether two secrets are equal. Compares hashes, so neither time nor length tells anything of them. */
export function isSameSecret(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
