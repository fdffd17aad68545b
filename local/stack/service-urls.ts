import type { Secrets } from './secrets.ts';
import { StackError } from './report.ts';
import type { StackUrls } from './types.ts';

/** The URLs of a database for the service's own roles, to which the migrations give these passwords. */
export function makeServiceUrls(adminUrl: string, secrets: Secrets) {
  const admin = URL.parse(adminUrl);
  if (!admin) throw new StackError('DATABASE_ADMIN_URL is malformed: postgres://USER:PASSWORD@HOST/DATABASE');
  const as = (username: string, password: string): string =>
    Object.assign(new URL(admin), { username, password }).href;
  return {
    DATABASE_URL: as('konstruct_app', secrets.postgresApp),
    DATABASE_API_URL: as('konstruct_api', secrets.postgresApi),
    DATABASE_WORKER_URL: as('konstruct_worker', secrets.postgresWorker),
    DATABASE_OPERATOR_URL: as('konstruct_operator', secrets.postgresOperator),
  };
}

/** The URLs of the service's roles, whose passwords a migration sets. */
export function serviceUrlsOf(urls: StackUrls): string[] {
  const { DATABASE_URL, DATABASE_API_URL, DATABASE_WORKER_URL, DATABASE_OPERATOR_URL } = urls;
  return [DATABASE_URL, DATABASE_API_URL, DATABASE_WORKER_URL, DATABASE_OPERATOR_URL].filter(
    (url) => url !== undefined,
  );
}
