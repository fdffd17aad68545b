import { isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;
/** What a customer of a provider has at least (RFC 6177): the first half of the groups. */
const GROUPS_OF_NETWORK = 4;

/**
 * Whom an address stands for: that of IPv4 for itself, also as Node says it of a socket that listens to both
 * (`::ffff:192.0.2.1`), that of IPv6 for its network of 64 bits, all of whose addresses one machine may have.
 */
export function networkOf(address: string): string {
  const last = address.slice(address.lastIndexOf(':') + 1);
  if (isIPv4(last)) return last;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::').map((groups) => groups.split(':').filter(Boolean));
  const zeros = tail ? GROUPS - head.length - tail.length : 0;
  const groups = [...head, ...Array<string>(zeros).fill('0'), ...(tail ?? [])];
  return `${groups.slice(0, GROUPS_OF_NETWORK).join(':')}::/64`;
}
