/** Where a process listens: any address or name of this machine, and what to say when it is none. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** `port` is named by the variable `setting`, `host` by HOST. */
export type ListenAddress = { host: string; port: number; setting: string };

/** Resolves once the server listens. Rejects with one line that says what to set. */
export async function listen(server: Server, address: ListenAddress): Promise<void> {
  server.listen({ port: address.port, host: withoutBrackets(address.host) });
  await once(server, 'listening').catch((error: unknown) => {
    throw new Error(problemOf(address, codeOf(error)), { cause: error });
  });
}

/** Why nobody can listen there now, in one line; undefined when one can. */
export async function listenProblem(address: ListenAddress): Promise<string | undefined> {
  const server = createServer();
  try {
    await listen(server, address);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/**
 * The URL at which this machine reaches what listens there: loopback stands for all addresses. Throws what is
 * wrong with `host`, in one line.
 */
export function localUrl(host: string, port: number): string {
  const bare = withoutBrackets(host);
  const url = URL.parse(`http://${bare.includes(':') ? `[${bare}]` : bare}`);
  if (!url || url.href !== `http://${url.hostname}/`) {
    throw new Error(`HOST=${host} is no address and no name: ${CURE}`);
  }
  return `http://${LOOPBACK_OF[url.hostname] ?? url.hostname}:${port}`;
}

const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' };
const CURE = 'set HOST to an address of this machine, 127.0.0.1 for itself alone, or 0.0.0.0 or :: for all';

/** IPv6 addresses have brackets in URLs, and none here. */
const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

function problemOf({ host, port, setting }: ListenAddress, code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use: stop what uses it, or set ${setting} to a free one`;
    case 'EACCES':
      return `port ${port} may not be used by this account: set ${setting} to one above 1023`;
    default:
      return `nothing can listen at HOST=${host} (${code}): ${CURE}`;
  }
}

const codeOf = (error: unknown): string =>
  Error.isError(error) && 'code' in error ? String(error.code) : String(error);
