/** The keys that encrypt what Konstruct writes into Temporal. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { text } from './variables.ts';

const KEYS = 'KONSTRUCT_ENCRYPTION_KEYS';
const HASH_USER_IDS = 'KONSTRUCT_HASH_USER_IDS';
const KEY_BYTES = 32;
/** The entry that stands for no encryption. */
const CLEAR = 'clear';
/** Shorter than a key in base64, so that a key can't pass for an id. */
const KEY_ID = /^[A-Za-z0-9._-]{1,32}$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const CURE = 'id:base64,… with 32 random bytes for each id (openssl rand -base64 32)';

/** A key and the id by which a payload names it. A KeyObject shows its bytes in no log and no JSON. */
export type RingKey = { id: string; secret: KeyObject };

/** The keys of an installation. */
export type KeyRing = {
  /** What encrypts; undefined: nothing is encrypted. */
  encrypt: RingKey | undefined;
  /** What decrypts, by id. */
  decrypt: ReadonlyMap<string, RingKey>;
  /** Whether what isn't encrypted is read too. */
  readsClear: boolean;
};

export type EncryptionConfig = { keys: KeyRing; hashUserIds: boolean };

/** Without keys: everything is written and read in clear. */
export const NO_KEYS: KeyRing = { encrypt: undefined, decrypt: new Map(), readsClear: true };

export const encryption = z
  .object({
    [KEYS]: text.optional().meta({
      description:
        'The key ring. The first entry encrypts, all decrypt. `clear` as an entry stands for no encryption',
      cure: CURE,
      unset: '`clear`; `npm start` makes a key',
    }),
    [HASH_USER_IDS]: z.stringbool().default(false).meta({
      description: 'Whether the search attribute `UserId` holds a keyed hash in place of the user’s id',
      cure: 'true or false',
    }),
  })
  .meta({
    title: 'Encryption',
    description:
      'API, worker and replay need the same ring. [PRIVACY](PRIVACY.md) says how keys are changed.',
  })
  .transform((read, { issues }): EncryptionConfig => {
    const ring = read[KEYS] === undefined ? NO_KEYS : parseRing(read[KEYS]);
    const complain = (name: string, message: string): void =>
      void issues.push({ code: 'custom', input: undefined, path: [name], message });
    if (typeof ring === 'string') {
      complain(KEYS, `${ring} (set it to ${CURE})`);
      return z.NEVER;
    }
    const hashUserIds = read[HASH_USER_IDS];
    if (hashUserIds && !ring.encrypt) complain(HASH_USER_IDS, `needs a key as the first entry of ${KEYS}`);
    return { keys: ring, hashUserIds };
  });

/** The ring, or what is wrong with it. Entries are named by place: even an id may be a key by mistake. */
function parseRing(written: string): KeyRing | string {
  const entries = written.split(',').map((entry) => entry.trim());
  const keys: (RingKey | typeof CLEAR)[] = [];
  for (const [index, entry] of entries.entries()) {
    const key = entry === CLEAR ? CLEAR : parseKey(entry);
    if (key === undefined)
      return `has an entry ${index + 1} that is not an id, a colon and a key of 32 bytes`;
    keys.push(key);
  }
  const named = keys.filter((key) => key !== CLEAR);
  const decrypt = new Map(named.map((key) => [key.id, key]));
  if (decrypt.size < named.length) return 'has two keys with the same id';
  const [first] = keys;
  return { encrypt: first === CLEAR ? undefined : first, decrypt, readsClear: keys.includes(CLEAR) };
}

function parseKey(entry: string): RingKey | undefined {
  const colon = entry.indexOf(':');
  const [id, base64] = [entry.slice(0, Math.max(colon, 0)), entry.slice(colon + 1)];
  if (!KEY_ID.test(id) || id === CLEAR || !BASE64.test(base64)) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === KEY_BYTES ? { id, secret: createSecretKey(bytes) } : undefined;
}
