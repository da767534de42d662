import { join } from 'node:path'
import { type Checkpoint, type CheckpointVerdict, verifyCheckpoint } from './checkpoint.ts'
import { type FolderProblem, problemOf } from './folder-problem.ts'
import type { Verifier } from './key.ts'
import { namesIn, readIfThere } from './read-tile.ts'

/** A size at which a signed root has to come out. */
export interface Mark {
  size: number
  root: Buffer
  where: string
}

export interface Marks {
  published: Checkpoint
  /** Every signed checkpoint once, the published one included, by size. */
  marks: Mark[]
}

/** Reads the published checkpoint, every kept one and those known from elsewhere; all have to agree. */
export async function readMarks(
  folder: string,
  verifier: Verifier,
  known: readonly string[],
): Promise<Marks | FolderProblem> {
  // The kept ones are listed first: a log that runs meanwhile only ever publishes greater ones.
  const kept = (await namesIn(join(folder, 'checkpoints'))).filter((name) => !name.startsWith('.'))
  kept.sort((a, b) => Number(b) - Number(a))
  const note = await readIfThere(join(folder, 'checkpoint'))
  if (note === undefined)
    return problemOf('checkpoint_missing', 'checkpoint', 'there is no published checkpoint')
  const published = open(note.toString(), verifier, 'checkpoint')
  if ('kind' in published) return published
  const bySize = new Map<number, Mark>([[published.size, { ...published, where: 'checkpoint' }]])
  for (const name of kept) {
    const where = `checkpoints/${name}`
    const text = (await readIfThere(join(folder, where)))?.toString() ?? ''
    const checkpoint = open(text, verifier, where)
    if ('kind' in checkpoint) return checkpoint
    if (String(checkpoint.size) !== name) {
      return problemOf('checkpoint_malformed', where, `it holds the checkpoint of size ${checkpoint.size}`)
    }
    const problem = addMark(bySize, { ...checkpoint, where }, published)
    if (problem !== undefined) return problem
  }
  for (const [i, text] of known.entries()) {
    const where = `known checkpoint ${i}`
    const checkpoint = open(text, verifier, where)
    if ('kind' in checkpoint) return checkpoint
    const problem = addMark(bySize, { ...checkpoint, where }, published)
    if (problem !== undefined) return problem
  }
  return { published, marks: [...bySize.values()].sort((a, b) => a.size - b.size) }
}

function addMark(bySize: Map<number, Mark>, mark: Mark, published: Checkpoint): FolderProblem | undefined {
  if (mark.size > published.size) {
    const message = `the log had published ${mark.size} entries, its checkpoint now says ${published.size}`
    return problemOf('checkpoint_rolled_back', mark.where, message)
  }
  const other = bySize.get(mark.size)
  if (other !== undefined && !other.root.equals(mark.root)) {
    const message = `two signed roots for size ${mark.size}: here and in ${other.where}`
    return problemOf('checkpoint_contradicted', mark.where, message)
  }
  if (other === undefined) bySize.set(mark.size, mark)
  return undefined
}

const reasons: Record<Exclude<CheckpointVerdict, { ok: true }>['reason'], (where: string) => FolderProblem> =
  {
    malformed: (where) => problemOf('checkpoint_malformed', where, 'it is not a signed checkpoint'),
    unknown_key: (where) => problemOf('wrong_key', where, 'it is not signed by the given key'),
    bad_signature: (where) =>
      problemOf('bad_signature', where, 'its signature is false: it was changed or forged'),
    wrong_origin: (where) => problemOf('wrong_origin', where, 'it is the checkpoint of another log'),
  }

function open(text: string, verifier: Verifier, where: string): Checkpoint | FolderProblem {
  const verdict = verifyCheckpoint(text, verifier)
  return verdict.ok ? verdict.checkpoint : reasons[verdict.reason](where)
}
