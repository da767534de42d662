import { equalBytes, exactTextOf, hexOf, textOf } from './bytes.ts'
import { type Checkpoint, type CheckpointVerdict, verifyCheckpoint } from './checkpoint.ts'
import { type LogProblem, problemOf } from './log-problem.ts'
import { verifyCosignature } from './cosignature.ts'
import { cosignerOf, type Verifier } from './key.ts'
import { sha256 } from './sha256.ts'
import type { LogSource } from './source.ts'

/** A size at which a signed root has to come out. */
export interface Mark {
  size: number
  root: Uint8Array
  where: string
  /** The log published it, so the partial tiles that it ends in have to be there. One that came in an answer may never have been. */
  isPublished: boolean
}

export interface Marks {
  /** The published note, as it was read. */
  note: string
  published: Checkpoint & { timeSeconds: number }
  /** Every signed checkpoint once, the published one included, by size. */
  marks: Mark[]
}

/** Reads the published checkpoint, every kept one and those known from elsewhere; all have to agree. */
export async function readMarks(
  source: LogSource,
  verifier: Verifier,
  known: readonly string[],
): Promise<Marks | LogProblem> {
  // The kept ones are listed first: a log that runs meanwhile only ever publishes greater ones.
  const kept = ((await source.list?.('checkpoints')) ?? []).filter((name) => !name.startsWith('.'))
  kept.sort((a, b) => Number(sizeOf(b)) - Number(sizeOf(a)))
  const note = await source.read('checkpoint')
  if (note === undefined)
    return problemOf('checkpoint_missing', 'checkpoint', 'there is no published checkpoint')
  const timer = cosignerOf(verifier)
  const published = await openTimed(exactTextOf(note) ?? '', verifier, timer, 'checkpoint')
  if ('kind' in published) return published
  const bySize = new Map<number, Mark>([
    [published.size, { ...published, where: 'checkpoint', isPublished: true }],
  ])
  for (const name of kept) {
    const where = `checkpoints/${name}`
    // Before it is read: it may be no file at all.
    if (!nameShape.test(name)) return problemOf('checkpoint_malformed', where, 'no checkpoint is called so')
    const bytes = (await source.read(where)) ?? new Uint8Array(0)
    const checkpoint = await openTimed(exactTextOf(bytes) ?? '', verifier, timer, where)
    if ('kind' in checkpoint) return checkpoint
    const again = `${checkpoint.size}-${hexOf(sha256(bytes)).slice(0, 16)}`
    if (name !== String(checkpoint.size) && name !== again) {
      return problemOf('checkpoint_malformed', where, `it holds the checkpoint of size ${checkpoint.size}`)
    }
    const problem = addMark(bySize, { ...checkpoint, where, isPublished: true }, published)
    if (problem !== undefined) return problem
  }
  for (const [i, text] of known.entries()) {
    const where = `known checkpoint ${i}`
    const checkpoint = await open(text, verifier, where)
    if ('kind' in checkpoint) return checkpoint
    const problem = addMark(bySize, { ...checkpoint, where, isPublished: false }, published)
    if (problem !== undefined) return problem
  }
  return { note: textOf(note), published, marks: [...bySize.values()].sort((a, b) => a.size - b.size) }
}

const nameShape = /^(?:0|[1-9][0-9]{0,15})(?:-[0-9a-f]{16})?$/

/** The size in the name of a kept checkpoint: `<size>`, or `<size>-<hash>` for one that was signed again. */
function sizeOf(name: string): string {
  return name.split('-')[0] ?? ''
}

function addMark(bySize: Map<number, Mark>, mark: Mark, published: Checkpoint): LogProblem | undefined {
  if (mark.size > published.size) {
    const message = `the log had published ${mark.size} entries, its checkpoint now says ${published.size}`
    return problemOf('checkpoint_rolled_back', mark.where, message)
  }
  const other = bySize.get(mark.size)
  if (other !== undefined && !equalBytes(other.root, mark.root)) {
    const message = `two signed roots for size ${mark.size}: here and in ${other.where}`
    return problemOf('checkpoint_contradicted', mark.where, message)
  }
  if (other === undefined) bySize.set(mark.size, mark)
  return undefined
}

const reasons: Record<Exclude<CheckpointVerdict, { ok: true }>['reason'], (where: string) => LogProblem> = {
  malformed: (where) => problemOf('checkpoint_malformed', where, 'it is not a signed checkpoint'),
  unknown_key: (where) => problemOf('wrong_key', where, 'it is not signed by the given key'),
  bad_signature: (where) =>
    problemOf('bad_signature', where, 'its signature is false: it was changed or forged'),
  wrong_origin: (where) => problemOf('wrong_origin', where, 'it is the checkpoint of another log'),
}

/** A checkpoint of the log's own folder: it says, under the log's key, when it was signed. */
async function openTimed(
  text: string,
  verifier: Verifier,
  timer: Verifier,
  where: string,
): Promise<(Checkpoint & { timeSeconds: number }) | LogProblem> {
  const checkpoint = await open(text, verifier, where)
  if ('kind' in checkpoint) return checkpoint
  const timeSeconds = await verifyCosignature(text, timer)
  return timeSeconds === undefined
    ? problemOf('bad_signature', where, 'the log’s signed time is missing or false')
    : { ...checkpoint, timeSeconds }
}

async function open(text: string, verifier: Verifier, where: string): Promise<Checkpoint | LogProblem> {
  const verdict = await verifyCheckpoint(text, verifier)
  return verdict.ok ? verdict.checkpoint : reasons[verdict.reason](where)
}
