/** What a Redis URL says. The kinds that need more than one address have schemes of their own. */
import { readFileSync } from 'node:fs';

type Node = { host: string; port: number };

/** How to sign in, whatever the kind. */
type Access = {
  username?: string;
  password?: string;
  /** Present with TLS. */
  tls?: { ca?: string };
};

export type RedisAddress =
  /** One server. The client library reads the URL itself. */
  | { kind: 'server'; url: string; tls?: { ca: string } }
  | ({ kind: 'cluster'; nodes: Node[] } & Access)
  | ({ kind: 'sentinel'; sentinels: Node[]; name: string; db: number; sentinelPassword?: string } & Access);

/*
 * Several hosts are no URL to the standard parser. `credentials` has no at sign, which stands escaped there.
 */
const URL_OF_MANY =
  /^(?<scheme>rediss?)\+(?<kind>cluster|sentinel):\/\/(?:(?<credentials>[^@/]*)@)?(?<hosts>[^/?]+)(?<rest>.*)$/i;

/** Reads `REDIS_URL`. Throws a TypeError that says what is wrong, without the URL: it holds a password. */
export function readRedisUrl(url: string): RedisAddress {
  const { scheme = '', kind, credentials, hosts = '', rest = '' } = URL_OF_MANY.exec(url)?.groups ?? {};
  if (kind === undefined) return oneServer(url);
  const { pathname, searchParams } = new URL(rest, 'redis://host');
  const [username = '', ...parts] = (credentials ?? '').split(':');
  const password = parts.join(':');
  const ca = searchParams.get('ca');
  const access: Access = {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(scheme.toLowerCase() === 'rediss' && { tls: ca ? { ca: readFileSync(ca, 'utf8') } : {} }),
  };
  if (kind.toLowerCase() === 'cluster') return { kind: 'cluster', nodes: nodesOf(hosts, 6_379), ...access };
  const [name = '', db = '0'] = pathname.slice(1).split('/').map(decodeURIComponent);
  if (name === '')
    throw new TypeError('needs the name that the sentinels watch: redis+sentinel://host:26379/NAME');
  if (!/^\d+$/.test(db))
    throw new TypeError('has something else than a number of a database behind the name');
  const sentinelPassword = searchParams.get('sentinelPassword');
  return {
    kind: 'sentinel',
    sentinels: nodesOf(hosts, 26_379),
    name,
    db: Number(db),
    ...(sentinelPassword && { sentinelPassword }),
    ...access,
  };
}

function oneServer(url: string): RedisAddress {
  if (/^rediss?:\/\/(?:[^@/]*@)?[^/?]*,/i.test(url)) {
    throw new TypeError('has several hosts: begin it with redis+cluster:// or redis+sentinel://');
  }
  // The client library takes whatever is no URL for the path of a socket, and repeats it in its errors.
  if (!url.startsWith('/') && !/^rediss?:$/i.test(URL.parse(url)?.protocol ?? '')) {
    throw new TypeError('is no URL of Redis: redis://user:password@host:6379');
  }
  const [address = '', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  const ca = parameters.get('ca');
  if (!ca) return { kind: 'server', url };
  if (!/^rediss:/i.test(url))
    throw new TypeError('has a certificate authority but no TLS: begin it with rediss://');
  parameters.delete('ca');
  const others = parameters.size > 0 ? `?${parameters.toString()}` : '';
  // Without TLS in the URL: the client library would prefer that to what it is told here.
  return {
    kind: 'server',
    url: address.replace(/^rediss:/i, 'redis:') + others,
    tls: { ca: readFileSync(ca, 'utf8') },
  };
}

function nodesOf(hosts: string, defaultPort: number): Node[] {
  return hosts.split(',').map((host) => {
    if (host.trim() === '') throw new TypeError('has an empty host');
    const { hostname, port } = new URL(`tcp://${host.trim()}`);
    return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? defaultPort : Number(port) };
  });
}
