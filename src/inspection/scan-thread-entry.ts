import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../lib/index.ts'
import { compileExpression, type Hit } from '../scan/engine/index.ts'
import { createAllowList, findingsIn, type HandedKey } from '../scan/findings/index.ts'
import { findCandidates, type WindowTable } from '../scan/known/index.ts'
import { unpack, type Content } from '../scan/unpack/index.ts'
import type { RuleFacts, Scanned, Span } from './content-scanner.ts'
import { createInflow, type Inflow } from './inflow.ts'
import { findingsAtPaths } from './path-rules.ts'
import { createPlacedCandidates, type PlacedCandidates } from './placed-candidates.ts'
import { openEngine } from './scan-rules.ts'
import { createWorks, type Shared, type Work } from './work.ts'

export type Question =
  | {
      readonly kind: 'begin'
      readonly id: number
      readonly name: string
      readonly nowMs: number
      /** Only if it is another than the last one. */
      readonly table?: WindowTable
      readonly handed: readonly string[]
      /** All of it; without it the bytes come in pieces. */
      readonly bytes?: Uint8Array
      readonly as?: 'output'
      readonly pathsLater?: boolean
    }
  | { readonly kind: 'piece'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'forget' }

export type Answer =
  /** A piece was taken: there is room for another one. */
  | { readonly kind: 'taken'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'scanned'; readonly id: number; readonly scanned: Scanned }
  | { readonly kind: 'failed'; readonly id: number; readonly why: string }

/** Of one file; whoever has more of them does not mean us to read all. */
const maxFindings = 500
/** Of output as many as are masked of one piece, and those in the end of the piece before, that is looked at with it. */
const maxFindingsOfOutput = 2_000
const maxUnseen = 100
const maxKeys = 50
/** Of what a step sends in one file; what is larger is said to be unseen. */
const limits = { totalBytes: 4_294_967_296, members: 200_000 }
/** The longest form of a secret, with the white space that may be in it. */
const knownOverlap = 1_024

const engine = openEngine()
const paths = new Map(
  engine.rules.flatMap((rule) => (rule.path === undefined ? [] : [[rule, compileExpression(rule.path)]])),
)
const byId = new Map(engine.rules.map((rule) => [rule.id, rule]))
const inflows = new Map<number, Inflow>()
let table: WindowTable | undefined

async function scan(
  { name, nowMs, handed, as, pathsLater = false }: Question & { kind: 'begin' },
  input: Buffer | AsyncIterable<Buffer>,
  work: Work,
): Promise<Scanned> {
  const findings: Scanned['findings'][number][] = []
  const unseen: { name: string; why: string }[] = []
  const candidates = createPlacedCandidates()
  const spans: Span[] = []
  const isOutput = as === 'output'
  const most = isOutput ? maxFindingsOfOutput : maxFindings
  const allow = createAllowList([], nowMs)
  const keys = new Map<string, HandedKey>()
  const handing = {
    rules: new Set(handed),
    take(key: HandedKey) {
      if (keys.size < maxKeys) keys.set(key.fingerprint, key)
    },
  }
  // One that comes in between says another thing of the same secrets.
  const known = table
  let [more, sureMore] = [0, 0]
  await unpack(name, input, {
    overlap: Math.max(engine.overlap, knownOverlap),
    limits,
    isText: isOutput,
    visit(content) {
      work.resume()
      const hits: Hit[] = []
      // A member of an archive has its own name.
      const isPathUnknown = pathsLater && content.name === name
      engine.find(content.bytes, (hit) => {
        if (isMeant(hit, content, isPathUnknown)) hits.push(hit)
      })
      let [moreHere, sureMoreHere] = [0, 0]
      const own = findingsAtPaths(
        hits,
        ({ rule }) => (isPathUnknown ? rule.path : undefined),
        (some) => {
          const found = findingsIn(content, some, { nowMs, allow, handing, ...(isOutput ? { most } : {}) })
          ;[moreHere, sureMoreHere] = [Math.max(moreHere, found.more), Math.max(sureMoreHere, found.sureMore)]
          return found.findings
        },
      )
      if (isOutput && isAsItIs(content, name)) for (const one of spansOf(content, hits)) spans.push(one)
      const room = most - findings.length
      findings.push(...own.slice(0, room).map((one) => ({ ...one, ...factsOf(one.rule) })))
      const rest = own.slice(room)
      more += moreHere + rest.length
      sureMore += sureMoreHere + rest.filter(({ confidence }) => confidence !== 'possible').length
      if (
        !addCandidates(
          known,
          content,
          isOutput ? { isPlain: isAsItIs(content, name) } : undefined,
          candidates,
        ) &&
        unseen.length < maxUnseen
      )
        unseen.push({ name: content.name, why: 'it is full of what begins as a secret does' })
      return work.done(content.bytes.length)
    },
    unseen(one) {
      if (unseen.length < maxUnseen) unseen.push({ name: one.name, why: one.why })
    },
  })
  return { findings, more, sureMore, unseen, keys: [...keys.values()], candidates: candidates.all(), spans }
}

