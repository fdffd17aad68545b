/**
 * What Postgres answers when it is the server that can't do the work, whatever is asked of it: no connection
 * (08), no such user or password (28), only reads (25006), no idle transaction any longer (25P03), no such
 * database (3D), no room (53), shuts down or starts (57 but a statement that is ended), its disk fails (58).
 */
const OF_SERVER = /^(08\w{3}|28\w{3}|25006|25P03|3D000|53\w{3}|57(?!014)\w{3}|58\w{3})$/;
/** What Node says when a connection can't be made or breaks, or no further socket can be opened. */
const OF_NETWORK =
  /^(ECONN(REFUSED|RESET|ABORTED)|E(HOST|NET)(UNREACH|DOWN)|ENETRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_\w+|EADDRNOTAVAIL|EMFILE)$/;
/** And when who answers has another certificate than it should. */
const OF_TLS = /^(EPROTO|CERT_\w+|ERR_(TLS|SSL)_\w+|UNABLE_TO_\w+|(DEPTH_ZERO_)?SELF_SIGNED_\w+)$/;
/** What the driver says without a code. */
const MESSAGES =
  /^(timeout expired|timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client .* is not queryable|The server does not support SSL|There was an error establishing an SSL|SASL: )/;
/** Postgres ends the connection with what it says, and so do poolers, under codes of their own. */
const ENDS_ALL: readonly unknown[] = ['FATAL', 'PANIC'];

/**
 * Whether an error says that Postgres is out of reach, or can't do what it is asked, and not that something
 * is wrong with a statement. What isn't listed is no outage: an error of ours must not pass for one.
 */
export function isDatabaseAway(error: unknown): boolean {
  // Not instanceof: the socket's errors are of Node's own realm when the code runs in a vm context.
  if (!Error.isError(error)) return false;
  const code = codeOf(error);
  if ([OF_SERVER, OF_NETWORK, OF_TLS].some((known) => known.test(code))) return true;
  return MESSAGES.test(error.message) || ('severity' in error && ENDS_ALL.includes(error.severity));
}

/** Whether Postgres itself says that it takes no writes, for want of room or a disk: no tenant's doing. */
export function isDatabaseUnable(error: unknown): boolean {
  return /^(25006|53100|58\w{3})$/.test(codeOf(error));
}

/** Whether a statement was ended because its time was over, be it for its work or for a lock. */
export function isStatementTimeout(error: unknown): boolean {
  return codeOf(error) === '57014';
}

const codeOf = (error: unknown): string =>
  Error.isError(error) && 'code' in error ? String(error.code) : '';
