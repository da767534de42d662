import { limits, messageOf } from '../lib/index.ts'
import { stepEvent, type Step } from '../broker/index.ts'
import type { ScanRules } from '../policy/index.ts'
import { createCollected } from './collected.ts'
import { foundEntry } from './entry.ts'
import { judgeFound, shown, type Found, type FoundSecret, type RuleFinding } from './found.ts'
import type { InspectionDeps } from './inspection.ts'
import { createSeenOutput, isMasked, type Counted, type Maskable, type SeenOutput } from './output-seen.ts'

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
  /** The step is over: what of it was only counted is recorded. Never rejects. */
  stepEnded(step: Step): Promise<void>
}

export interface LookedAt {
  readonly spans: readonly Span[]
  /** What of it could not be looked at, or is not masked, for the step; once for the log of each. */
  readonly unseen?: string
}

/** Takes what is to be masked, before that is recorded; false if it is too late for it. */
type Hand = (spans: readonly Span[]) => boolean

const nothing: Maskable = { spans: [], beyond: 0, texts: new Set() }

const noneUnseen: Found['unseen'] = { count: 0, why: [] }

const noneFound: Found = {
  ...{ secrets: [], findings: [], more: 0, sureMore: 0, certainMore: 0 },
  unseen: noneUnseen,
}

function unmaskedLine(beyond: number): string {
  const { maskedAtOnce, maskedOfStep, mostMaskedBytes } = limits
  return `${beyond} ${beyond === 1 ? 'secret is' : 'secrets are'} not masked: ${maskedAtOnce} are that come at once, ${maskedOfStep} of a step, and none of more than ${mostMaskedBytes} bytes`
}

function unseenLine({ count, why }: Found['unseen']): string {
  return `${count} ${count === 1 ? 'part' : 'parts'} could not be looked at: ${shown(why.join('; '))}`
}

interface Seen {
  tail: Buffer
  end: number
  /** The piece before, for the case that it is sent again: where it began, and what stood before it. */
  readonly last: { offset: number; before: Buffer }
  readonly seen: SeenOutput
  /** That a piece could not be looked at is recorded once. */
  isUnseenTold: boolean
  /** That not all is masked is told to the step once. */
  isUnmaskedTold: boolean
}

/** A secret may be cut by two pieces. */
const tailBytes = 8_192
const maxSteps = 2_000
/** The runner waits for the answer with what comes next. */
const maxMs = 5_000

interface OutputDeps extends Omit<InspectionDeps, 'audit' | 'approvers'> {
  /** Ends a step whose role says that what is not masked is not shown. */
  readonly endStep: (step: Step, reason: string) => Promise<void>
}

