import { z } from 'zod';
import { text } from './variables.ts';

const TITLE = 'Postgres';

/** What a role's URL looks like, for a cure. */
export const urlOf = (user: string): string => `postgres://${user}:…@host:5432/konstruct`;

/** A malformed one is named and not repeated: it holds a password. */
const postgresUrl = (user: string) =>
  text.refine(
    (value) => /^postgres(ql)?:$/.test(URL.parse(value)?.protocol ?? ''),
    `is no URL of Postgres (set it to ${urlOf(user)})`,
  );

const serviceUrl = postgresUrl('konstruct_app').meta({
  description:
    'Postgres with pgvector, as the process’s own role, `konstruct_api` or `konstruct_worker`, or as ' +
    '`konstruct_app`, which may what both may. Each sees one tenant at a time. It may lead to a pooler. ' +
    'TLS: `?sslmode=verify-full&sslrootcert=/path/ca.pem`',
  cure: `${urlOf('konstruct_app')}, or use npm start, which starts a database`,
});

export const database = z
  .object({ DATABASE_URL: serviceUrl })
  .meta({ title: TITLE })
  .transform((read) => ({ databaseUrl: read.DATABASE_URL }));

export const operatorDatabaseUrl = postgresUrl('konstruct_operator')
  .optional()
  .meta({
    description:
      'The same database as `konstruct_operator`, the only role that writes tenants and API keys. The API needs ' +
      'it with `KONSTRUCT_OPERATOR_TOKEN`',
    cure: urlOf('konstruct_operator'),
  });

/** The administrator's way in, and the roles whose passwords it sets; API and worker never see it. */
export const databaseAdmin = z
  .object({
    DATABASE_ADMIN_URL: postgresUrl('postgres').meta({
      description:
        'The same database, past any pooler, as a superuser; where pgvector exists already, as its owner ' +
        'with CREATEROLE. Migration makes the schema and the roles, and gives each the password that stands ' +
        'in its URL',
      cure: 'the URL of an administrator of that database, for migrations only',
    }),
    DATABASE_URL: serviceUrl.optional(),
    DATABASE_API_URL: postgresUrl('konstruct_api')
      .optional()
      .meta({
        description: 'What the API has as its `DATABASE_URL`, where it has a role of its own',
        cure: urlOf('konstruct_api'),
      }),
    DATABASE_WORKER_URL: postgresUrl('konstruct_worker')
      .optional()
      .meta({
        description: 'What the worker has as its `DATABASE_URL`, where it has a role of its own',
        cure: urlOf('konstruct_worker'),
      }),
    DATABASE_OPERATOR_URL: operatorDatabaseUrl,
  })
  .meta({ title: TITLE })
  .transform((read, { issues }) => {
    const { DATABASE_ADMIN_URL: databaseAdminUrl, DATABASE_URL: shared, ...own } = read;
    if (shared === undefined && !(own.DATABASE_API_URL && own.DATABASE_WORKER_URL)) {
      issues.push({ code: 'invalid_type', expected: 'string', input: undefined, path: ['DATABASE_URL'] });
      return z.NEVER;
    }
    const serviceUrls = [shared, ...Object.values(own)].filter((url) => url !== undefined);
    return { databaseAdminUrl, serviceUrls };
  });
