import type { Step } from '../broker/index.ts'
import { createCollected } from './collected.ts'
import { foundEntry } from './entry.ts'
import { judgeFound, type Found, type RuleFinding } from './found.ts'
import type { InspectionDeps } from './inspection.ts'
import { stepEvent } from '../broker/index.ts'

/** Bytes of a step's log, from its beginning. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Looks at what steps write, as their runners send it. */
export interface OutputInspection {
  /**
   * Where secrets stand in this piece of the log, and in the end of the one before, for its runner to mask them from here on. What is
   * found is recorded once for each step. Never rejects: what cannot be looked at was shown already.
   */
  look(step: Step, offset: number, bytes: Buffer): Promise<readonly Span[]>
  /** The same of a file that the step wrote for its CI (a summary, outputs), called so, before the CI has it. Rejects with why it was not looked at. */
  lookAtFile(step: Step, name: string, bytes: Buffer): Promise<readonly Span[]>
}

interface Seen {
  tail: Buffer
  end: number
  readonly fingerprints: Set<string>
}

/** A secret may be cut by two pieces. */
const tailBytes = 8_192
const maxSteps = 2_000
/** A step that writes secrets without end has them masked, and these recorded. */
const maxRecorded = 200
/** The runner waits for the answer with what comes next. */
const maxMs = 5_000

export function createOutputInspection(deps: Omit<InspectionDeps, 'audit' | 'approvers'>): OutputInspection {
  const ofSteps = new Map<string, Seen>()

  function seenOf({ id }: Step): Seen {
    const seen = ofSteps.get(id) ?? { tail: Buffer.alloc(0), end: 0, fingerprints: new Set() }
    ofSteps.delete(id)
    ofSteps.set(id, seen)
    const [oldest] = ofSteps.keys()
    if (ofSteps.size > maxSteps && oldest !== undefined) ofSteps.delete(oldest)
    return seen
  }

  async function lookAt(step: Step, offset: number, bytes: Buffer): Promise<readonly Span[]> {
    const rules = deps.policy().roles.get(step.role)?.scan
    const action = rules?.actions.output ?? 'off'
    if (rules === undefined || action === 'off') return []
    const seen = seenOf(step)
    const before = seen.end === offset ? seen.tail : Buffer.alloc(0)
    const all = Buffer.concat([before, bytes])
    seen.tail = all.subarray(Math.max(0, all.length - tailBytes))
    seen.end = offset + bytes.length
    const collected = createCollected({ ...deps, handed: deps.verifying?.wanted(step) ?? [] })
    await collected.add('output', all)
    const found = freshOf(await collected.end((name) => name), seen)
    const told = await record(step, found, rules, action === 'record')
    void deps.verifying?.begin(step, 'output', collected.keys(), told)
    const start = offset - before.length
    return action === 'record'
      ? []
      : collected.spans().map(({ from, to }) => ({ from: start + from, to: start + to }))
  }

  async function lookInto(step: Step, name: string, bytes: Buffer): Promise<readonly Span[]> {
    const rules = deps.policy().roles.get(step.role)?.scan
    const action = rules?.actions.output ?? 'off'
    if (rules === undefined || action === 'off') return []
    const collected = createCollected({ ...deps, handed: deps.verifying?.wanted(step) ?? [] })
    await collected.add(name, bytes)
    const found = freshOf(await collected.end((one) => one), seenOf(step))
    const told = await record(step, found, rules, action === 'record')
    void deps.verifying?.begin(step, 'output', collected.keys(), told)
    return action === 'record' ? [] : collected.spans()
  }

  async function record(
    step: Step,
    found: Found,
    rules: Parameters<typeof judgeFound>[1],
    isShown: boolean,
  ): Promise<readonly RuleFinding[]> {
    const judged = judgeFound(found, rules, 'warn', deps.clock.nowMs())
    const { secrets, findings } = judged.told
    if (secrets.length + findings.length === 0) return []
    const sent = { place: 'output', connection: '', what: step.name }
    const answered = await deps.response.answer(step, sent, secrets)
    const outcome = isShown ? 'passed' : 'masked'
    const unseen = { count: 0, why: [] }
    const entry = foundEntry({
      sent,
      judged,
      found: { ...found, unseen },
      outcome,
      approval: undefined,
      answered,
    })
    await deps.outbox.write(async (_, add) => add([stepEvent(step, 'scan.found', entry)]))
    return findings
  }

  return {
    async look(step, offset, bytes) {
      const looking = lookAt(step, offset, bytes).catch((): readonly Span[] => [])
      const { promise, resolve } = Promise.withResolvers<readonly Span[]>()
      const timer = setTimeout(() => resolve([]), maxMs).unref()
      return Promise.race([looking, promise]).finally(() => clearTimeout(timer))
    },
    lookAtFile: lookInto,
  }
}

/** Without what this step has shown before. */
function freshOf(found: Found, { fingerprints }: Seen): Found {
  const isFresh = (fingerprint: string) => {
    if (fingerprints.has(fingerprint) || fingerprints.size >= maxRecorded) return false
    fingerprints.add(fingerprint)
    return true
  }
  return {
    ...found,
    secrets: found.secrets.filter(({ fingerprint }) => isFresh(fingerprint)),
    findings: found.findings.filter(({ finding }) => isFresh(finding.fingerprint)),
  }
}
