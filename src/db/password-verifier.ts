/**
 * What Postgres keeps of a password, computed here. Postgres writes the statement of every error into its
 * log, and one that sets a password would stand there with it: two migrations at once are enough.
 */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/** Postgres' own default: whoever has the verifier tries so many rounds for each guess. */
const ROUNDS = 4_096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * The verifier of SCRAM-SHA-256 (RFC 5802, RFC 7677) in Postgres' form, which a server stores as it is,
 * whatever its `password_encryption`. Another salt makes another one of the same password.
 */
export async function passwordVerifier(password: string, salt = randomBytes(SALT_BYTES)): Promise<string> {
  const salted = await promisify(pbkdf2)(prepared(password), salt, ROUNDS, KEY_BYTES, 'sha256');
  const keyFor = (use: string): Buffer => createHmac('sha256', salted).update(use).digest();
  const storedKey = createHash('sha256').update(keyFor('Client Key')).digest('base64');
  const serverKey = keyFor('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ROUNDS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

/**
 * As the driver prepares it at each login (SASLprep of RFC 4013, without its refusals), and Postgres itself:
 * else a password with an `é` of two characters would be another one here than there. Leaves ASCII as it is.
 */
function prepared(password: string): string {
  return password.replace(FOREIGN_SPACE, ' ').replace(MAPPED_TO_NOTHING, '').normalize('NFKC');
}

const FOREIGN_SPACE = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu;
const MAPPED_TO_NOTHING =
  /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/gu;
