import { limits, messageOf } from '../lib/index.ts'
import { stepEvent, type Step } from '../broker/index.ts'
import type { ScanRules } from '../policy/index.ts'
import { createCollected } from './collected.ts'
import { foundEntry } from './entry.ts'
import { judgeFound, shown, type Found, type FoundSecret, type RuleFinding } from './found.ts'
import type { InspectionDeps } from './inspection.ts'

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
  look(step: Step, offset: number, bytes: Buffer): Promise<LookedAt>
  /** The same of a file that the step wrote for its CI (a summary, outputs), called so, before the CI has it. Rejects with why it was not looked at. */
  lookAtFile(step: Step, name: string, bytes: Buffer): Promise<LookedAt>
}

export interface LookedAt {
  readonly spans: readonly Span[]
  /** What of it could not be looked at, for the step; once for the log of each. */
  readonly unseen?: string
}

/** Takes what is to be masked, before that is recorded; false if it is too late for it. */
type Hand = (spans: readonly Span[]) => boolean

const nothing: ReturnType<typeof maskable> = { spans: [], isAll: false }

const noneUnseen: Found['unseen'] = { count: 0, why: [] }

function unseenLine({ count, why }: Found['unseen']): string {
  return `${count} ${count === 1 ? 'part' : 'parts'} could not be looked at: ${shown(why.join('; '))}`
}

interface Seen {
  tail: Buffer
  end: number
  /** The piece before, for the case that it is sent again: where it began, and what stood before it. */
  readonly last: { offset: number; before: Buffer }
  /** What is recorded of it: secrets of ours, and what rules found, whose noise is not to take the room of the others. */
  readonly ours: Set<string>
  readonly byRules: Set<string>
  /** That there is more than is listed is recorded once. */
  isMoreTold: boolean
  /** So is that a piece could not be looked at. */
  isUnseenTold: boolean
}

/** A secret may be cut by two pieces. */
const tailBytes = 8_192
const maxSteps = 2_000
/** A step that writes secrets without end has them masked, and these recorded; of the others it is recorded that there are more. */
const maxByRules = 200
const maxOurs = 10_000
/** The runner waits for the answer with what comes next. */
const maxMs = 5_000

