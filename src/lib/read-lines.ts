/** Why the bytes are not lines of text within their bounds. */
export type LineProblem = 'line-too-long' | 'too-long' | 'not-utf-8';

/** The lines that were given before it were right. */
export class LineError extends Error {
  override readonly name = 'LineError';
  readonly problem: LineProblem;
  constructor(problem: LineProblem) {
    super(problem);
    this.problem = problem;
  }
}

const LINE_FEED = 0x0a;

/**
 * Lines of UTF-8, without their line feeds, and no other character ends a line. Holds one line at a time.
 * Throws a `LineError` for a line of more than `maxLineBytes`, for more than `maxBytes` in all, and for what
 * is no UTF-8.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  { maxLineBytes, maxBytes }: { maxLineBytes: number; maxBytes: number },
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (parts: readonly Buffer[]): string => {
    try {
      return decoder.decode(Buffer.concat(parts));
    } catch {
      throw new LineError('not-utf-8');
    }
  };
  let parts: Buffer[] = [];
  let lineBytes = 0;
  let bytes = 0;
  const add = (part: Buffer): void => {
    lineBytes += part.length;
    if (lineBytes > maxLineBytes) throw new LineError('line-too-long');
    if (part.length > 0) parts.push(part);
  };
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new LineError('too-long');
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      add(chunk.subarray(from, at));
      yield decode(parts);
      parts = [];
      lineBytes = 0;
      from = at + 1;
    }
    add(chunk.subarray(from));
  }
  if (lineBytes > 0) yield decode(parts);
}
