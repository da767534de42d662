import type { Flow } from './flow.ts'

const zerosMeanBytes = 256

/** The order of the bytes, if it is a text in UTF-16: by its mark, or since every other byte is zero as in Latin letters. */
export function utf16Of(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (head.length < 4) return undefined
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  const zeros = [0, 0]
  const seen = Math.min(head.length & ~1, zerosMeanBytes)
  for (let at = 0; at < seen; at++) if (head[at] === 0) zeros[at & 1] = (zeros[at & 1] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  if (odd * 2 >= seen * 0.9 && even === 0) return 'utf-16le'
  return even * 2 >= seen * 0.9 && odd === 0 ? 'utf-16be' : undefined
}

/** The same text in UTF-8. */
export async function* utf8From(
  flow: Flow,
  encoding: 'utf-16le' | 'utf-16be',
  each: (raw: Buffer) => Promise<void>,
): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding)
  for (let raw = await flow.next(262_144); raw !== undefined; raw = await flow.next(262_144)) {
    await each(raw)
    yield Buffer.from(decoder.decode(raw, { stream: true }))
  }
  yield Buffer.from(decoder.decode())
}
