import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { writePrivate } from './paths.ts';

const secret = z.string().min(1);
const schema = z.object({ postgresAdmin: secret, postgresApp: secret, redis: secret, operatorToken: secret });

/** Generated once per home and kept in `<home>/secrets.json`, readable by the owner alone. */
export type Secrets = z.infer<typeof schema>;

/** Reads the home's secrets, making those that are missing. */
export function loadSecrets(home: string): Secrets {
  const file = path.join(home, 'secrets.json');
  const kept: { [Name in keyof Secrets]?: string | undefined } = fs.existsSync(file)
    ? schema.partial().parse(JSON.parse(fs.readFileSync(file, 'utf8')))
    : {};
  // Hex: needs no escaping in a URL, a shell or an SQL literal.
  const make = (): string => randomBytes(24).toString('hex');
  const secrets = {
    postgresAdmin: kept.postgresAdmin ?? make(),
    postgresApp: kept.postgresApp ?? make(),
    redis: kept.redis ?? make(),
    operatorToken: kept.operatorToken ?? make(),
  };
  if (Object.keys(kept).length < Object.keys(secrets).length) {
    writePrivate(file, JSON.stringify(secrets, null, 2) + '\n');
  }
  return secrets;
}
