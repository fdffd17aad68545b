/**
 * Temporal's own server, as production runs it: persistence and visibility in a Postgres of its own. Nobody
 * publishes its binaries as a package, so they are built from the Go module once and kept by their version.
 */
import fs from 'node:fs';
import path from 'node:path';
import { cachedFolder, type ProvisionContext } from './provision.ts';
import { plainEnvironment } from './plain-environment.mjs';
import { findOnPath } from './paths.ts';
import { StackError, step } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

/** The dev server's of the same release, so that the two can be compared. compose.cluster.yml has the same. */
export const SERVER_VERSION = '1.32.0';

const INSTEAD =
  'install Go 1.26.8 or newer, or put temporal-server and temporal-sql-tool on PATH, or set TEMPORAL_ADDRESS';

/** What `go install` calls each, in the folder that it writes. */
const PACKAGES = {
  server: `go.temporal.io/server/cmd/server@v${SERVER_VERSION}`,
  sql: `go.temporal.io/server/cmd/tools/sql@v${SERVER_VERSION}`,
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
  const folder = await cachedFolder(context, `temporal-server-${SERVER_VERSION}`, (scratch) =>
    step(context.log, `building Temporal's server ${SERVER_VERSION} (several minutes, once)`, () =>
      build(context, scratch),
    ),
  );
  return { server: path.join(folder, 'server'), sqlTool: path.join(folder, 'sql') };
}

async function build(context: ProvisionContext, target: string): Promise<void> {
  const [go] = findOnPath(['go'], context.env, ['/usr/local/go/bin']);
  if (!go) throw new StackError(`Temporal's server can't be built without Go: ${INSTEAD}`);
  const env = {
    ...plainEnvironment(context.env, (name) => /^(GO\w+|CGO_ENABLED)$/.test(name)),
    // The shell's own flags may be for another module (`-mod=vendor`).
    GOFLAGS: '-mod=mod',
    GOBIN: target,
  };
  for (const wanted of Object.values(PACKAGES)) {
    // Without the symbols for a debugger, which are a third of the 210 MB.
    const args = ['install', '-ldflags=-s -w', wanted];
    const result = await runCommand(go, args, { env, cwd: target, signal: context.signal });
    if (result.code !== 0) {
      throw new StackError(`Temporal's server can't be built: ${INSTEAD} (${lastLine(result.output)})`);
    }
  }
  for (const name of Object.keys(PACKAGES)) {
    if (!fs.existsSync(path.join(target, name))) throw new StackError(`go install has left no ${name}`);
  }
}
