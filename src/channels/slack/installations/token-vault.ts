/** Slack's tokens as Postgres keeps them: encrypted with the installation's key ring, a key a tenant. */
import { decrypt, deriveKey, encrypt } from '../../../lib/encrypt.ts';
import type { KeyRing } from '../../../config/index.ts';

/** Whose token it is: a token that was put into another row opens nowhere. */
type Owner = { tenantId: string; id: string };

/** An encrypted token, and the id of the ring's key that opens it. */
export type SealedToken = { keyId: string; bytes: Buffer };

export type TokenVault = {
  /** The id of the key that seals; undefined when the ring has none, and nothing can be sealed. */
  currentKey: string | undefined;
  seal(owner: Owner, token: string): SealedToken;
  /** Undefined when no key of the ring opens it. */
  open(owner: Owner, sealed: SealedToken): string | undefined;
};

export function createTokenVault({ encrypt: current, decrypt: keys }: KeyRing): TokenVault {
  const keyOf = (keyId: string, { tenantId }: Owner): Uint8Array | undefined => {
    const ringKey = keys.get(keyId);
    return ringKey && deriveKey(ringKey.secret, `konstruct slack tokens of ${tenantId}`);
  };
  const labelOf = (keyId: string, { tenantId, id }: Owner) => ['slack token', keyId, tenantId, id].join('\0');
  return {
    currentKey: current?.id,
    seal(owner, token) {
      const key = current && keyOf(current.id, owner);
      if (!key) throw new Error('without KONSTRUCT_ENCRYPTION_KEYS no token of Slack is kept');
      const label = labelOf(current.id, owner);
      return { keyId: current.id, bytes: Buffer.from(encrypt(key, Buffer.from(token), label)) };
    },
    open(owner, { keyId, bytes }) {
      const key = keyOf(keyId, owner);
      const text = key && decrypt(key, bytes, labelOf(keyId, owner));
      return text && Buffer.from(text).toString('utf8');
    },
  };
}
