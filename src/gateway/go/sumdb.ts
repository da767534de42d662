import { MayflyError } from '../../lib/index.ts'
import {
  createTileHashes,
  leafHash,
  parseBase64,
  parseCheckpoint,
  proveConsistency,
  proveInclusion,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
  type LogSource,
  type Verifier,
} from '../../audit/verify/index.ts'
import { parseSumdbAnswer, sumsIn, type ModuleSums } from './sumdb-record.ts'
import { createTileCache, readAhead, sumdbSource, tilesFor } from './sumdb-tiles.ts'

/** What a checksum database had signed: `root` in base64, `note` as it came. */
export interface SumdbHead {
  readonly size: number
  readonly root: string
  readonly note: string
}

/** The newest head of each database, by its key: kept past a restart, and the same for all who hold databases against it. */
export interface SumdbHeads {
  newest(log: string): Promise<SumdbHead | undefined>
  /** Puts `to` in the place of `from`; returns what is the newest then. */
  advance(log: string, from: SumdbHead | undefined, to: SumdbHead): Promise<SumdbHead>
}

/** How a database is asked just now, and who is told if it contradicts itself. */
export interface SumdbReader {
  /** A file below `/sumdb/NAME/`; undefined if it is not there. */
  read(path: string): Promise<Buffer | undefined>
  contradicted(data: { database: string; was: SumdbHead; now: SumdbHead }): void
}

/**
 * A checksum database as golang.org/x/mod/sumdb holds it: what it says of a module counts once the record is in the tree of the
 * newest head that it signed, of which every other head that was seen is a beginning. A smaller head is an old answer, and never
 * becomes the newest. Throws `denied` for whatever does not hold.
 */
export interface Sumdb {
  /** Holds an answer to `lookup/MODULE@VERSION`. */
  checkAnswer(bytes: Buffer, module: string, version: string, reader: SumdbReader): Promise<ModuleSums>
  /** Holds a signed head. */
  checkHead(note: string, reader: SumdbReader): Promise<void>
}

export function createSumdb(verifier: Verifier, log: string, heads: SumdbHeads): Sumdb {
  const { name } = verifier
  const cache = createTileCache()
  const refuse = (why: string) =>
    new MayflyError('denied', `the checksum database ${name}, as the proxy has it, ${why}`)

  async function openHead(note: string): Promise<SumdbHead> {
    const verdict = await verifyNote(note, verifier)
    if (!verdict.ok) throw refuse(`sends a tree head that its key did not sign (${verdict.reason})`)
    const head = parseCheckpoint(verdict.text)
    // golang.org/x/mod/sumdb/tlog, FormatTree: the same words for every database.
    if (head?.origin !== 'go.sum database tree' || head.size === 0) throw refuse('signs what is no tree head')
    return { size: head.size, root: head.root.toBase64(), note }
  }

  /** What is made of tiles has to lead to a signed root; where it does not, none of them is kept. */
  async function proven(work: () => Promise<boolean>): Promise<boolean> {
    let held = false
    try {
      held = await work()
    } catch (error) {
      throw error instanceof MayflyError ? error : refuse('lacks tiles of its tree')
    } finally {
      if (!held) cache.clear()
    }
    return held
  }

  async function isBeginning(older: SumdbHead, newer: SumdbHead, source: LogSource): Promise<boolean> {
    const [oldSize, newSize] = [older.size, newer.size]
    if (oldSize !== newSize) await readAhead(source, tilesFor(oldSize - 1, newSize))
    const proof = await proveConsistency(createTileHashes(source, newSize), oldSize, newSize)
    return verifyConsistency({ oldSize, newSize, oldRoot: rootOf(older), newRoot: rootOf(newer) }, proof)
  }

  /** The newest head of all, this one among them, each of which is found to go on from the others. */
  async function take(head: SumdbHead, source: LogSource, reader: SumdbReader): Promise<SumdbHead> {
    let known = await heads.newest(log)
    for (;;) {
      if (known?.size === head.size && known.root === head.root) return known
      const was = known
      if (was !== undefined) {
        const [older, newer] = was.size < head.size ? [was, head] : [head, was]
        if (!(await proven(() => isBeginning(older, newer, source)))) {
          reader.contradicted({ database: name, was, now: head })
          throw refuse(
            `contradicts itself: it signed a tree of ${was.size} records before, and now one of ${head.size} that it cannot show to be the same. Nothing is taken from it: ask who runs the proxy, and compare with another way to the database`,
          )
        }
        if (older === head) return was
      }
      known = await heads.advance(log, was, head)
    }
  }

  return {
    async checkHead(note, reader) {
      await take(
        await openHead(note),
        sumdbSource(name, cache, (path) => reader.read(path)),
        reader,
      )
    },
    async checkAnswer(bytes, module, version, reader) {
      const answer = parseSumdbAnswer(bytes)
      if (answer === undefined) throw refuse(`answers for ${module}@${version} with what is no record`)
      const source = sumdbSource(name, cache, (path) => reader.read(path))
      const { id, record } = answer
      const head = await take(await openHead(answer.note), source, reader)
      if (id >= head.size) throw refuse(`names a record that its tree does not have yet (${id})`)
      const held = await proven(async () => {
        await readAhead(source, tilesFor(id, head.size))
        const proof = await proveInclusion(createTileHashes(source, head.size), id, head.size)
        const leaf = leafHash(Buffer.from(record, 'utf8'))
        return verifyInclusion({ index: id, size: head.size, leaf, root: rootOf(head) }, proof)
      })
      const sums = sumsIn(record, module, version)
      if (!held) throw refuse(`does not have in its tree what it says of ${module}@${version}`)
      if (sums === undefined) throw refuse(`says two things of ${module}@${version}`)
      return sums
    },
  }
}

function rootOf({ root }: SumdbHead): Uint8Array {
  return parseBase64(root) ?? new Uint8Array(0)
}
