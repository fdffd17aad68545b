/** Causes within causes that are told of. */
const MAX_CAUSES = 10;

/**
 * What a log says of an error: what it is and where it came from. Its other fields are left out, since
 * libraries hang on them what they were asked for: ioredis the command, with what people wrote; pg the row.
 */
export function loggedError(error: unknown, causes = MAX_CAUSES): unknown {
  if (!(error instanceof Error))
    return typeof error === 'object' ? Object.prototype.toString.call(error) : error;
  const { name, message, stack, cause } = error;
  const code = 'code' in error && ['string', 'number'].includes(typeof error.code) ? error.code : undefined;
  return {
    ...{ type: name, message, stack, code },
    ...(cause !== undefined && causes > 0 && { cause: loggedError(cause, causes - 1) }),
  };
}
