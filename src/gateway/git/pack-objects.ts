import { createHash } from 'node:crypto'
import { limits } from '../../lib/index.ts'
import { applyDelta, parentsOf, targetOf, type EntryHead } from './pack-entry.ts'
import type { ObjectFormat, OnCommit, OnTag } from './object-format.ts'
import type { BlobSink } from './scan.ts'

/** Takes the objects of a pack one by one, as they stand in it, and names those that somebody asked for. */
export interface ObjectReader {
  /** Is its content wanted whole? Others are inflated and forgotten. */
  wants(head: EntryHead): boolean
  /** An object, or a delta, with its content. The promise is of whoever is told of it. */
  read(head: EntryHead, offset: number, data: Buffer): Promise<void> | void
  /** A blob that is too large for that, if it is wanted: it comes piece by piece. */
  blob(head: EntryHead, offset: number): BlobPieces | undefined
  /** Another object that is too large. */
  large(head: EntryHead, offset: number): void
}

export interface BlobPieces {
  write(piece: Buffer): Promise<void> | void
  end(id: string): Promise<void> | void
  /** It did not come to its end. */
  leave(): void
}

export function createObjectReader(
  format: ObjectFormat,
  onCommit: OnCommit,
  sink: BlobSink | undefined,
  onTag?: OnTag,
): ObjectReader {
  // One for each, so that blobs do not push out the commits by which the push is judged.
  const commits = createKept()
  const blobs = createKept()
  const trees = createKept()
  const tags = createKept()
  /** Only for a scanner: what is at each offset, since a delta is of the same type as its base. */
  const types = new Map<number, 'blob' | 'other'>()

  function readCommit(offset: number, content: Buffer): Promise<void> | void {
    if (sink !== undefined) types.set(offset, 'other')
    const id = idOf(format, 'commit', content)
    const parents = parentsOf(content, format.idBytes)
    if (parents !== undefined) {
      commits.keep(offset, id, content)
      onCommit(id, parents)
    }
    return sink?.text('commit', id, content)
  }

  function readTag(offset: number, content: Buffer): Promise<void> | void {
    const id = idOf(format, 'tag', content)
    const target = targetOf(content, format.idBytes)
    if (target !== undefined) onTag?.(id, target)
    if (sink === undefined) return
    types.set(offset, 'other')
    tags.keep(offset, id, content)
    return sink.text('tag', id, content)
  }

  function readTree(offset: number, content: Buffer): Promise<void> | void {
    if (sink === undefined) return
    const id = idOf(format, 'tree', content)
    trees.keep(offset, id, content)
    types.set(offset, 'other')
    return sink.tree(id, content)
  }

  function readBlob(offset: number, content: Buffer): Promise<void> | void {
    if (sink === undefined) return
    const id = idOf(format, 'blob', content)
    blobs.keep(offset, id, content)
    types.set(offset, 'blob')
    return sink.blob({ id, bytes: content })
  }

  function unseen(head: EntryHead, offset: number, delta?: Buffer): void {
    if (sink === undefined) return
    const { base } = head
    const type = typeof base === 'number' ? types.get(offset - base) : undefined
    types.set(offset, type ?? 'blob')
    // A delta of a tree is a tree; of what the server has, nobody here knows what it is.
    const large =
      type === 'other'
        ? 'a delta of a commit, a tree or a tag that is no longer kept'
        : 'a delta of a large blob'
    sink.unseen(typeof base === 'string' ? `a delta of ${base}, which is not in the pack` : large, {
      isBlob: type === 'blob',
      ...(delta === undefined ? {} : { delta }),
    })
  }

  function readDelta(head: EntryHead, offset: number, delta: Buffer): Promise<void> | void {
    const ofCommit = commits.base(head, offset)
    const commit = ofCommit && applyDelta(ofCommit, delta, limits.packPieceBytes)
    if (commit !== undefined) return readCommit(offset, commit)
    const ofTag = sink && tags.base(head, offset)
    const tag = ofTag && applyDelta(ofTag, delta, limits.packPieceBytes)
    if (tag !== undefined) return readTag(offset, tag)
    const ofTree = trees.base(head, offset)
    const tree = ofTree && applyDelta(ofTree, delta, limits.packPieceBytes)
    if (tree !== undefined) return readTree(offset, tree)
    const ofBlob = sink && blobs.base(head, offset)
    const blob = ofBlob && applyDelta(ofBlob, delta, limits.packPieceBytes)
    return blob === undefined ? unseen(head, offset, delta) : readBlob(offset, blob)
  }

  return {
    wants: ({ kind }) =>
      kind === 'commit' ||
      kind === 'delta' ||
      ((kind === 'blob' || kind === 'tree') && sink !== undefined) ||
      (kind === 'tag' && (onTag !== undefined || sink !== undefined)),
    read(head, offset, data) {
      if (head.kind === 'blob') return readBlob(offset, data)
      if (head.kind === 'delta') return readDelta(head, offset, data)
      if (head.kind === 'tree') return readTree(offset, data)
      return head.kind === 'commit' ? readCommit(offset, data) : readTag(offset, data)
    },
    blob(head, offset) {
      if (sink === undefined || head.kind !== 'blob') return undefined
      types.set(offset, 'blob')
      return head.size > sink.maxBytes ? sink.large() : collected((id, bytes) => sink.blob({ id, bytes }))
    },
    large(head, offset) {
      if (sink === undefined) return
      if (head.kind === 'delta') return unseen(head, offset)
      types.set(offset, 'other')
      sink.unseen(`a ${head.kind} of ${head.size} bytes`, { isBlob: false })
    },
  }
}

function collected(whole: (id: string, bytes: Buffer) => Promise<void> | void): BlobPieces {
  const pieces: Buffer[] = []
  return {
    write: (piece) => void pieces.push(piece),
    end: (id) => whole(id, Buffer.concat(pieces)),
    leave: () => undefined,
  }
}

export function idOf({ algorithm }: ObjectFormat, type: string, content: Buffer): string {
  return createHash(algorithm).update(`${type} ${content.length}\0`).update(content).digest('hex')
}

interface Kept {
  keep(offset: number, id: string, content: Buffer): void
  /** What a delta is of; undefined if it is not here. */
  base(head: EntryHead, offset: number): Buffer | undefined
}

function createKept(): Kept {
  // The oldest go first: git makes deltas of what is near.
  const byOffset = new Map<number, { id: string; content: Buffer }>()
  const offsets = new Map<string, number>()
  let bytes = 0
  return {
    keep(offset, id, content) {
      byOffset.set(offset, { id, content })
      offsets.set(id, offset)
      bytes += content.length + 200
      for (const [oldest, one] of byOffset) {
        if (bytes <= limits.packKeptBytes) break
        byOffset.delete(oldest)
        if (offsets.get(one.id) === oldest) offsets.delete(one.id)
        bytes -= one.content.length + 200
      }
    },
    base({ base }, offset) {
      const at = typeof base === 'string' ? offsets.get(base) : offset - (base ?? 0)
      return at === undefined ? undefined : byOffset.get(at)?.content
    },
  }
}
