/** Connection refused, reset or timed out, or a server that is starting or shutting down (class 57P). */
const CODES = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|57P0[1-5]|57014|08\w{3}|53300)$/;
/** What the driver says without a code. */
const MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|not queryable/i;

/** Whether an error of the driver says that Postgres is away, and not that a statement is wrong. */
export function isDatabaseAway(error: unknown): boolean {
  // Not instanceof: the socket's errors are of Node's own realm when the code runs in a vm context.
  if (!Error.isError(error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return CODES.test(code) || MESSAGES.test(error.message);
}

/** Whether a statement was ended because its time was over, be it for its work or for a lock. */
export function isStatementTimeout(error: unknown): boolean {
  return Error.isError(error) && 'code' in error && error.code === '57014';
}
