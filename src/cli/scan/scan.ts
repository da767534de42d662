import { MayflyError, compilePattern, plainLine } from '../../lib/index.ts'
import {
  acceptKnown,
  grownBaseline,
  rankOf,
  readBaseline,
  writeBaseline,
  writeWhole,
  type Finding,
} from '../../scan/findings/index.ts'
import { createScanner, type ScanSettings } from '../../scan/index.ts'
import {
  compareFindings,
  isFailing,
  leftOutOf,
  openFindings,
  summaryLine,
  writeReport,
} from '../../scan/reports/index.ts'
import type { Report, RuleFacts } from '../../scan/reports/index.ts'
import { endWithReader, exitCodeOf, exitCodes, printError } from '../output.ts'
import { attributed, type UnlookedPart } from './attribute.ts'
import type { KnownAsker } from './known.ts'
import type { FileRules, ScanOptions } from './options.ts'
import { readRules, rulesOf } from './rules.ts'
import { chooseSource, type ChosenSource } from './source.ts'
import { createVerifying, type Verifying } from './verify.ts'

/** Of more a person, or a program, makes nothing; their number is told. */
const mostFindings = 100_000
const mostUnseen = 10_000

/**
 * Looks for secrets and reports. Answers the exit code: 1 if there are any, 2 if not all could be looked at. Of what went wrong nothing is 1,
 * so that it always says that there is a secret.
 */
export async function runScan(paths: readonly string[], options: ScanOptions): Promise<number> {
  try {
    const rules = await readRules(options)
    if (options.listRules === true) return listRules(await rulesOf(rules))
    const verifying = await createVerifying(options)
    const report = await scanned(paths, options, rules, verifying)
    if (options.revoke !== undefined && verifying !== undefined)
      return await verifying.revoke(report.findings)
    if (options.writeBaseline !== undefined) addToBaseline(options.writeBaseline, report)
    tell(report, options)
    return codeOf(report, options)
  } catch (error) {
    printError(false, error)
    return Math.max(exitCodeOf(error), exitCodes.usage)
  }
}

/** What was found, as it is told. */
export async function scanned(
  paths: readonly string[],
  options: ScanOptions,
  rules: FileRules,
  verifying?: Verifying,
): Promise<Report> {
  const baseline = options.baseline === undefined ? new Map() : readBaseline(options.baseline)
  const mayBeUnseen = judgeOfUnseen(rules.mayBeUnseen)
  const unseen = createUnseen(mayBeUnseen)
  // Loaded where it is asked for: to read what else it needs takes longer than most scans.
  const asking = options.known === true ? await import('./known.ts') : undefined
  const known = asking?.createKnownAsker(options)
  const source = await chooseSource(paths, options, unseen.add, rules)
  const startMs = Date.now()
  const found = await look(source, options, { rules, startMs, unseen, known, verifying }).finally(() =>
    source.release?.(),
  )
  // Whoever names one means it, however sure its rule is.
  const least = options.revoke === undefined ? rankOf(options.confidence) : 0
  const sure = found.findings.filter(({ confidence }) => rankOf(confidence) >= least)
  const looked = { findings: sure, unseen: unseen.all() }
  const told =
    source.history === undefined
      ? looked
      : await attributed(looked, source.history, { allow: rules.allow, mayBeUnseen }, startMs)
  const findings = acceptKnown(told.findings, baseline).toSorted(compareFindings)
  return {
    ...{
      scanned: source.scanned,
      failOn: options.failOn,
      rules:
        told.findings.length === 0
          ? []
          : [...(await rulesOf(rules)), ...(asking === undefined ? [] : [asking.knownFacts])],
      unseen: told.unseen,
    },
    findings:
      verifying === undefined || options.revoke !== undefined ? findings : await verifying.verified(findings),
    ...{
      warnings: [...rules.warnings, ...((await source.warnings?.()) ?? [])],
      files: found.files,
      bytes: found.bytes,
    },
    ...{ startMs, endMs: Date.now() },
  }
}

/** What is written to a baseline is known from then on. */
export function codeOf(report: Report, { writeBaseline, allowUnseen }: ScanOptions): number {
  const fails = openFindings(report).some((finding) => isFailing(finding, report))
  if (fails && writeBaseline === undefined) return exitCodes.refused
  return report.unseen.length > 0 && allowUnseen !== true ? exitCodes.usage : exitCodes.ok
}

