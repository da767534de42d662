import { decodedIn } from './encoded.ts'
import { escapedIn } from './escaped.ts'
import type { Position } from './model.ts'
import { mayBeNotebook, notebookCells } from './notebook.ts'
import { utf16Runs } from './utf-16-runs.ts'
import type { View } from './view.ts'
import { say, type Walk } from './walk.ts'

/** A part of a file, with what is around it; see `Content`. */
export interface Piece {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  readonly isBinary: boolean
  /** Nothing comes behind `bytes`. */
  readonly isLast: boolean
  readonly position: (offset: number) => Position
}

/** Hands a piece to the visitor, and then what stands encoded in it. */
export async function visitPiece(walk: Walk, piece: Piece): Promise<void> {
  const { options, name, decoded, place, budget } = walk
  const { bytes, from, to, isBinary } = piece
  const position = place === undefined ? piece.position : () => place
  const looking = options.visit({ name, bytes, from, to, isBinary, decoded, position })
  if (looking !== undefined) await looking
  if (walk.encodings >= budget.limits.decodedDepth) return
  // A text may go on in UTF-16: `>>` of Windows PowerShell adds that to any file.
  if (walk.isUtf16 !== true && (isBinary || bytes.includes(0)))
    await visitView(walk, utf16Runs(bytes, from, to), 'utf-16', position)
  if (!isBinary && from === 0 && piece.isLast && mayBeNotebook(bytes))
    for (const { number, view } of notebookCells(bytes, notAll(walk)))
      await visitView(walk, view, `cell ${number}`, position)
  const { base64, hex } = await decodedIn(walk, { ...piece, position })
  if (base64 !== undefined) await visitView(walk, base64, 'base64', position)
  if (hex !== undefined) await visitView(walk, hex, 'hex', position)
  await visitView(walk, escapedIn(walk, piece), 'escapes', position)
}

/** What its cells hold stands in the file itself, too, which was seen: but for what only their lines together say. */
function notAll(walk: Walk): (why: string) => void {
  return (why) =>
    say(walk, 'limit', `${why}: the cells behind that were only looked at as they stand in the file`)
}

async function visitView(
  walk: Walk,
  view: View | undefined,
  how: string,
  outer: (offset: number) => Position,
): Promise<void> {
  if (view === undefined || view.isEmpty()) return
  const bytes = view.bytes()
  const inner = { ...walk, decoded: [...walk.decoded, how], encodings: walk.encodings + 1 }
  await visitPiece(inner, {
    ...{ bytes, from: 0, to: bytes.length, isBinary: false, isLast: true },
    position: view.position(outer),
  })
}
