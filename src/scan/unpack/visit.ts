import type { Position } from './model.ts'
import type { Walk } from './walk.ts'

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
  const { options, name, decoded, place } = walk
  const { bytes, from, to, isBinary, position } = piece
  options.visit({
    ...{ name, bytes, from, to, isBinary, decoded },
    position: place === undefined ? position : () => place,
  })
}
