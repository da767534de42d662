import type { ScanAction } from '../config/index.ts'
import type { FilePaths } from '../gateway/index.ts'
import type { ScanRules } from '../policy/index.ts'
import type { Finding } from '../scan/findings/index.ts'
import type { RuleFacts } from './content-scanner.ts'
import { escapeUnseen } from '../lib/index.ts'
import type { Owner } from './vault-secrets.ts'

/** A text of the vault, or one that a step was given, where it should not be. */
export interface FoundSecret {
  readonly owner: Owner
  /** Of the places where it stands the one that is told: what is not allowed there decides. */
  readonly name: string
  readonly at: FilePaths
  /** 0: what is no file has no lines. */
  readonly line: number
  readonly isCertain: boolean
  /** In output: it stands there as it is, so that it can be masked. */
  readonly isMasked: boolean
  /** By which a policy allows it: 32 hex digits that only the vault's key makes. */
  readonly fingerprint: string
}

export interface RuleFinding {
  /** Its `file` is the place that is told. */
  readonly finding: Finding & RuleFacts
  readonly at: FilePaths
}

/** What was found in one thing that a step sends. */
export interface Found {
  readonly secrets: readonly FoundSecret[]
  readonly findings: readonly RuleFinding[]
  /** Secrets and findings beyond those. */
  readonly more: number
  /** Of those so many are more than possible; whether something allows them was not asked. */
  readonly sureMore: number
  /** Of those so many are ours for certain. */
  readonly certainMore: number
  readonly unseen: { readonly count: number; readonly why: readonly string[] }
}

export interface Judged {
  readonly refused: Pick<Found, 'secrets' | 'findings'> & {
    readonly unseen: boolean
    /** There are more than are told, and what nobody was shown passes nowhere. */
    readonly more: boolean
  }
  readonly told: Pick<Found, 'secrets' | 'findings'>
  readonly allowed: number
}

/** What the role's rules say to what was found. */
export function judgeFound(found: Found, rules: ScanRules, action: ScanAction, nowMs: number): Judged {
  const isAllowed = (fingerprint: string, path: string | undefined) =>
    rules.allows({ fingerprint, path }, nowMs) !== undefined
  /** The first place at which nothing allows it; undefined if it is allowed at all of them. */
  const refusedAt = (fingerprint: string, { paths, isWhole }: FilePaths): string | undefined => {
    const refused = paths.find((path) => !isAllowed(fingerprint, path))
    if (refused !== undefined || (isWhole && paths.length > 0)) return refused
    return isAllowed(fingerprint, undefined) ? undefined : `${paths[0] ?? '?'} (and perhaps elsewhere)`
  }
  const secrets = found.secrets.flatMap((one) => {
    const name = refusedAt(one.fingerprint, one.at)
    return name === undefined ? [] : [{ ...one, name }]
  })
  const findings = found.findings.flatMap(({ finding, at }) => {
    const file = finding.accepted === undefined ? refusedAt(finding.fingerprint, at) : undefined
    return file === undefined ? [] : [{ at, finding: { ...finding, file } }]
  })
  const refusesKnown = action === 'block' || action === 'known'
  const isRefused = ({ finding }: RuleFinding) => action === 'block' && finding.confidence !== 'possible'
  return {
    refused: {
      secrets: refusesKnown ? secrets.filter(({ isCertain }) => isCertain || action === 'block') : [],
      findings: findings.filter(isRefused),
      unseen: refusesKnown && rules.refusesUnseen && found.unseen.count > 0,
      more: (action === 'block' && found.sureMore > 0) || (refusesKnown && found.certainMore > 0),
    },
    told: {
      secrets: refusesKnown ? secrets.filter(({ isCertain }) => !isCertain && action !== 'block') : secrets,
      findings: findings.filter((one) => !isRefused(one)),
    },
    allowed: found.secrets.length + found.findings.length - secrets.length - findings.length,
  }
}

/** One line for people: where it is, what it is, and what takes its place. No byte of a secret but the excerpt's first four. */
export function lineOfSecret({ owner, name, line, isCertain, fingerprint }: FoundSecret): string {
  const where = placeOf(name, line)
  const sure = isCertain ? '' : 'perhaps '
  const what =
    owner.kind === 'secret'
      ? `${sure}secret "${owner.secret}" of the vault (version ${owner.version}): steps need no copy of it, connections use it for them`
      : `${sure}the credential that a step was given for connection "${owner.connection}": the gateway adds it, a file needs none`
  return `${where}: ${what} [${fingerprint}]`
}

export function lineOfFinding({ finding }: RuleFinding): string {
  const { file, start, rule, confidence, excerpt, fingerprint, title, connection, revoke } = finding
  const instead = connection === undefined ? '' : `; a connection of kind ${connection} takes its place`
  const end = revoke === undefined ? '' : `; revoke it: ${revoke}`
  return `${shown(file)}:${start.line}:${start.column}: ${title} (${rule}, ${confidence}) ${shown(excerpt)}${instead}${end} [${fingerprint}]`
}

/** The place that is told: a file and its line, or what has no lines. */
export function placeOf(name: string, line: number): string {
  return line === 0 ? shown(name) : `${shown(name)}:${line}`
}

const maxShown = 160

/** A file's name and a line of it are the step's own text. */
export function shown(text: string): string {
  const safe = escapeUnseen(text.slice(0, 2 * maxShown))
  return safe.length <= maxShown ? safe : `${safe.slice(0, maxShown)}…`
}
