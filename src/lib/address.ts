import { isIPv6 } from 'node:net';

/** Addresses that stand for all of a machine's, and one at which the machine reaches itself. */
const ALL_ADDRESSES: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** The URL at which this machine reaches a server that listens on `host`. */
export function baseUrlOf(host: string, port: number): string {
  const reached = ALL_ADDRESSES[host] ?? host;
  return `http://${isIPv6(reached) ? `[${reached}]` : reached}:${port}`;
}

/** What is wrong with `host` when nobody can listen on it; undefined for any other error. */
export function hostProblem(error: unknown, host: string): string | undefined {
  const code = Error.isError(error) && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRNOTAVAIL':
    // An IPv6 address where there is no IPv6.
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return `HOST=${host} is no address of this machine: set it to one, to 127.0.0.1 or to 0.0.0.0`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST=${host} is no name that this machine knows: set it to an address, such as 127.0.0.1`;
    default:
      return undefined;
  }
}
