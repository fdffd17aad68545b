import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { writePrivate } from './paths.ts';

const NAMES = ['postgresAdmin', 'postgresApp', 'redis', 'operatorToken'] as const;

/** Generated once per home and kept in `<home>/secrets.json`, readable by the owner alone. */
export type Secrets = Record<(typeof NAMES)[number], string>;

/** Reads the home's secrets, making those that are missing. */
export function loadSecrets(home: string): Secrets {
  const file = path.join(home, 'secrets.json');
  const kept = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<Secrets>) : {};
  const missing = NAMES.filter((name) => typeof kept[name] !== 'string');
  // Hex: needs no escaping in a URL, a shell or an SQL literal.
  const made = Object.fromEntries(missing.map((name) => [name, randomBytes(24).toString('hex')]));
  const secrets = { ...kept, ...made } as Secrets;
  if (missing.length > 0) writePrivate(file, JSON.stringify(secrets, null, 2) + '\n');
  return secrets;
}
