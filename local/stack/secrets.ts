import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { writePrivate } from './paths.ts';

const secret = z.string().min(1);
const schema = z.object({ postgresAdmin: secret, postgresApp: secret, redis: secret, operatorToken: secret });

/** Generated once per home and stored in `<home>/secrets.json`, which only the owner can read. */
export type Secrets = z.infer<typeof schema>;

/** Reads the home's secrets and generates the missing ones. */
export function loadSecrets(home: string): Secrets {
  const file = path.join(home, 'secrets.json');
  const existing: { [Name in keyof Secrets]?: string | undefined } = fs.existsSync(file)
    ? schema.partial().parse(JSON.parse(fs.readFileSync(file, 'utf8')))
    : {};
  // Hexadecimal needs no escaping in a URL, a shell or an SQL literal.
  const make = (): string => randomBytes(24).toString('hex');
  const secrets = {
    postgresAdmin: existing.postgresAdmin ?? make(),
    postgresApp: existing.postgresApp ?? make(),
    redis: existing.redis ?? make(),
    operatorToken: existing.operatorToken ?? make(),
  };
  if (Object.keys(existing).length < Object.keys(secrets).length) {
    writePrivate(file, JSON.stringify(secrets, null, 2) + '\n');
  }
  return secrets;
}
