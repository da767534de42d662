import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cosignLine, createSigner, signNote } from '../src/audit/sign/index.ts'
import {
  createTree,
  encodeBundle,
  formatCheckpoint,
  leafHash,
  partialTiles,
  tilePath,
  tileWidth,
} from '../src/audit/verify/index.ts'

const smallEntry = (number: number) => `{"number":${number}}`

/**
 * Writes the public files of a log of `size` entries, without a log, one bundle in memory. Gives back its key. With the same
 * `seed` it is the same log, or a longer one.
 */
export function writeLargeLog(
  folder: string,
  size: number,
  entryOf: (number: number) => string = smallEntry,
  seed: Uint8Array = randomBytes(32),
): string {
  const signer = createSigner('bench.example/audit', seed)
  const tree = createTree()
  const write = createWriter(folder)
  let bundle: Buffer[] = []
  for (let number = 0; number < size; number++) {
    const entry = Buffer.from(entryOf(number))
    bundle.push(entry)
    for (const { level, index, bytes } of tree.push(leafHash(entry)))
      write(tilePath({ level, index, width: tileWidth }), bytes)
    if (bundle.length < tileWidth && number + 1 < size) continue
    const index = Math.floor(number / tileWidth)
    write(tilePath({ level: 'entries', index, width: bundle.length }), encodeBundle(bundle))
    bundle = []
  }
  for (const tile of partialTiles(size)) write(tilePath(tile), tree.partial(tile.level))
  const text = formatCheckpoint({ origin: signer.name, size, root: tree.root() })
  const note = signNote(text, signer) + cosignLine(text, 1_700_000_000, signer.as('cosignature'))
  write('checkpoint', Buffer.from(note))
  return signer.verifierKey
}

function createWriter(folder: string): (path: string, bytes: Uint8Array) => void {
  const made = new Set<string>()
  return (path, bytes) => {
    const parent = dirname(join(folder, path))
    if (!made.has(parent)) mkdirSync(parent, { recursive: true })
    made.add(parent)
    writeFileSync(join(folder, path), bytes)
  }
}
