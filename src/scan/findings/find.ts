import { escapeUnseen } from '../../lib/index.ts'
import { acceptanceOf, type AllowList } from './allow.ts'
import { chooseHits, sureOf, type Chosen } from './choose.ts'
import { excerptsOf } from './excerpt.ts'
import { fingerprintOf } from './fingerprint.ts'
import { ignoringAt, lineAt } from './ignore.ts'
import { handedKey, type Handing } from './handed.ts'
import type { Finding, Found, Looked } from './model.ts'

export interface FindingOptions {
  readonly nowMs: number
  readonly allow: AllowList
  /** Lines with `gitleaks:allow` fail nothing; only where somebody asks for it. */
  readonly gitleaksAllow?: boolean
  /** A file may be there under further paths: whether its path is allowed is judged when all are known. */
  readonly judgesPathsLater?: boolean
  readonly handing?: Handing | undefined
  /** So many are told; 1,000 if left out. */
  readonly most?: number
}

/** Of one content. Who needs more has a file that is nothing but secrets, or wants to fill our memory. */
export const mostFindings = 1_000

export interface Findings {
  readonly findings: readonly Finding[]
  /** So many more are not told. */
  readonly more: number
  /** Of those so many are of rules that are sure: certain or likely. */
  readonly sureMore: number
}

/**
 * What the hits of one content say to people: each secret once, in the order of the file. `hits` are all that its engine found, those in
 * the context before `from` and behind `to`, too: they are hidden in excerpts, and a finding elsewhere. What a comment or the
 * allow list accepts is there, and says so.
 */
export function findingsIn(looked: Looked, hits: readonly Found[], options: FindingOptions): Findings {
  if (hits.length === 0) return { findings: [], more: 0, sureMore: 0 }
  const own = chooseHits(hits).filter(({ start }) => looked.from <= start && start < looked.to)
  const { handing, most = mostFindings } = options
  const findingFor = (hit: Chosen) => {
    const finding = findingOf(looked, hit, excerptOf(hit), options)
    const isMeant = handing?.acceptedToo === true || finding.accepted === undefined
    if (isMeant && handing?.rules.has(finding.rule) === true) handing.take(handedKey(looked, hit, finding))
    return finding
  }
  const excerptOf = excerptsOf(looked.bytes, hits, looked.isBinary)
  return {
    findings: own.slice(0, most).map(findingFor),
    more: Math.max(0, own.length - most),
    sureMore: own.slice(most).filter((hit) => sureOf(hit) !== 'possible').length,
  }
}

function findingOf(looked: Looked, hit: Chosen, excerpt: string, options: FindingOptions): Finding {
  const { bytes, name, decoded } = looked
  const secret = bytes.subarray(hit.start, hit.end)
  const fingerprint = hit.known?.fingerprint ?? fingerprintOf(hit.rule.id, secret)
  const [start, end] = [pointAt(looked, hit.start), pointAt(looked, hit.end)]
  return {
    ...{ rule: hit.rule.id, confidence: sureOf(hit), checked: hit.checked },
    alsoFoundBy: hit.alsoFoundBy,
    ...{ file: name, decoded, start, end, excerpt, fingerprint },
    ...(hit.known === undefined ? {} : { known: hit.known }),
    ...judged(looked, hit, fingerprint, options),
  }
}

/** As a comment says, or the allow list. No comment says of what is known that it is none. */
function judged(
  { bytes, name, isBinary }: Looked,
  { rule, start, end, note, known }: Chosen,
  fingerprint: string,
  { nowMs, allow, gitleaksAllow, judgesPathsLater = false }: FindingOptions,
): Pick<Finding, 'accepted' | 'note' | 'ifPathFits'> {
  const said = isBinary || known !== undefined ? undefined : ignoringAt(bytes, start, rule.id, nowMs)
  if (said?.ignored === true) return { accepted: said.acceptance }
  const secret = bytes.toString('utf8', start, end)
  const line = lineAt(bytes, start, end)
  const asked = { rule: rule.id, file: judgesPathsLater ? undefined : name, fingerprint, secret, line }
  const entry = allow.entryFor(asked)
  if (entry !== undefined) return { accepted: acceptanceOf(entry) }
  if (gitleaksAllow === true && !isBinary && known === undefined && line.includes('gitleaks:allow'))
    return { accepted: { by: 'comment', reason: 'gitleaks:allow' } }
  const notes = [note, said?.note].filter((one) => one !== undefined)
  const ifPathFits = judgesPathsLater ? allow.ifPathFits(asked) : []
  return {
    ...(notes.length === 0 ? {} : { note: escapeUnseen(notes.join('; ')) }),
    ...(ifPathFits.length === 0 ? {} : { ifPathFits }),
  }
}

function pointAt(looked: Looked, offset: number): { line: number; column: number } {
  const { line, column } = looked.position(offset)
  return { line, column }
}
