import { messageOf, sha256Hex, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { stepEvent, type Broker, type Step } from '../broker/index.ts'
import type { Approvers, Inspection, Look, LookVerdict, Sent, SentPlace } from '../gateway/index.ts'
import type { Policy, ScanRules } from '../policy/index.ts'
import { createCollected } from './collected.ts'
import type { ContentScanner } from './content-scanner.ts'
import { judgeFound, lineOfFinding, lineOfSecret, shown } from './found.ts'
import type { Found, Judged } from './found.ts'
import { foundEntry } from './entry.ts'
import type { Response } from './response.ts'
import { createStepStreams } from './step-streams.ts'
import type { VaultSecrets } from './vault-secrets.ts'
import type { FoundKey, StepVerifying } from './verifying/index.ts'

export interface InspectionDeps {
  readonly policy: () => Policy
  readonly secrets: VaultSecrets
  readonly scanner: ContentScanner
  readonly outbox: Pick<Broker['outbox'], 'write'>
  readonly audit: Pick<AuditClient, 'append'>
  readonly approvers: Approvers | undefined
  readonly response: Response
  /** Asks vendors about what rules found. */
  readonly verifying?: StepVerifying | undefined
  readonly clock: Clock
}

/** Looks at what steps send by the rules of their roles: finds, records, refuses, asks people, and answers for the vault's secrets. */
export function createInspection(deps: InspectionDeps): Inspection {
  const rulesOf = (step: Step) => deps.policy().roles.get(step.role)?.scan
  const streams = createStepStreams(deps.scanner)
  return {
    stepEnded: (step) => streams.end(step),
    looksAt: (step, place) => (rulesOf(step)?.actions[place] ?? 'off') !== 'off',
    open(step, sent) {
      const rules = rulesOf(step)
      return rules === undefined || rules.actions[sent.place] === 'off'
        ? undefined
        : openLook({ ...deps, scanner: streams.of(step) }, { step, sent, rules })
    },
  }
}

interface Looking {
  readonly step: Step
  readonly sent: Sent
  readonly rules: ScanRules
}

type OfStep = Omit<InspectionDeps, 'scanner'> & { readonly scanner: Pick<ContentScanner, 'scan' | 'stream'> }

interface Looked extends Looking {
  /** Secrets that vendors may be asked about. */
  readonly keys: readonly FoundKey[]
}

function openLook(deps: OfStep, looking: Looking): Look {
  const handed = deps.verifying?.wanted(looking.step) ?? []
  const collected = createCollected({
    ...deps,
    ...{ step: looking.step, handed },
    // A pack names its files by their content; its trees say where they stand.
    ...(looking.sent.place === 'push' ? { pathsLater: true } : {}),
  })
  return {
    add: (name, bytes) => collected.add(name, bytes),
    stream: (name) => collected.stream(name),
    unseen: (why) => collected.unseen(why),
    async finish(nameOf = (name) => name, by = looking.sent) {
      try {
        const { gone, waits } = by
        const sent = { ...looking.sent, gone: () => gone(), waits: (isWaiting: boolean) => waits(isWaiting) }
        const found = await collected.end(nameOf)
        return await judge(deps, { ...looking, sent, keys: collected.keys() }, found)
      } catch (error) {
        return failed(looking, error)
      }
    },
  }
}

/** What was not looked at passes only where a finding would pass, too. */
function failed({ sent, rules }: Looking, error: unknown): LookVerdict {
  const line = `what is sent could not be looked at, or that not recorded: ${messageOf(error)}`
  if (isBlocking(rules, sent.place)) return { ok: false, lines: [line] }
  warn(sent, line)
  return { ok: true }
}

function isBlocking(rules: ScanRules, place: SentPlace): boolean {
  return rules.actions[place] === 'block' || rules.actions[place] === 'known'
}

async function judge(deps: OfStep, looking: Looked, found: Found): Promise<LookVerdict> {
  const { sent, rules } = looking
  const judged = judgeFound(found, rules, rules.actions[sent.place], deps.clock.nowMs())
  const { refused, told } = judged
  const isRefused = refused.unseen || refused.more || refused.secrets.length + refused.findings.length > 0
  const secrets = [...refused.secrets, ...told.secrets]
  if (!isRefused && secrets.length + told.findings.length + judged.allowed + found.unseen.count === 0)
    return { ok: true }
  // Whatever people say: who has seen it has seen it.
  const answered = await deps.response.answer(looking.step, sent, secrets)
  const yes = isRefused ? await askPeople(deps, looking, judged) : undefined
  const outcome = !isRefused ? 'passed' : yes?.ok === true ? 'approved' : 'refused'
  const approval = yes?.ok === true ? yes.approval : undefined
  const entry = foundEntry({ sent, judged, found, outcome, approval, answered })
  const event = stepEvent(looking.step, 'scan.found', entry)
  // A refusal stands whether or not the log takes it now; what passes waits for it.
  if (outcome === 'refused') await deps.outbox.write(async (_, add) => add([event]))
  else await deps.audit.append(event)
  // What the vendor says comes later, and changes nothing of this.
  void deps.verifying?.begin(looking.step, sent.place, looking.keys, [...refused.findings, ...told.findings])
  const lines = [...linesOf(refused), ...answered.map(({ line }) => line)]
  if (outcome === 'refused') return { ok: false, lines: [...lines, ...howToGoOn(looking, judged, yes)] }
  tellStep(looking, judged, found)
  return { ok: true }
}

type Some = Pick<Found, 'secrets' | 'findings'>

/** What is certain first; else in the order of names, whichever thread found it first: the same is said in the same words. */
function allLinesOf({ secrets, findings }: Some): string[] {
  const ours = (certain: boolean) =>
    secrets
      .filter(({ isCertain }) => isCertain === certain)
      .map(lineOfSecret)
      .toSorted()
  return [...ours(true), ...ours(false), ...findings.map(lineOfFinding).toSorted()]
}

const linesOf = (some: Some) => allLinesOf(some).slice(0, maxLines)

const maxLines = 20

type Yes = Awaited<ReturnType<Approvers['ask']>> | undefined

/** Break glass: just these findings, of just this, by somebody who did not trigger the run. */
async function askPeople(deps: OfStep, { step, sent, rules }: Looking, { refused }: Judged): Promise<Yes> {
  const { approvers: group } = rules
  if (group === undefined || deps.approvers === undefined) return undefined
  const all = allLinesOf(refused)
  sent.waits(true)
  try {
    return await deps.approvers.ask({
      step,
      grant: `scan ${sent.place}`,
      mode: 'always',
      approvers: group,
      timeoutSeconds: rules.timeoutSeconds,
      operations: [`send ${sent.connection} ${shown(sent.what)} though secrets were found in it`],
      detail: {
        found: all.slice(0, maxLines).join('; '),
        // A yes is for all of them, and for no others.
        ...(all.length > maxLines
          ? { all: `${all.length} findings, SHA-256 of their lines ${sha256Hex(all.join('\n'))}` }
          : {}),
        ...(refused.unseen ? { unseen: 'a part could not be looked at' } : {}),
        ...(refused.more ? { more: 'more was found than is told' } : {}),
      },
      gone: () => sent.gone(),
      same: sent.same?.(),
      waits: (line) => sent.tell(line),
    })
  } finally {
    sent.waits(false)
  }
}

function howToGoOn({ sent, rules }: Looking, { refused }: Judged, yes: Yes): string[] {
  const from =
    sent.place === 'push'
      ? 'from every commit that this push brings (git rebase, git commit --amend)'
      : 'from what is sent'
  return [
    ...(refused.unseen ? ['a part could not be looked at, and scan.unseen says that such is refused'] : []),
    ...(refused.more ? ['there is more in it than is told: send it in smaller parts'] : []),
    ...(yes?.ok === false ? [`nobody let it pass: ${yes.why}`] : []),
    ...(refused.secrets.length + refused.findings.length === 0
      ? []
      : [
          `take it ${from}, and give it a new value where others may have it${rules.approvers === undefined ? '' : `; ${rules.approvers} may let it pass once`}`,
          'what is no secret: scan.allow in mayfly.yaml, { finding: FINGERPRINT, reason: ..., until: 20..-..-.. }',
        ]),
  ]
}

/** What passes is told to the step, unless its role only has it recorded. */
function tellStep({ sent, rules }: Looking, { refused, told }: Judged, { unseen, more }: Found): void {
  if (rules.actions[sent.place] === 'record') return
  const lines = [...linesOf(refused), ...linesOf(told)]
  for (const line of lines) warn(sent, line)
  if (more > 0) warn(sent, `${more} further findings`)
  if (unseen.count > 0)
    warn(sent, `${unseen.count} parts could not be looked at: ${shown(unseen.why.join('; '))}`)
}

function warn(sent: Sent, line: string): void {
  if (sent.warn === undefined) sent.tell(`mayfly: ${shown(sent.what)}: ${line}`)
  else sent.warn(line)
}
