import { decodeBundle } from './bundle.ts'
import { base64Of, concatBytes, equalBytes, textOf } from './bytes.ts'
import { blame } from './log-blame.ts'
import { type Mark, type Marks, readMarks } from './log-checkpoints.ts'
import { type LogProblem, type LogVerdict, problemOf, type VerifyLogOptions } from './log-problem.ts'
import { checkFullTile, checkLastTile, checkPartials, type Content } from './log-tiles.ts'
import { leafHash } from './hash.ts'
import { parseVerifierKey, type Verifier } from './key.ts'
import { type Receipt, verifyReceipt } from './receipt.ts'
import { type LogSource, readTile } from './source.ts'
import { logsBy, type TlogPolicy, verifyQuorum } from './tlog-policy.ts'
import { partialTiles, tilePath, tileWidth } from './tile-path.ts'
import { createTree, type Tree } from './tree.ts'

interface Walk {
  source: LogSource
  size: number
  root: Uint8Array
  marks: Mark[]
  /** The next of `marks` that the tree has not reached. */
  nextMark: number
  tree: Tree
  receipts: Map<number, Receipt>
  onEntry: VerifyLogOptions['onEntry']
}

/**
 * Recomputes a whole log from its entries, offline, from its public files and its public key (a vkey) alone: every
 * leaf hash, every tile of every level, partials included, byte for byte, and the root at the size of every
 * checkpoint that was kept. Streams: one bundle in memory, and one hash for each checkpoint. A log that runs
 * meanwhile may be verified.
 *
 * It cannot see a log whose whole end was cut together with every kept checkpoint that knew of it: hand in
 * `known` checkpoints or `receipts` for that. Never throws for what it finds there.
 */
export async function verifyLog(
  source: LogSource,
  verifierKey: string,
  options: VerifyLogOptions = {},
): Promise<LogVerdict> {
  const verifier = parseVerifierKey(verifierKey)
  if (verifier === undefined) {
    return { ok: false, problem: problemOf('wrong_key', 'verifier key', 'it is not an Ed25519 verifier key') }
  }
  const { policy } = options
  if (policy !== undefined && logsBy(verifier, policy).length === 0)
    return { ok: false, problem: problemOf('wrong_key', 'policy', 'the policy does not name this log') }
  try {
    const opened = await readMarks(source, verifier, options.known ?? [])
    if ('kind' in opened) return { ok: false, problem: opened }
    const problem = await verifyEntries(source, verifier, opened, options)
    if (problem !== undefined) return { ok: false, problem }
    const { size, root, timeSeconds } = opened.published
    const cosigned = await checkQuorum(opened.note, policy)
    if ('kind' in cosigned) return { ok: false, problem: cosigned }
    const exchanged = await checkShownKey(source, verifierKey.trim())
    if (exchanged !== undefined) return { ok: false, problem: exchanged }
    const rootHash = base64Of(root)
    return { ok: true, size, rootHash, checkpoints: opened.marks.length, timeSeconds, ...cosigned }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { ok: false, problem: problemOf('unreadable', source.name, message) }
  }
}

/** The key that the log shows to whoever has none yet: another one would have them trust another log. */
async function checkShownKey(source: LogSource, verifierKey: string): Promise<LogProblem | undefined> {
  const shown = await source.read('key.vkey')
  if (shown === undefined || textOf(shown) === `${verifierKey}\n`) return undefined
  return problemOf(
    'wrong_key',
    'key.vkey',
    'it is not the given key, which has signed the log: it was exchanged',
  )
}

async function checkQuorum(
  note: string,
  policy: TlogPolicy | undefined,
): Promise<{ witnesses: { name: string; timeSeconds: number }[] } | LogProblem> {
  if (policy === undefined) return { witnesses: [] }
  const { ok, witnesses } = await verifyQuorum(note, policy)
  if (ok) return { witnesses }
  const found = witnesses.map(({ name }) => name).join(', ') || 'none'
  return problemOf('no_quorum', 'checkpoint', `its cosignatures are no quorum of the policy: found ${found}`)
}

async function verifyEntries(
  source: LogSource,
  verifier: Verifier,
  { published, marks }: Marks,
  { receipts = [], onEntry }: VerifyLogOptions,
): Promise<LogProblem | undefined> {
  const { size, root } = published
  const byIndex = new Map(receipts.map((receipt) => [receipt.index, receipt]))
  const walk: Walk = {
    source,
    size,
    root,
    marks,
    nextMark: 0,
    tree: createTree(),
    receipts: byIndex,
    onEntry,
  }
  for (const receipt of receipts) {
    const problem = await checkReceipt(receipt, verifier, walk)
    if (problem !== undefined) return problem
  }
  const start = checkMarks(walk)
  if (start !== undefined) return start
  const bundles = Math.ceil(size / tileWidth)
  let next = readBundle(source, size, 0)
  for (let index = 0; index < bundles; index++) {
    const files = await next
    // The disk works while this one is hashed. Whoever stops before waits for it no more.
    next = readBundle(source, size, index + 1)
    next.catch(() => undefined)
    const problem = await checkBundle(walk, index, files)
    if (problem !== undefined) return problem
  }
  for (const tile of partialTiles(size)) {
    if (tile.level === 0) continue
    const problem = await checkLastTile(source, marks, tile, walk.tree.partial(tile.level))
    if (problem !== undefined) return problem
  }
  return undefined
}

