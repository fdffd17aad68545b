/** The numbers of a vector in pgvector's binary form: four bytes of other things, then big-endian float32. */
export function fromSent(sent: Buffer): number[] {
  return Array.from({ length: (sent.length - 4) / 4 }, (_, d) => sent.readFloatBE(4 + 4 * d));
}
