/** Bytes of the file from an offset: as many as are asked for, or the file is shorter. */
export type ReadAt = (at: number, bytes: number) => Promise<Buffer>

export async function* pieces(read: ReadAt, from: number, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes; at += 65_536) yield await read(from + at, Math.min(65_536, bytes - at))
}