export function createOutputInspection(deps: Omit<InspectionDeps, 'audit' | 'approvers'>): OutputInspection {
  const ofSteps = new Map<string, Seen>()

  function seenOf({ id }: Step): Seen {
    const seen = ofSteps.get(id) ?? {
      tail: Buffer.alloc(0),
      end: 0,
      last: { offset: 0, before: Buffer.alloc(0) },
      ...{ ours: new Set<string>(), byRules: new Set<string>() },
      isMoreTold: false,
      isUnseenTold: false,
    }
    ofSteps.delete(id)
    ofSteps.set(id, seen)
    const [oldest] = ofSteps.keys()
    if (ofSteps.size > maxSteps && oldest !== undefined) ofSteps.delete(oldest)
    return seen
  }

  async function lookAt(
    step: Step,
    { offset, bytes }: { offset: number; bytes: Buffer },
    hand: Hand,
  ): Promise<LookedAt> {
    const rules = rulesOf(step)
    if (rules === undefined) return { spans: [] }
    const seen = seenOf(step)
    const before = beforeOf(seen, offset)
    const all = Buffer.concat([before, bytes])
    Object.assign(seen.last, { offset, before })
    // A copy: a piece is not kept for its end.
    seen.tail = Buffer.from(all.subarray(Math.max(0, all.length - tailBytes)))
    seen.end = offset + bytes.length
    const start = offset - before.length
    const inLog = (spans: readonly Span[]) =>
      spans.map(({ from, to }) => ({ from: start + from, to: start + to }))
    const handed: Hand = (spans) => hand(inLog(spans))
    const { spans, unseen } = await lookInto(step, rules, { name: 'output', bytes: all }, handed)
    return { spans: inLog(spans), ...(unseen === undefined ? {} : { unseen }) }
  }

  const rulesOf = (step: Step) => {
    const rules = deps.policy().roles.get(step.role)?.scan
    return rules?.actions.output === 'off' ? undefined : rules
  }

  /** What is masked is masked although it cannot be recorded. */
  async function lookInto(
    step: Step,
    rules: ScanRules,
    { name, bytes }: { readonly name: string; readonly bytes: Buffer },
    hand: Hand,
  ): Promise<LookedAt & { readonly failed: PromiseRejectedResult | undefined }> {
    const collected = createCollected({
      ...deps,
      step,
      handed: deps.verifying?.wanted(step) ?? [],
      as: 'output',
    })
    await collected.add(name, bytes)
    const seen = seenOf(step)
    const fresh = freshOf(await collected.end((one) => one), seen)
    const unseen = name === 'output' && seen.isUnseenTold ? noneUnseen : fresh.unseen
    const found = { ...fresh, unseen, more: seen.isMoreTold ? 0 : fresh.more }
    const { spans, isAll } = rules.actions.output === 'record' ? nothing : maskable(collected.spans(), bytes)
    const isShown = !hand(spans) || !isAll
    const isHidden = (one: FoundSecret | RuleFinding) => !isShown && isMasked(one)
    const recorded = await Promise.allSettled([
      record(step, { ...only(found, isHidden), more: 0, unseen: noneUnseen }, rules, 'masked'),
      // Of what is not listed nobody can say that all of it is masked.
      record(
        step,
        only(found, (one) => !isHidden(one)),
        rules,
        'passed',
      ),
    ])
    const failed = recorded.find((one) => one.status === 'rejected')
    if (name === 'output' && failed === undefined) seen.isUnseenTold ||= unseen.count > 0
    const told = recorded.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    void deps.verifying?.begin(step, 'output', collected.keys(), told)
    const isTold = unseen.count > 0 && rules.actions.output !== 'record'
    return { spans, failed, ...(isTold ? { unseen: unseenLine(unseen) } : {}) }
  }

  async function record(
    step: Step,
    found: Found,
    rules: ScanRules,
    outcome: 'masked' | 'passed',
  ): Promise<readonly RuleFinding[]> {
    const judged = judgeFound(found, rules, 'warn', deps.clock.nowMs())
    const { secrets, findings } = judged.told
    if (secrets.length + findings.length + found.more + found.unseen.count === 0) return []
    const sent = { place: 'output', connection: '', what: step.name }
    const answered = await deps.response.answer(step, sent, secrets)
    const entry = foundEntry({ sent, judged, outcome, answered, found, approval: undefined })
    await deps.outbox.write(async (_, add) => add([stepEvent(step, 'scan.found', entry)]))
    // Not before: what could not be recorded is found again.
    const seen = seenOf(step)
    for (const one of secrets) seen.ours.add(keyOf(one))
    for (const one of findings) seen.byRules.add(ruleKeyOf(one))
    seen.isMoreTold ||= found.more > 0
    return findings
  }

  /** It was shown, and nobody looked at it: without an entry that would read as if nothing was found. */
  async function recordFailed(step: Step, error: unknown): Promise<string | undefined> {
    const rules = rulesOf(step)
    const seen = seenOf(step)
    if (rules === undefined || seen.isUnseenTold) return undefined
    const found: Found = {
      ...{ secrets: [], findings: [], more: 0, sureMore: 0, certainMore: 0 },
      unseen: { count: 1, why: [messageOf(error)] },
    }
    const entry = foundEntry({
      ...{ sent: { place: 'output', connection: '', what: step.name }, found },
      judged: judgeFound(found, rules, 'warn', deps.clock.nowMs()),
      ...{ outcome: 'passed', answered: [], approval: undefined },
    })
    await deps.outbox.write(async (_, add) => add([stepEvent(step, 'scan.found', entry)]))
    seen.isUnseenTold = true
    return rules.actions.output === 'record' ? undefined : unseenLine(found.unseen)
  }

  return {
    async look(step, offset, bytes) {
      let ready: readonly Span[] = []
      let isOver = false
      const hand: Hand = (spans) => {
        if (!isOver) ready = spans
        return !isOver
      }
      const looking = lookAt(step, { offset, bytes }, hand).catch((error: unknown) =>
        recordFailed(step, error).then(
          (unseen): LookedAt => ({ spans: ready, ...(unseen === undefined ? {} : { unseen }) }),
          () => ({ spans: ready }),
        ),
      )
      const { promise, resolve } = Promise.withResolvers<LookedAt>()
      const timer = setTimeout(() => {
        isOver = true
        resolve({ spans: ready })
      }, maxMs).unref()
      return Promise.race([looking, promise]).finally(() => clearTimeout(timer))
    },
    async lookAtFile(step, name, bytes) {
      const rules = rulesOf(step)
      if (rules === undefined) return { spans: [] }
      const { failed, ...looked } = await lookInto(step, rules, { name, bytes }, () => true)
      // The CI gets nothing of which the log does not have what was found.
      if (failed !== undefined) throw failed.reason
      return looked
    },
  }
}

