/** Poolers that give a server connection to another client after each transaction. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { findProgram, PGBOUNCER } from '../../local/stack/distribution.ts';
import { unprivilegedAccount } from '../../local/stack/paths.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { eventually } from './eventually.ts';

export type Pooler = { url: string; stop(): Promise<void> };

/** Where PgBouncer is; undefined where it is not installed. */
export const pgBouncer: string | undefined = findProgram(PGBOUNCER, process.env);

/** PgBouncer in transaction mode, with few server connections. */
export async function startPgBouncer(databaseUrl: string, file: string): Promise<Pooler> {
  const { hostname, port, pathname, username, password } = new URL(databaseUrl);
  const listenPort = await freePort();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-pgbouncer-'));
  await chmod(folder, 0o755);
  const database = pathname.slice(1);
  const settings = path.join(folder, 'pgbouncer.ini');
  await writeFile(
    settings,
    `[databases]
${database} = host=${hostname} port=${port} dbname=${database} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`,
  );
  // PgBouncer refuses to run as root.
  const child = spawn(file, [settings], { stdio: 'ignore', ...unprivilegedAccount() });
  const ended = once(child, 'exit');
  const canConnect = async () => {
    const socket = connect(listenPort, '127.0.0.1');
    return once(socket, 'connect').then(
      () => (socket.destroy(), true),
      () => false,
    );
  };
  await eventually(canConnect);
  return {
    url: Object.assign(new URL(databaseUrl), { host: `127.0.0.1:${listenPort}` }).href,
    async stop() {
      child.kill('SIGINT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What PgBouncer 1.18 takes at the start of a session. */
const KNOWN_PARAMETERS = new Set([
  ...['user', 'database', 'client_encoding', 'datestyle', 'timezone', 'standard_conforming_strings'],
  'application_name',
]);

/**
 * A stand-in for PgBouncer without named statements: it refuses what it doesn't know at the start of a
 * session, and forgets all prepared statements at the end of each transaction.
 */
export async function startForgetfulPooler(databaseUrl: string): Promise<Pooler> {
  const { hostname, port } = new URL(databaseUrl);
  const server = createServer((client) => void forward(client, connect(Number(port), hostname)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: Object.assign(new URL(databaseUrl), {
      host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    }).href,
    async stop() {
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(client: Socket, postgres: Socket): void {
  for (const [one, other] of [
    [client, postgres],
    [postgres, client],
  ] as const) {
    one.on('error', () => undefined);
    one.once('close', () => other.destroy());
  }
  let isBegun = false;
  client.on('data', (chunk) => {
    if (!isBegun) {
      isBegun = true;
      const unknown = parametersOf(chunk).find((name) => !KNOWN_PARAMETERS.has(name.toLowerCase()));
      if (unknown !== undefined) {
        client.end(errorMessage('08P01', `unsupported startup parameter: ${unknown}`));
        return;
      }
    }
    postgres.write(chunk);
  });

  let isForgetting = false;
  let unread: Buffer = Buffer.alloc(0);
  postgres.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 5 && unread.length > unread.readUInt32BE(1)) {
      const message = unread.subarray(0, unread.readUInt32BE(1) + 1);
      unread = unread.subarray(message.length);
      const endsTransaction = message[0] === READY && message[5] === IDLE;
      if (endsTransaction && !isForgetting) {
        isForgetting = true;
        postgres.write(queryMessage('DEALLOCATE ALL'));
      } else if (endsTransaction) {
        isForgetting = false;
        client.write(message);
      } else if (!isForgetting) client.write(message);
    }
  });
}

const READY = 'Z'.charCodeAt(0);
const IDLE = 'I'.charCodeAt(0);

/** The names of the parameters in a startup message: length, version, then pairs of texts ended by zero. */
function parametersOf(message: Buffer): string[] {
  const texts = message.subarray(8).toString('utf8').split('\0');
  return texts.filter((text, i) => i % 2 === 0 && text !== '');
}

function queryMessage(sql: string): Buffer {
  return typed('Q', Buffer.from(`${sql}\0`));
}

function errorMessage(code: string, text: string): Buffer {
  return typed('E', Buffer.from(`SFATAL\0C${code}\0M${text}\0\0`));
}

function typed(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
