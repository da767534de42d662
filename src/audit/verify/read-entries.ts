import { decodeBundle } from './bundle.ts'
import { textOf } from './bytes.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { parseNote } from './note.ts'
import { type LogSource, readTile } from './source.ts'
import { tilePath, tileWidth } from './tile-path.ts'

/**
 * The published entries `from` (default 0) up to but not including `to` (default: all), in order.
 * It reads one bundle at a time and verifies nothing: `verifyLog` does. Throws an Error with one clear line
 * when the log has no checkpoint or a bundle is missing, cut or malformed.
 */
export async function* readEntries(
  source: LogSource,
  range: { from?: number; to?: number } = {},
): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
  const size = await publishedSize(source)
  const to = Math.min(range.to ?? size, size)
  let index = Math.max(range.from ?? 0, 0)
  while (index < to) {
    const bundle = Math.floor(index / tileWidth)
    const first = bundle * tileWidth
    const width = Math.min(tileWidth, size - first)
    const tile = { level: 'entries', index: bundle, width } as const
    const file = await readTile(source, tile)
    if (file === undefined) throw new Error(`the audit log misses ${tilePath(tile)}`)
    const { entries } = decodeBundle(file.bytes, width)
    if (entries.length < width) throw new Error(`the audit log has a broken bundle: ${file.path}`)
    for (const bytes of entries.slice(index - first, to - first)) yield { index: index++, bytes }
  }
}

export async function publishedSize(source: LogSource): Promise<number> {
  const note = parseNote(textOf((await source.read('checkpoint')) ?? new Uint8Array(0)))
  const checkpoint = note === undefined ? undefined : parseCheckpoint(note.text)
  if (checkpoint === undefined) throw new Error(`no checkpoint of an audit log in ${source.name}`)
  return checkpoint.size
}