interface Looking {
  readonly rules: FileRules
  readonly startMs: number
  readonly unseen: Unseen
  readonly known: KnownAsker | undefined
  readonly verifying: Verifying | undefined
}

async function look(
  source: ChosenSource,
  { jobs, revoke }: ScanOptions,
  { rules, startMs, unseen, known, verifying }: Looking,
): Promise<{ readonly findings: readonly Finding[]; readonly files: number; readonly bytes: number }> {
  await using scanner = createScanner({
    settings: {
      ...{ ...settingsOf(rules), asksKnown: known !== undefined },
      judgesPathsLater: source.history !== undefined,
      handed: verifying?.handed ?? [],
      handsAccepted: revoke !== undefined,
    },
    nowMs: startMs,
    ...(jobs === undefined ? {} : { threads: jobs }),
  })
  const findings: Finding[] = []
  let left = 0
  const looked = await scanner.scan(source.batches, {
    findings(more) {
      const room = Math.max(0, mostFindings - findings.length)
      findings.push(...more.slice(0, room))
      left += Math.max(0, more.length - room)
    },
    more: (name, count) =>
      unseen.add({ name, code: 'limit', why: `${count} more findings in it are not told` }),
    unseen: unseen.add,
    ...(known === undefined ? {} : { known: known.ask }),
    ...(verifying === undefined ? {} : { key: verifying.take }),
  })
  known?.check()
  if (left > 0) unseen.add({ name: '', code: 'limit', why: `${left} more findings are not told` })
  return { findings, files: looked.parts, bytes: looked.bytes }
}

/** What threads are handed. */
function settingsOf({ rules, without, allow, gitleaksAllow }: FileRules): ScanSettings {
  return { rules, rulesAreRead: true, without, allow, gitleaksAllow }
}

/** Of an archive that need not be looked at no member has to be. */
function judgeOfUnseen(sources: readonly string[]): (name: string) => boolean {
  const patterns = sources.map(compilePattern)
  const isNamed = (name: string) => patterns.some((pattern) => pattern.matches(name))
  return (name) => {
    for (let at = name.indexOf('!'); at !== -1; at = name.indexOf('!', at + 1))
      if (isNamed(name.slice(0, at))) return true
    return isNamed(name)
  }
}

interface Unseen {
  readonly add: (unseen: UnlookedPart) => void
  readonly all: () => readonly UnlookedPart[]
}

/** What a rule file lets be unseen is not told; of a blob that is judged when all its paths are known. */
function createUnseen(mayBeUnseen: (name: string) => boolean): Unseen {
  const all: UnlookedPart[] = []
  let left = 0
  return {
    add(one) {
      if (one.blob === undefined && mayBeUnseen(one.name)) return
      if (all.length < mostUnseen) all.push(one)
      else left++
    },
    all: () => (left === 0 ? all : [...all, { name: '', code: 'limit', why: `and ${left} more` }]),
  }
}

function addToBaseline(file: string, { findings, startMs }: Report): void {
  writeBaseline(file, grownBaseline(readIfThere(file), findings, startMs))
}

function readIfThere(file: string): ReturnType<typeof readBaseline> {
  try {
    return readBaseline(file)
  } catch (error) {
    const cause = error instanceof MayflyError ? error.cause : undefined
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return new Map()
    throw error
  }
}

/** With `--output` the summary is on standard error, for the person at the terminal. */
function tell(report: Report, { report: form, output }: ScanOptions): void {
  const text = writeReport(report, form)
  const leftOut = leftOutOf(report, form)
  if (leftOut !== undefined) process.stderr.write(`mayfly: ${leftOut}\n`)
  if (output !== undefined) {
    writeWhole(output, text)
    process.stderr.write(`mayfly: ${summaryLine(report)}\n`)
    return
  }
  endWithReader()
  process.stdout.write(text)
}

function listRules(rules: readonly RuleFacts[]): number {
  endWithReader()
  process.stdout.write(
    rules.map(({ id, title, confidence }) => `${plainLine(`${id}  ${confidence}  ${title}`)}\n`).join(''),
  )
  return exitCodes.ok
}