async function checkReceipt(
  receipt: Receipt,
  verifier: Verifier,
  walk: Walk,
): Promise<LogProblem | undefined> {
  const where = `receipt ${receipt.index}`
  if (!(await verifyReceipt(receipt, verifier)))
    return problemOf('bad_signature', where, 'its signature is false')
  const other = walk.receipts.get(receipt.index)
  if (other !== undefined && other.leafHash !== receipt.leafHash) {
    return problemOf('receipt_contradicted', where, 'the log signed two receipts for this index')
  }
  if (receipt.index < walk.size) return undefined
  return problemOf('receipt_unpublished', where, `its entry is missing: the log has ${walk.size} entries`)
}

type File = Awaited<ReturnType<typeof readTile>>

/** A bundle and its level-0 tile; neither past the end of the log. */
async function readBundle(
  source: LogSource,
  size: number,
  index: number,
): Promise<{ bundle: File; hashes: File }> {
  const width = Math.min(tileWidth, size - index * tileWidth)
  if (width <= 0) return { bundle: undefined, hashes: undefined }
  const [bundle, hashes] = await Promise.all([
    readTile(source, { level: 'entries', index, width }),
    readTile(source, { level: 0, index, width }),
  ])
  return { bundle, hashes }
}

/** One bundle, its level-0 tile, and whatever tiles and checkpoints its entries complete. */
async function checkBundle(
  walk: Walk,
  index: number,
  { bundle, hashes }: { bundle: File; hashes: File },
): Promise<LogProblem | undefined> {
  const width = Math.min(tileWidth, walk.size - index * tileWidth)
  const bundleTile = { level: 'entries', index, width } as const
  const hashTile = { level: 0, index, width } as const
  if (bundle === undefined) return missing(tilePath(bundleTile))
  if (hashes === undefined) return missing(tilePath(hashTile))

  const { entries, bytesRead } = decodeBundle(bundle.bytes, width)
  const leaves = entries.map(leafHash)
  if (hashes.bytes.length < width * 32) {
    return problemOf('tile_cut', hashes.path, `it holds fewer than ${width} hashes`)
  }
  const made = concatBytes(leaves)
  if (!equalBytes(made, hashes.bytes.subarray(0, made.length))) {
    const wrong = leaves.findIndex((leaf, i) => !equalBytes(leaf, hashes.bytes.subarray(i * 32, i * 32 + 32)))
    return await blame(walk, { index, width, bundle, hashes, leaves, wrong })
  }
  if (entries.length < width) {
    return problemOf('entries_cut', bundle.path, `it ends after ${entries.length} of ${width} entries`)
  }
  if (bytesRead < bundle.bytes.length && bundle.path === tilePath(bundleTile)) {
    return problemOf('entry_changed', bundle.path, `it holds more than its ${width} entries`)
  }

  const problem = await addLeaves(walk, leaves)
  if (problem !== undefined) return problem
  for (const [i, entry] of entries.entries()) {
    const waiting = walk.onEntry?.(index * tileWidth + i, entry)
    if (waiting !== undefined) await waiting
  }
  const ends = [0]
  let end = 0
  for (const entry of entries) ends.push((end += 2 + entry.length))
  const bundleContent: Content = { bytes: bundle.bytes, prefix: (count) => ends[count] ?? bytesRead }
  const hashContent: Content = { bytes: made, prefix: (count) => count * 32 }
  const last = width < tileWidth ? walk.marks : []
  return (
    (await checkPartials(walk.source, last, bundleTile, bundleContent)) ??
    (width < tileWidth
      ? await checkLastTile(walk.source, last, hashTile, hashContent.bytes)
      : await checkFullTile(walk.source, { level: 0, index, bytes: hashContent.bytes }, hashes.bytes))
  )
}

/** Waits only where a tile above is complete: a turn of the event loop for every entry would take longer than its hash. */
async function addLeaves(walk: Walk, leaves: readonly Uint8Array[]): Promise<LogProblem | undefined> {
  for (const leaf of leaves) {
    const index = walk.tree.size
    const receipt = walk.receipts.get(index)
    if (receipt !== undefined && receipt.leafHash !== base64Of(leaf)) {
      return problemOf('receipt_contradicted', `receipt ${index}`, 'another entry stands at its index')
    }
    for (const tile of walk.tree.push(leaf)) {
      const problem = tile.level === 0 ? undefined : await checkFullTile(walk.source, tile)
      if (problem !== undefined) return problem
    }
    const problem = checkMarks(walk)
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkMarks(walk: Walk): LogProblem | undefined {
  const mark = walk.marks[walk.nextMark]
  if (mark === undefined || mark.size !== walk.tree.size) return undefined
  walk.nextMark++
  if (equalBytes(walk.tree.root(), mark.root)) return undefined
  const message = `the first ${mark.size} entries do not give the root that was signed: history was rewritten`
  return problemOf('root_mismatch', mark.where, message)
}

function missing(path: string): LogProblem {
  return problemOf('tile_missing', path, 'the file is missing')
}
