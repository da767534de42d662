import type { Flow } from './flow.ts'
import type { Position } from './model.ts'
import { fileStart, placesInBinary, placesInText } from './place.ts'
import type { Walk } from './walk.ts'
import { visitPiece, type Piece } from './visit.ts'

/** Of a long file so much is in memory at once. */
export const pieceBytes = 4_194_304

export interface Pieces {
  readonly add: (bytes: Buffer) => Promise<void>
  readonly end: () => Promise<void>
}

/** Visits bytes that come in any chunks, in pieces that have the context on both sides in common. */
export function createPieces(walk: Walk, isBinary: boolean, start: Position = fileStart): Pieces {
  const context = walk.options.overlap
  const most = pieceBytes + 2 * context
  let buffer: Buffer = Buffer.alloc(0)
  let [filled, from, place] = [0, 0, start]

  async function visit(to: number, isLast: boolean): Promise<void> {
    const bytes = buffer.subarray(0, filled)
    const position = isBinary ? placesInBinary(place) : placesInText(bytes, place)
    const piece: Piece = { bytes, from, to, isBinary, isLast, position }
    await visitPiece(walk, piece)
    const keepFrom = Math.max(0, to - context)
    place = position(keepFrom)
    buffer.copyWithin(0, keepFrom, filled)
    filled -= keepFrom
    from = to - keepFrom
  }

  return {
    async add(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (buffer.length < most && filled + bytes.length - at > buffer.length)
          buffer = grown(
            buffer,
            Math.min(most, Math.max(65_536, 2 * buffer.length, filled + bytes.length - at)),
          )
        const count = bytes.copy(buffer, filled, at)
        at += count
        filled += count
        if (filled === most) await visit(most - context, false)
      }
    },
    async end() {
      if (filled > from) await visit(filled, true)
    },
  }
}

function grown(buffer: Buffer, bytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(bytes)
  buffer.copy(larger)
  return larger
}

/** Visits what is in memory: a long one in pieces, too, so that nothing that is made of a piece takes more than it takes of a stream. */
export async function visitWhole(walk: Walk, bytes: Buffer, isBinary: boolean): Promise<void> {
  const position = isBinary ? placesInBinary(fileStart) : placesInText(bytes, fileStart)
  const context = walk.options.overlap
  for (let at = 0, isLast = false; !isLast; at += pieceBytes) {
    const start = Math.max(0, at - context)
    const end = Math.min(bytes.length, at + pieceBytes + context)
    isLast = end === bytes.length
    await visitPiece(walk, {
      ...{ bytes: bytes.subarray(start, end), isBinary, isLast },
      ...{ from: at - start, to: (isLast ? end : at + pieceBytes) - start },
      position: (offset) => position(start + offset),
    })
  }
}

/** Visits all that a flow still has. */
export async function visitFlow(walk: Walk, flow: Flow, isBinary: boolean): Promise<void> {
  if (flow.isWhole) return visitWhole(walk, flow.take(flow.held.length), isBinary)
  const pieces = createPieces(walk, isBinary)
  for (let bytes = await flow.next(pieceBytes); bytes !== undefined; bytes = await flow.next(pieceBytes))
    await pieces.add(bytes)
  await pieces.end()
}