export function createOutputInspection(deps: OutputDeps): OutputInspection {
  const ofSteps = new Map<string, Seen>()

  function seenOf({ id }: Step): Seen {
    const seen = ofSteps.get(id) ?? {
      tail: Buffer.alloc(0),
      end: 0,
      last: { offset: 0, before: Buffer.alloc(0) },
      seen: createSeenOutput(),
      isUnseenTold: false,
      isUnmaskedTold: false,
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
    const { spans, unseen } = await lookInto(
      step,
      rules,
      { name: 'output', bytes: all, from: before.length },
      handed,
    )
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
    { name, bytes, from }: { readonly name: string; readonly bytes: Buffer; readonly from: number },
    hand: Hand,
  ): Promise<LookedAt & { readonly failed: PromiseRejectedResult | undefined }> {
    const collected = createCollected({
      ...deps,
      step,
      handed: deps.verifying?.wanted(step) ?? [],
      as: 'output',
    })
    await collected.add(name, bytes)
    const ofStep = seenOf(step)
    const { seen } = ofStep
    const all = await collected.end((one) => one)
    const { listed, rest } = seen.fresh(name === 'output' ? withoutLines(all) : all)
    const unseen = name === 'output' && ofStep.isUnseenTold ? noneUnseen : all.unseen
    const masking =
      rules.actions.output === 'record' ? nothing : seen.maskable(collected.spans(), bytes, from)
    const { spans, beyond } = masking
    if (beyond > 0 && rules.actions.output === 'block') end(step)
    const isHanded = hand(spans) && rules.actions.output !== 'record'
    if (isHanded) seen.handed(masking)
    // Which of them are left out nobody can say.
    const isHidden = (one: FoundSecret | RuleFinding) => isHanded && beyond === 0 && isMasked(one)
    const isOpen = (one: FoundSecret | RuleFinding) => !isHidden(one)
    seen.count('masked', countOf(only({ ...all, ...rest }, isHidden), rules))
    seen.count('passed', countOf(only({ ...all, ...rest }, isOpen), rules) + all.more)
    const recorded = await Promise.allSettled([
      record(
        step,
        { ...only(listed, isHidden), more: seen.due('masked'), unseen: noneUnseen },
        rules,
        'masked',
      ),
      record(step, { ...only(listed, isOpen), more: seen.due('passed'), unseen }, rules, 'passed'),
    ])
    const failed = recorded.find((one) => one.status === 'rejected')
    if (name === 'output' && failed === undefined) ofStep.isUnseenTold ||= unseen.count > 0
    const told = recorded.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    void deps.verifying?.begin(step, 'output', collected.keys(), told)
    const isBeyondTold = name === 'output' && ofStep.isUnmaskedTold
    if (name === 'output') ofStep.isUnmaskedTold ||= beyond > 0
    const lines = [
      ...(unseen.count > 0 && rules.actions.output !== 'record' ? [unseenLine(unseen)] : []),
      ...(beyond > 0 && !isBeyondTold ? [unmaskedLine(beyond)] : []),
    ]
    return { spans, failed, ...(lines.length === 0 ? {} : { unseen: lines.join('; ') }) }
  }

  /** Of what is not allowed. */
  function countOf(found: Found, rules: ScanRules): number {
    const { secrets, findings } = judgeFound(found, rules, 'warn', deps.clock.nowMs()).told
    return secrets.length + findings.length
  }

  function end(step: Step): void {
    if (step.endReason !== undefined) return
    // What cannot be written now the broker writes later; its gate is closed.
    void deps.endStep(step, 'output_not_masked').catch(() => undefined)
  }

  async function record(
    step: Step,
    found: Found,
    rules: ScanRules,
    outcome: Counted,
  ): Promise<readonly RuleFinding[]> {
    const judged = judgeFound(found, rules, 'warn', deps.clock.nowMs())
    const { secrets, findings } = judged.told
    if (secrets.length + findings.length + found.more + found.unseen.count === 0) return []
    const sent = { place: 'output', connection: '', what: step.name }
    const answered = await deps.response.answer(step, sent, secrets)
    const entry = foundEntry({ sent, judged, outcome, answered, found, approval: undefined })
    await deps.outbox.write(async (_, add) => add([stepEvent(step, 'scan.found', entry)]))
    // Not before: what could not be recorded is found again.
    const { seen } = seenOf(step)
    seen.recorded({ secrets, findings })
    seen.told(outcome, found.more)
    return findings
  }

  /** It was shown, and nobody looked at it: without an entry that would read as if nothing was found. */
  async function recordFailed(step: Step, error: unknown): Promise<string | undefined> {
    const rules = rulesOf(step)
    const seen = seenOf(step)
    if (rules === undefined || seen.isUnseenTold) return undefined
    const found: Found = { ...noneFound, unseen: { count: 1, why: [messageOf(error)] } }
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
      const { failed, ...looked } = await lookInto(step, rules, { name, bytes, from: 0 }, () => true)
      // The CI gets nothing of which the log does not have what was found.
      if (failed !== undefined) throw failed.reason
      return looked
    },
    async stepEnded(step) {
      const rules = rulesOf(step)
      const seen = ofSteps.get(step.id)?.seen
      if (rules === undefined || seen === undefined) return
      await Promise.allSettled(
        (['masked', 'passed'] as const).map((outcome) =>
          record(step, { ...noneFound, more: seen.due(outcome, true) }, rules, outcome),
        ),
      )
    },
  }
}

/** Its places count the heads of the record that it was sent in: no reader has those. */
function withoutLines(found: Found): Found {
  return {
    ...found,
    secrets: found.secrets.map((one) => ({ ...one, line: 0 })),
    findings: found.findings.map(({ at, finding }) => ({
      at,
      finding: { ...finding, start: { ...finding.start, line: 0 } },
    })),
  }
}

/** A piece whose answer was lost is sent again, and goes on where it went on before. */
function beforeOf({ end, tail, last }: Seen, offset: number): Buffer {
  if (offset === end) return tail
  return offset === last.offset ? last.before : Buffer.alloc(0)
}

function only(found: Found, isOne: (one: FoundSecret | RuleFinding) => boolean): Found {
  return { ...found, secrets: found.secrets.filter(isOne), findings: found.findings.filter(isOne) }
}