/** Of a binary file only what is unmistakable counts; some rules are of some paths alone. */
function isMeant({ rule, confidence }: Hit, { name, isBinary }: Content, isPathUnknown: boolean): boolean {
  if (isBinary && confidence !== 'certain') return false
  return isPathUnknown || paths.get(rule)?.test(name) !== false
}

function isAsItIs({ name, decoded }: Content, file: string): boolean {
  return decoded.length === 0 && name === file
}

function spansOf(content: Content, hits: readonly Hit[]): Span[] {
  return hits
    .filter(
      ({ confidence, start }) => confidence !== 'possible' && content.from <= start && start < content.to,
    )
    .map(({ start, end }) => {
      const { offset: from } = content.position(start)
      return { from, to: from + end - start }
    })
}

function factsOf(id: string): RuleFacts {
  const { title = id, connection, revoke } = byId.get(id) ?? {}
  return {
    title,
    ...(connection === undefined ? {} : { connection }),
    ...(revoke === undefined ? {} : { revoke }),
  }
}

/** What a decoded content may have stood in: hex is the longest form of bytes. */
function regionOf({ bytes, position }: Content, start: number): Span {
  const { offset: from } = position(start)
  return { from, to: from + 2 * bytes.length }
}

/** False if there were more than are looked at. */
function addCandidates(
  known: WindowTable | undefined,
  content: Content,
  placed: { readonly isPlain: boolean } | undefined,
  all: PlacedCandidates,
): boolean {
  if (known === undefined) return true
  const { name, isBinary, from, to } = content
  const standing = {
    ...{ name, isBinary, line: (start: number) => content.position(start).line },
    offset: placed?.isPlain === true ? (start: number) => content.position(start).offset : undefined,
    decodedFrom: placed?.isPlain === false ? (start: number) => regionOf(content, start) : undefined,
  }
  let isWhole = true
  findCandidates(
    known,
    content.bytes,
    (one) => {
      if (from <= one.start && one.start < to) isWhole = all.add(one, standing) && isWhole
    },
    Infinity,
  )
  return isWhole
}

const works = createWorks(workerData as Shared, () => performance.now())

function begin(question: Question & { kind: 'begin' }): void {
  const { id, table: fresh, bytes } = question
  table = fresh ?? table
  const work = works(id)
  const inflow = createInflow(
    (taken) => {
      work.resume()
      answer({ kind: 'taken', id, bytes: taken })
    },
    () => work.pause(),
  )
  if (bytes === undefined) inflows.set(id, inflow)
  const input =
    bytes === undefined ? inflow.pieces : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  work.resume()
  scan(question, input, work)
    .then(
      (scanned) => answer({ kind: 'scanned', id, scanned }),
      (error: unknown) => answer({ kind: 'failed', id, why: messageOf(error) }),
    )
    .finally(() => {
      work.pause()
      inflows.delete(id)
    })
}

parentPort?.on('message', (question: Question) => {
  if (question.kind === 'begin') return begin(question)
  if (question.kind === 'forget') return void (table = undefined)
  const inflow = inflows.get(question.id)
  if (question.kind === 'end') return inflow?.end()
  // What was read to its end before all of it came is not waited for.
  if (inflow === undefined) answer({ kind: 'taken', id: question.id, bytes: question.bytes.length })
  else inflow.add(Buffer.from(question.bytes.buffer, question.bytes.byteOffset, question.bytes.length))
})

function answer(one: Answer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(one)
}
