import { z } from 'zod';
import { mostPlaces } from '../lib/shares.ts';
import { count, text } from './variables.ts';

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

/**
 * In an API for what comes before a tenant is known: keys that are looked up (`src/api/key-lookup.ts`). In a
 * worker for what a tenant must not keep waiting: questions to the ledger (`src/db/ask-ledger.ts`).
 */
const OF_NO_TENANT = 3;
/** With fewer there would be room for one tenant at a time. */
const FEWEST_CONNECTIONS = 6;
/** What the operator's calls take beside them in the API: they are rare. */
export const OPERATOR_CONNECTIONS = 2;

/** How many connections a process holds at most, and how many of them for a tenant that is alone. */
export const connections = z
  .object({
    DATABASE_CONNECTIONS: count
      .min(FEWEST_CONNECTIONS, `is less than ${FEWEST_CONNECTIONS}`)
      .default(20)
      .meta({
        description:
          `Connections to Postgres that one process holds at most; the API ${OPERATOR_CONNECTIONS} more with ` +
          '`KONSTRUCT_OPERATOR_TOKEN`. What Postgres gives must do for the processes together ' +
          '([how many](DEPLOYMENT.md#how-many-connections)). A tenant that is alone holds a third of them',
        cure: `a whole number from ${FEWEST_CONNECTIONS} on`,
      }),
  })
  .meta({ title: TITLE })
  .transform((read) => ({
    max: read.DATABASE_CONNECTIONS,
    ofOneTenant: largestShare(read.DATABASE_CONNECTIONS - OF_NO_TENANT),
  }));

/** The largest limit with which tenants, however many there are, hold so many connections at most. */
function largestShare(most: number): number {
  let share = 1;
  while (mostPlaces(share + 1) <= most) share += 1;
  return share;
}

/** What the doctor alone compares with what Postgres gives. */
export const allConnections = z
  .object({
    DATABASE_MAX_CONNECTIONS: count.optional().meta({
      description:
        'What all processes together are sized for; the doctor compares it with what Postgres gives. The ' +
        'chart sets it to its `postgres.maxConnections`',
      cure: '`max_connections` of Postgres less what it reserves and what others use',
      unset: 'the doctor says how many processes there may be',
    }),
  })
  .meta({ title: TITLE })
  .transform((read) => ({ maxConnections: read.DATABASE_MAX_CONNECTIONS }));

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
