import { cosignLine, createSigner, signNote } from '../sign/index.ts'
import {
  createTileHashes,
  createTree,
  encodeBundle,
  formatCheckpoint,
  formatTlogProof,
  leafHash,
  type LogSource,
  partialTiles,
  proveInclusion,
  tilePath,
  utf8,
} from './index.ts'

/** The public files of a log of these entries, made in memory without the log's own code. */
export function filesOf(entries: readonly Uint8Array[]): {
  files: Map<string, Uint8Array>
  root: Uint8Array
} {
  const tree = createTree()
  const files = new Map<string, Uint8Array>()
  for (const entry of entries) {
    for (const { level, index, bytes } of tree.push(leafHash(entry)))
      files.set(tilePath({ level, index, width: 256 }), bytes)
  }
  for (const { level, index, width } of partialTiles(entries.length))
    files.set(tilePath({ level, index, width }), tree.partial(level))
  for (let index = 0; index * 256 < entries.length; index++) {
    const part = entries.slice(index * 256, index * 256 + 256)
    files.set(tilePath({ level: 'entries', index, width: part.length }), encodeBundle(part))
  }
  return { files, root: tree.root() }
}

export function memorySource(files: ReadonlyMap<string, Uint8Array>): LogSource {
  return { name: 'memory', read: async (path) => files.get(path) }
}

/** One of everything that can be checked, as text. */
export async function vectorsOf() {
  const log = createSigner('log.example/v', new Uint8Array(32).fill(1))
  const witness = createSigner('witness.example/w', new Uint8Array(32).fill(2), 'cosignature')
  const entries = Array.from({ length: 300 }, (_, i) => utf8(`{"number":${i}}`))
  const { files, root } = filesOf(entries)
  const text = formatCheckpoint({ origin: log.name, size: 300, root })
  const note = signNote(text, log)
  files.set('checkpoint', utf8(note + cosignLine(text, 1_700_000_000, log.as('cosignature'))))
  const hashes = await proveInclusion(createTileHashes(memorySource(files), 300), 257, 300)
  return {
    note,
    key: log.verifierKey,
    entry: '{"number":257}',
    proof: formatTlogProof({
      index: 257,
      hashes,
      checkpoint: note + cosignLine(text, 1_700_000_000, witness),
    }),
    policy: `log ${log.verifierKey}\nwitness w ${witness.verifierKey}\nquorum w\n`,
    log: Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toBase64()])),
  }
}
