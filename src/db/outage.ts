/**
 * What Postgres answers when it is the server that can't do the work, whatever is asked of it: no connection
 * (08), no such user or password (28), only reads (25006), no such database (3D), no room (53), shuts down or
 * starts (57), its disk fails (58). Not what one statement may do to itself: one that breaks the protocol,
 * needs more than the configuration gives it, or is ended.
 */
const OF_SERVER = /^(08(?!P01)\w{3}|28\w{3}|25006|3D000|53(?!400)\w{3}|57(?!014)\w{3}|58\w{3})$/;
/** What Postgres says to who kept a transaction open for too long, idle (25P03) or in all (25P04). */
const OF_STANDSTILL = /^25P0[34]$/;
/** What Node says when a connection breaks, a name has no address, or no further socket can be opened. */
const OF_NETWORK =
  /^(ECONN(REFUSED|RESET|ABORTED)|E(HOST|NET)(UNREACH|DOWN)|ENETRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_\w+|EADDRNOTAVAIL|EMFILE|ERR_STREAM_(DESTROYED|WRITE_AFTER_END))$/;
/** And when who answers has another certificate than it should. */
const OF_TLS =
  /^(EPROTO|(CERT|CRL)_\w+|INVALID_CA|ERR_(TLS|SSL)_\w+|UNABLE_TO_\w+|(DEPTH_ZERO_)?SELF_SIGNED_\w+)$/;
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
  if (!Error.isError(error) || isStandstill(error)) return false;
  // Whatever the reason, no connection is made: a socket's file that isn't there, or may not be opened.
  if ('syscall' in error && error.syscall === 'connect') return true;
  const code = codeOf(error);
  if ([OF_SERVER, OF_NETWORK, OF_TLS].some((known) => known.test(code))) return true;
  return MESSAGES.test(error.message) || ('severity' in error && ENDS_ALL.includes(error.severity));
}

/** Whether Postgres has ended a transaction it heard nothing of: it is well, and this process stood still. */
export function isStandstill(error: unknown): boolean {
  return OF_STANDSTILL.test(codeOf(error));
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
