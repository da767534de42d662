import { join } from 'node:path'
import { FatalError, type Clock, messageOf, nowSeconds, sha256Hex } from '../../lib/index.ts'
import { type FileSystem, makeFolder, namesIn, readIfThere, replaceFile } from '../disk/index.ts'
import { cosignLine, type Signer } from '../sign/index.ts'
import {
  type Checkpoint,
  emptyRoot,
  equalBytes,
  parseNote,
  signatureLine,
  signaturesBy,
  verifyCheckpoint,
  type Verifier,
  verifyConsistency,
  verifyCosignature,
  parseVerifierKey,
} from '../verify/index.ts'
import type { AddCheckpoint } from './request.ts'

export type AddOutcome =
  | { ok: true; lines: string }
  | { ok: false; reason: 'behind'; size: number }
  | { ok: false; reason: 'not_signed' | 'no_proof' | 'other_root' }

/** What the witness remembers of one log. */
export interface Ledger {
  /** Checks, records and cosigns; one request at a time. Rejects when the disk failed: then until a restart. */
  add(request: AddCheckpoint): Promise<AddOutcome>
  /** Refuses what comes from here on; resolves when nothing is written any more. */
  close(): Promise<void>
  /** The last cosigned checkpoint, with both signatures; `undefined` before the first. */
  latest(): string | undefined
}

export interface LedgerDeps {
  fs: FileSystem
  folder: string
  /** The log's key. */
  log: Verifier
  signer: Signer
  clock: Clock
  /** Told once, in a line, of each signed checkpoint that was refused for what it says; it was kept. */
  onFork: (line: string) => void
}

/** Of each kind that is kept. */
const maxForks = 1_000

/** Opens the record of one log. Throws a FatalError when what is on disk is not what this witness wrote. */
export async function openLedger(deps: LedgerDeps): Promise<Ledger> {
  const { fs, log, signer, clock } = deps
  const folder = join(deps.folder, sha256Hex(log.name))
  // Its name has to be durable too: with the folder a power cut would take the memory of what was cosigned.
  await makeFolder(fs, join(folder, 'forks'), 0o700)
  const path = join(folder, 'checkpoint')
  let note = (await readIfThere(fs, path))?.toString()
  let last = note === undefined ? undefined : await readBack(path, note, log, signer)
  let busy: Promise<unknown> = Promise.resolve()
  let broken: unknown

  async function add(request: AddCheckpoint): Promise<AddOutcome> {
    if (broken !== undefined) throw broken
    const { checkpoint, oldSize, proof } = request
    const verdict = await verifyCheckpoint(request.note, log)
    if (!verdict.ok) return { ok: false, reason: 'not_signed' }
    const size = last?.size ?? 0
    const root = last?.root ?? emptyRoot()
    const forked = checkpoint.size === size && !equalBytes(checkpoint.root, root)
    if (forked)
      await keep('fork', request.note, `FORK: the log ${log.name} has signed two trees of size ${size}`)
    if (oldSize !== size) return { ok: false, reason: 'behind', size }
    if (forked) return { ok: false, reason: 'other_root' }
    const claim = { oldSize: size, newSize: checkpoint.size, oldRoot: root, newRoot: checkpoint.root }
    if (!verifyConsistency(claim, proof)) {
      // Anybody may send what a log has signed with a proof that is none: this alone accuses nobody.
      await keep(
        'unproven',
        request.note,
        `UNPROVEN: a checkpoint of size ${checkpoint.size} signed by the log ${log.name} came without proof that it extends size ${size}`,
      )
      return { ok: false, reason: 'no_proof' }
    }
    return { ok: true, lines: await record(request.note, checkpoint) }
  }

  async function record(signed: string, checkpoint: Checkpoint): Promise<string> {
    const text = parseNote(signed)?.text ?? ''
    const line = cosignLine(text, nowSeconds(clock), signer)
    const next = `${bySelf(signed, log)}${line}`
    try {
      await replaceFile(fs, path, Buffer.from(next))
    } catch (error) {
      broken = error
      throw error
    }
    last = checkpoint
    note = next
    return line
  }

  async function keep(kind: 'fork' | 'unproven', signed: string, what: string): Promise<void> {
    // Named by what the log signed: with signatures of their own anybody could make a thousand of one, and with a
    // thousand that lack their proof leave no room for a fork.
    const checkpoint = bySelf(signed, log)
    const name = `${kind}-${sha256Hex(checkpoint).slice(0, 32)}`
    const forks = join(folder, 'forks')
    const known = await namesIn(fs, forks)
    if (known.includes(name) || countOf(known, kind) >= maxForks) return
    try {
      await replaceFile(fs, join(forks, name), Buffer.from(`${note ?? ''}\n${checkpoint}`))
    } catch (error) {
      deps.onFork(`${what}; it could not be kept: ${messageOf(error)}`)
      throw error
    }
    deps.onFork(`${what}; kept beside the last cosigned one in ${join(forks, name)}`)
  }

  return {
    add(request) {
      const outcome = busy.then(() => add(request))
      busy = outcome.catch(() => undefined)
      return outcome
    },
    latest: () => note,
    async close() {
      broken ??= new FatalError('audit_unavailable', 'this witness is stopping')
      await busy
    },
  }
}

/** The note with the log's signature alone: it is the only one that was verified, no other is kept or passed on. */
function bySelf(signed: string, log: Verifier): string {
  const note = parseNote(signed)
  const [own] = note === undefined ? [] : signaturesBy(note, log)
  return note === undefined || own === undefined ? '' : `${note.text}\n${signatureLine(own)}`
}

function countOf(names: readonly string[], kind: string): number {
  return names.filter((name) => name.startsWith(`${kind}-`)).length
}

async function readBack(path: string, note: string, log: Verifier, signer: Signer): Promise<Checkpoint> {
  const verdict = await verifyCheckpoint(note, log)
  const own = parseVerifierKey(signer.verifierKey)
  if (verdict.ok && own !== undefined && (await verifyCosignature(note, own)) !== undefined)
    return verdict.checkpoint
  throw new FatalError(
    'audit_corrupt',
    `${path} is not what this witness cosigned: restore it; without it the witness could cosign a second history`,
  )
}
