import { z } from 'zod';
import { text } from './variables.ts';

const TITLE = 'Postgres';

export const database = z
  .object({
    DATABASE_URL: text.meta({
      description:
        'Postgres with pgvector, as the role `konstruct_app`, which sees one tenant at a time. It may lead to ' +
        'a pooler. TLS: `?sslmode=verify-full&sslrootcert=/path/ca.pem`',
      cure: 'postgres://konstruct_app:…@host:5432/konstruct, or use npm start, which starts a database',
    }),
  })
  .meta({ title: TITLE })
  .transform((read) => ({ databaseUrl: read.DATABASE_URL }));

/** The administrator's way in; API and worker never see it. */
export const databaseAdmin = z
  .object({
    DATABASE_ADMIN_URL: text.meta({
      description:
        'The same database, past any pooler, as a superuser; where pgvector exists already, as its owner ' +
        'with CREATEROLE. Migration makes the schema, the role of `DATABASE_URL` and its password',
      cure: 'the URL of an administrator of that database, for migrations only',
    }),
  })
  .meta({ title: TITLE })
  .transform((read) => ({ databaseAdminUrl: read.DATABASE_ADMIN_URL }));
