import type { Flow } from './flow.ts'
import { createPieces } from './pieces.ts'
import type { Walk } from './walk.ts'

const chunkBytes = 262_144

/**
 * A text in UTF-16, in UTF-8. Its bytes are visited as they are, too, as those of a text: two bytes in front make no text of UTF-16, and
 * behind one may stand another.
 */
export async function visitUtf16(walk: Walk, flow: Flow, encoding: 'utf-16le' | 'utf-16be'): Promise<void> {
  const decoder = new TextDecoder(encoding)
  const raw = createPieces({ ...walk, isUtf16: true }, false)
  const text = createPieces({ ...walk, decoded: [...walk.decoded, 'utf-16'] }, false)
  for (let bytes = await flow.next(chunkBytes); bytes !== undefined; bytes = await flow.next(chunkBytes)) {
    await raw.add(bytes)
    await text.add(Buffer.from(decoder.decode(bytes, { stream: true })))
  }
  await text.add(Buffer.from(decoder.decode()))
  await raw.end()
  await text.end()
}