/** A piece whose answer was lost is sent again, and goes on where it went on before. */
function beforeOf({ end, tail, last }: Seen, offset: number): Buffer {
  if (offset === end) return tail
  return offset === last.offset ? last.before : Buffer.alloc(0)
}

/** Without what is recorded of this step already; what has no room is counted with what is more. */
function freshOf(found: Found, { ours, byRules }: Seen): Found {
  let dropped = 0
  const freshIn = (known: ReadonlySet<string>, most: number) => {
    const fresh = new Set<string>()
    return (key: string) => {
      if (known.has(key) || fresh.has(key)) return false
      const hasRoom = known.size + fresh.size < most
      if (hasRoom) fresh.add(key)
      else dropped++
      return hasRoom
    }
  }
  const [isFreshOfOurs, isFresh] = [freshIn(ours, maxOurs), freshIn(byRules, maxByRules)]
  return {
    ...found,
    secrets: found.secrets.filter((one) => isFreshOfOurs(keyOf(one))),
    findings: found.findings.filter((one) => isFresh(ruleKeyOf(one))),
    more: found.more + dropped,
  }
}

/**
 * Another lease of a connection is another secret, one that is certain now was not answered before, and that it was masked as it is
 * says nothing of another form.
 */
function keyOf({ owner, fingerprint, isCertain, isMasked }: FoundSecret): string {
  return `${fingerprint} ${owner.kind === 'credential' ? owner.lease : ''} ${isCertain} ${isMasked}`
}

function ruleKeyOf(one: RuleFinding): string {
  return `${one.finding.fingerprint} ${isMasked(one)}`
}

function only(found: Found, isOne: (one: FoundSecret | RuleFinding) => boolean): Found {
  return { ...found, secrets: found.secrets.filter(isOne), findings: found.findings.filter(isOne) }
}

/** It stands in the output as it is, and is not only possible. */
function isMasked(one: FoundSecret | RuleFinding): boolean {
  if ('owner' in one) return one.isMasked
  const { decoded, confidence } = one.finding
  return decoded.length === 0 && confidence !== 'possible'
}

/** Each text once, as many as a runner masks; `isAll` is false if others are left out. */
function maskable(
  spans: readonly Span[],
  bytes: Buffer,
): { readonly spans: readonly Span[]; readonly isAll: boolean } {
  const byText = new Map<string, Span>()
  let isAll = true
  const { leastMaskedBytes, mostMaskedBytes, maskedAtOnce } = limits
  for (const span of spans) {
    const { from, to } = span
    const isLike = to - from >= leastMaskedBytes && to - from <= mostMaskedBytes
    const text = bytes.toString('latin1', from, to)
    if (!isLike || (byText.size >= maskedAtOnce && !byText.has(text))) isAll = false
    else if (!byText.has(text)) byText.set(text, span)
  }
  return { spans: [...byText.values()], isAll }
}
