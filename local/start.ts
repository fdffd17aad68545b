// `npm start [-- --cluster]`: runs all of Konstruct on this machine: backing
// services, migrations, a demo tenant, API and worker.
import path from 'node:path';
import { migrationConfig } from '../src/config/index.ts';
import { buildConsole } from './console.ts';
import { serveCodec, type CodecEndpoint } from './codec-endpoint.ts';
import { ensureDemoTenant } from './demo.ts';
import type { Demo } from './demo.ts';
import { migrate } from '../cli/migrate.ts';
import { baseUrlOf } from '../src/lib/address.ts';
import { prepareNamespace } from '../src/temporal/namespace.ts';
import { scheduleSweep } from '../src/temporal/schedules.ts';
import { superviseService } from './stack/applications.ts';
import { encryption } from '../src/config/encryption.ts';
import { parse } from '../src/config/variables.ts';
import { forLocalTemporal, homeDirectory } from '../src/config/installation.ts';
import { writePids, writeStackEnv } from './stack/home-files.ts';
import { StackError, startStack } from './stack/index.ts';
import type { StackUrls } from './stack/index.ts';
import { clusterOption } from './stack/cluster-option.ts';
import { choosePorts, requireFreePort } from './stack/ports.ts';
import { reasonOf, step } from './stack/report.ts';
import { loadSecrets } from './stack/secrets.ts';
import { startSettings } from './stack/settings.ts';
import { runUntilStopped } from './stack/run-until-stopped.ts';

const ownTemporal = !process.env['TEMPORAL_ADDRESS'];
const env = ownTemporal ? forLocalTemporal(process.env) : process.env;
const home = homeDirectory(env);
const cluster = clusterOption();
const { namespace, host, port: wantedPort, operatorToken } = startSettings(env);
const log = (line: string): void => void process.stderr.write(line + '\n');

await runUntilStopped(async (onHandle) => {
  let port = 0;
  const stack = await startStack({
    home,
    want: ['postgres', 'redis', 'temporal', 'model', 'llm'],
    cluster,
    namespaces: [namespace],
    env,
    onHandle,
    onPids: (pids) => writePids(home, pids),
    beforeStart: async () => {
      port = await requireFreePort('PORT', wantedPort, host);
    },
  });
  const baseUrl = baseUrlOf(host, port);
  await step(log, 'building the console', buildConsole).catch((error: unknown) => {
    log(`  the console can't be built, all else goes on: ${reasonOf(error)}`);
  });
  await step(log, 'migrating', () => migrateAll(stack.urls));
  const { DATABASE_URL: databaseUrl = '', DATABASE_OPERATOR_URL: operatorDatabaseUrl } = stack.urls;
  if (!operatorDatabaseUrl) {
    throw new StackError(
      'DATABASE_URL is set, and neither DATABASE_OPERATOR_URL nor DATABASE_ADMIN_URL is: set one of them, since ' +
        'the demo tenant is made by the role konstruct_operator',
    );
  }
  const demo = await ensureDemoTenant({ databaseUrl, operatorDatabaseUrl, home, baseUrl });
  writeStackEnv(home, stack.urls);
  await step(log, 'starting worker and API', () =>
    superviseService(stack, { home, env: { ...slackBinding(demo), ...env }, port }),
  );
  process.stdout.write(announcement(stack.urls, demo, await startCodec(stack.urls)));
});

/** Binds the workspace of SLACK_BOT_TOKEN to the demo tenant, unless the environment names another tenant. */
function slackBinding(demo: Demo): NodeJS.ProcessEnv {
  return { KONSTRUCT_SLACK_TENANT_ID: demo.tenantId, KONSTRUCT_SLACK_AGENT_ID: demo.agentId };
}

/**
 * Migrates the database and the Temporal namespace. With DATABASE_URL but no DATABASE_ADMIN_URL the user
 * manages the schema; the local Temporal still needs its search attributes.
 */
async function migrateAll(urls: StackUrls): Promise<void> {
  try {
    if (urls.DATABASE_ADMIN_URL)
      await migrate({ ...migrationConfig({ ...env, ...urls }), log: (line) => log(`  ${line}`) });
    else if (ownTemporal && urls.TEMPORAL_ADDRESS) {
      const temporal = { address: urls.TEMPORAL_ADDRESS, namespace };
      await prepareNamespace(temporal);
      await scheduleSweep(temporal);
    }
  } catch (error) {
    throw new StackError(`the migration failed: ${reasonOf(error)}`);
  }
}

/** Lets the operator read in the Web UI and the CLI what is encrypted. Ends with this process. */
async function startCodec(urls: StackUrls): Promise<CodecEndpoint> {
  const { codec } = await choosePorts(home, ['codec']);
  return serveCodec({
    keys: parse({ encryption }, urls).encryption.keys,
    operatorToken: operatorToken ?? loadSecrets(home).operatorToken,
    uiOrigin: urls.TEMPORAL_UI_URL,
    port: codec,
  });
}

function announcement(urls: StackUrls, demo: Demo, codec: CodecEndpoint): string {
  const body = JSON.stringify({
    userId: 'ben',
    text: 'Hi, I am Ben. My favourite tea is Darjeeling. What is yours?',
  });
  const webUi = urls.TEMPORAL_UI_URL ?? 'that of your Temporal';
  return [
    '',
    `Konstruct is running: API ${demo.baseUrl} · Temporal Web UI ${webUi} · logs ${path.join(home, 'logs')}`,
    `Histories are encrypted; docs/PRIVACY.md says how to read them through ${codec.url}`,
    '',
    `The console is at ${demo.baseUrl}/console/ – sign in with the demo's key:`,
    '',
    `  ${demo.apiKey}`,
    '',
    'Or say something to the demo agent by yourself (Ctrl-C here stops everything):',
    '',
    `  curl -s ${demo.baseUrl}/v1/agents/${demo.agentId}/messages \\`,
    `    -H 'Authorization: Bearer ${demo.apiKey}' \\`,
    `    -H 'Content-Type: application/json' -H 'Prefer: wait=60' \\`,
    `    -d '${body}'`,
    '',
    '',
  ].join('\n');
}
