import type { IncomingMessage } from 'node:http';

/** Shorter pieces of a body are put together up to this: one takes half a kilobyte, however short it is. */
const PIECE_BYTES = 4_096;

/**
 * Has a request's stream hand on a body in pieces of some kilobytes, however small those are in which it
 * comes: memory is bounded by its bytes then. What is smaller waits for more, or for the end. Calls `takes`
 * with the memory that what comes takes, before it does, and `whole` when all has come, be it read or not.
 */
export function putTogether(
  req: IncomingMessage,
  { takes, whole }: { takes: (bytes: number) => void; whole: () => void },
): void {
  const handOn = req.push.bind(req);
  let together = Buffer.alloc(0);
  let length = 0;
  const handOnWaiting = (): boolean => {
    const wantsMore = length === 0 || handOn(closeFitting(together, length));
    [together, length] = [Buffer.alloc(0), 0];
    return wantsMore;
  };
  req.push = (piece: Buffer | null) => {
    const isFull = piece === null || length + piece.length > PIECE_BYTES;
    // The connection is read on when the reader wants more.
    const wantsMore = !isFull || handOnWaiting();
    if (piece === null) whole();
    else if (piece.length >= PIECE_BYTES) takes(piece.length);
    else if (length === 0) takes(PIECE_BYTES);
    if (piece === null || piece.length >= PIECE_BYTES) return handOn(piece);
    if (length === 0) together = Buffer.allocUnsafeSlow(PIECE_BYTES);
    length += piece.copy(together, length);
    return wantsMore;
  };
}

/** The first bytes of a piece of memory that is no more than twice as large. */
function closeFitting(memory: Buffer, length: number): Buffer {
  if (2 * length >= memory.length) return memory.subarray(0, length);
  const copy = Buffer.allocUnsafeSlow(length);
  memory.copy(copy, 0, 0, length);
  return copy;
}
