/**
 * Holds a value until it is taken. What a function has among its parameters and variables is kept for as long
 * as it waits: one that has this instead keeps nothing once the value is taken.
 */
export function heldUntilTaken<T>(given: T): () => T {
  let kept: { value: T } | undefined = { value: given };
  return () => {
    if (!kept) throw new Error('it has been taken before');
    const taken = kept.value;
    kept = undefined;
    return taken;
  };
}
