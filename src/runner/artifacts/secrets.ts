import { closeSync, openSync, renameSync, rmSync } from 'node:fs'
import type { Masker } from '../../mask/index.ts'
import { chunksOf, Lacking, writeHashed, type Copied } from './copy.ts'

/** A secret of the job is in it that cannot be masked. */
class HoldsSecret extends Lacking {}

/** Looks for secrets in one file while it is copied. `onSeen` is told each by name. */
export function searchSecrets(
  masker: Pick<Masker, 'pieces' | 'stream'>,
  onSeen: (name: string) => void,
): {
  /** Throws `HoldsSecret` if one is in the path: later steps would see it. */
  readonly name: (path: string) => void
  readonly look: (chunk: Uint8Array) => void
  /** Which ones were found and how often, in words, or undefined. */
  readonly end: () => string | undefined
} {
  const counts = new Map<string, number>()
  const count = (name: string) => {
    counts.set(name, (counts.get(name) ?? 0) + 1)
    onSeen(name)
  }
  const stream = masker.stream(count)
  return {
    name(path) {
      const search = masker.stream(count)
      search.write(Buffer.from(path))
      search.end()
      if (counts.size > 0) throw new HoldsSecret(`has ${wordsFor(counts)} in its name: give it another`)
    },
    look: (chunk) => void stream.write(chunk),
    end() {
      stream.end()
      return counts.size === 0 ? undefined : wordsFor(counts)
    },
  }
}

const maxNames = 5

function wordsFor(counts: ReadonlyMap<string, number>): string {
  const names = [...counts].slice(0, maxNames).map(([name, count]) => `${name} (${count} times)`)
  const more = counts.size > maxNames ? ` and ${counts.size - maxNames} other secrets` : ''
  return names.join(', ').replaceAll('(1 times)', '(once)') + more
}

/**
 * Masks the secrets in the copy at `path`, in its place. Throws `HoldsSecret` where that would not be seen before it does harm: in what
 * is no text (archives, programs, images, whose formats and digests would break) and in what programs run or are held to (scripts,
 * lock files).
 */
export async function maskCopy(
  masker: Pick<Masker, 'pieces'>,
  path: string,
  maxBytes: number,
  found: { readonly seen: string; readonly isRun: boolean },
): Promise<Copied> {
  if (found.isRun) throw unmasked(found.seen, 'programs run it or go by it')
  const made = `${path}-masked`
  const source = openSync(path, 'r')
  try {
    const text = onlyText(chunksOf(source), () => unmasked(found.seen, 'it is no UTF-8 text'))
    const copied = await writeHashed(
      masker.pieces(text, () => undefined),
      made,
      maxBytes,
    )
    renameSync(made, path)
    return copied
  } finally {
    closeSync(source)
    rmSync(made, { force: true })
  }
}

function unmasked(seen: string, why: string): HoldsSecret {
  return new HoldsSecret(`holds ${seen}, which is not masked in it since ${why}: write it without the secret`)
}

function* onlyText(chunks: Iterable<Buffer>, refusal: () => Error): Iterable<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const isText = (chunk?: Buffer): boolean => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined })
      return chunk?.includes(0) !== true
    } catch {
      return false
    }
  }
  for (const chunk of chunks) {
    if (!isText(chunk)) throw refusal()
    yield chunk
  }
  if (!isText()) throw refusal()
}
