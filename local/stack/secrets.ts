import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { writePrivate } from './paths.ts';

const secret = z.string().min(1);
const NAMES = [
  'postgresAdmin',
  'postgresApp',
  'postgresApi',
  'postgresWorker',
  'postgresOperator',
  'temporalPostgres',
  'redis',
  'operatorToken',
  /** A key ring, as KONSTRUCT_ENCRYPTION_KEYS has it. To change keys, edit it here. */
  'encryptionKeys',
] as const;
const schema = z.record(z.enum(NAMES), secret);

/** Generated once per home and stored in `<home>/secrets.json`, which only the owner can read. */
export type Secrets = z.infer<typeof schema>;

/** Reads the home's secrets and generates the missing ones. */
export function loadSecrets(home: string): Secrets {
  const file = path.join(home, 'secrets.json');
  const existing = fs.existsSync(file)
    ? z.partialRecord(z.enum(NAMES), secret).parse(JSON.parse(fs.readFileSync(file, 'utf8')))
    : {};
  // Hexadecimal needs no escaping in a URL, a shell or an SQL literal.
  const make = (): string => randomBytes(24).toString('hex');
  const makeFor = (name: (typeof NAMES)[number]): string =>
    name === 'encryptionKeys' ? `local:${randomBytes(32).toString('base64')}` : make();
  const secrets = schema.parse(
    Object.fromEntries(NAMES.map((name) => [name, existing[name] ?? makeFor(name)])),
  );
  if (Object.keys(existing).length < NAMES.length) {
    writePrivate(file, JSON.stringify(secrets, null, 2) + '\n');
  }
  return secrets;
}
