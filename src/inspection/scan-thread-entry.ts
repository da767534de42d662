import { parentPort } from 'node:worker_threads'
import { messageOf } from '../lib/index.ts'
import { compileRules, type Hit } from '../scan/engine/index.ts'
import { createAllowList, findingsIn, type Finding } from '../scan/findings/index.ts'
import { findCandidates, type WindowTable } from '../scan/known/index.ts'
import { unpack, type Content } from '../scan/unpack/index.ts'
import type { PlacedCandidate, RuleFacts, Scanned } from './content-scanner.ts'
import { scanRules } from './scan-rules.ts'

export interface Question {
  readonly id: number
  readonly name: string
  readonly bytes: Uint8Array
  readonly nowMs: number
  /** Only if it is another than the last one. */
  readonly table?: WindowTable
}

export type Answer =
  | { readonly id: number; readonly scanned: Scanned }
  | { readonly id: number; readonly failed: string }

/** Of one file; whoever has more of them does not mean us to read all. */
const maxCandidates = 2_000
const maxFindings = 500
const maxUnseen = 100
/** Of what a step sends in one file; what is larger is said to be unseen. */
const limits = { totalBytes: 1_073_741_824, members: 100_000 }
/** The longest form of a secret, with the white space that may be in it. */
const knownOverlap = 1_024

const engine = compileRules(scanRules)
const byId = new Map(scanRules.map((rule) => [rule.id, rule]))
let table: WindowTable | undefined

async function scan({ name, bytes, nowMs }: Question): Promise<Scanned> {
  const findings: (Finding & RuleFacts)[] = []
  const unseen: { name: string; why: string }[] = []
  const candidates: PlacedCandidate[] = []
  const allow = createAllowList([], nowMs)
  let more = 0
  await unpack(name, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), {
    overlap: Math.max(engine.overlap, knownOverlap),
    limits,
    visit(content) {
      const hits: Hit[] = []
      engine.find(content.bytes, (hit) => void hits.push(hit))
      const found = findingsIn(content, hits, { nowMs, allow })
      const room = maxFindings - findings.length
      findings.push(...found.findings.slice(0, room).map((one) => ({ ...one, ...factsOf(one.rule) })))
      more += found.more + Math.max(0, found.findings.length - room)
      if (!addCandidates(content, candidates))
        unseen.push({ name: content.name, why: 'it is full of what begins as a secret does' })
    },
    unseen(one) {
      if (unseen.length < maxUnseen) unseen.push({ name: one.name, why: one.why })
    },
  })
  return { findings, more, unseen, candidates }
}

function factsOf(id: string): RuleFacts {
  const { title = id, connection, revoke } = byId.get(id) ?? {}
  return {
    title,
    ...(connection === undefined ? {} : { connection }),
    ...(revoke === undefined ? {} : { revoke }),
  }
}

function addCandidates(content: Content, all: PlacedCandidate[]): boolean {
  if (table === undefined) return true
  const room = maxCandidates - all.length
  return findCandidates(
    table,
    content.bytes,
    (one) => {
      const isOwn = content.from <= one.start && one.start < content.to
      const { name, isBinary } = content
      if (isOwn) all.push({ ...one, name, isBinary, line: content.position(one.start).line })
    },
    room,
  )
}

parentPort?.on('message', (question: Question) => {
  table = question.table ?? table
  const { id } = question
  scan(question).then(
    (scanned) => answer({ id, scanned }),
    (error: unknown) => answer({ id, failed: messageOf(error) }),
  )
})

function answer(one: Answer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(one)
}
