/** Temporal's own server, as production runs it. */
import path from 'node:path';
import { goFolder } from './go-install.ts';
import { findOnPath } from './paths.ts';
import type { ProvisionContext } from './provision.ts';

/** That of the dev server, so that the two can be compared. compose.cluster.yml has the same. */
export const SERVER_VERSION = '1.32.0';

const INSTEAD =
  'install Go 1.26.8 or newer, or put temporal-server and temporal-sql-tool on PATH, or set TEMPORAL_ADDRESS';

const PROGRAM = {
  title: `Temporal's server ${SERVER_VERSION}`,
  name: `temporal-server-${SERVER_VERSION}`,
  commands: {
    server: `go.temporal.io/server/cmd/server@v${SERVER_VERSION}`,
    sql: `go.temporal.io/server/cmd/tools/sql@v${SERVER_VERSION}`,
  },
};

export type ServerBinaries = { server: string; sqlTool: string };

/**
 * `temporal-server` and `temporal-sql-tool` on PATH, else built.
 * @throws StackError when there is no Go, or the build fails.
 */
export async function findServer(context: ProvisionContext): Promise<ServerBinaries> {
  const [server] = findOnPath(['temporal-server'], context.env);
  const [sqlTool] = findOnPath(['temporal-sql-tool'], context.env);
  if (server && sqlTool) return { server, sqlTool };
  const folder = await goFolder(context, PROGRAM, INSTEAD);
  return { server: path.join(folder, 'server'), sqlTool: path.join(folder, 'sql') };
}
