/** The numbers of a vector in pgvector's binary form: four bytes of other things, then big-endian float32. */
export function fromSent(sent: Buffer): Float32Array {
  const { buffer, byteOffset, length } = Buffer.from(sent.subarray(4)).swap32();
  return new Float32Array(buffer, byteOffset, length / 4);
}
