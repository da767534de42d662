import type { Sent } from '../gateway/index.ts'
import { shown, type Found, type FoundSecret, type Judged, type RuleFinding } from './found.ts'
import type { Answered } from './response.ts'

/** What an entry has room for. */
const maxListed = 40

/** For the log: where and what, never the value, and no line of a file. */
export function foundEntry({
  sent: { place, connection, what },
  judged: { refused, told, allowed },
  found,
  outcome,
  approval,
  answered,
}: {
  readonly sent: Pick<Sent, 'connection' | 'what'> & { readonly place: string }
  readonly judged: Judged
  readonly found: Found
  readonly outcome: 'passed' | 'approved' | 'refused' | 'masked'
  readonly approval: string | undefined
  readonly answered: readonly Answered[]
}): Record<string, unknown> {
  const secrets = [...refused.secrets, ...told.secrets]
  const findings = [...refused.findings, ...told.findings]
  return {
    ...{ place, connection, what: shown(what), outcome },
    ...(approval === undefined ? {} : { approval }),
    secrets: secrets.slice(0, maxListed).map(secretOf),
    findings: findings.slice(0, maxListed).map(findingOf),
    more: found.more + Math.max(0, secrets.length - maxListed) + Math.max(0, findings.length - maxListed),
    ...(allowed === 0 ? {} : { allowed }),
    ...(found.unseen.count === 0
      ? {}
      : { unseen: found.unseen.count, whyUnseen: found.unseen.why.map(shown) }),
    ...listed(
      'compromised',
      answered.flatMap(({ secret }) => secret ?? []),
    ),
    ...listed('revoked', [...new Set(answered.flatMap(({ leases }) => leases))]),
  }
}

/** As many as there is room for, and how many there are if that is not all. */
function listed(name: string, all: readonly string[]): Record<string, unknown> {
  if (all.length === 0) return {}
  const count = all.length > maxListed ? { [`${name}Count`]: all.length } : {}
  return { [name]: all.slice(0, maxListed), ...count }
}

function secretOf({ owner, name, line, isCertain, fingerprint }: FoundSecret): Record<string, unknown> {
  const whose =
    owner.kind === 'secret'
      ? { secret: owner.secret, version: owner.version }
      : { credentialOf: owner.connection, givenTo: owner.step, lease: owner.lease }
  return { ...whose, path: shown(name), ...lineIn(line), certain: isCertain, fingerprint }
}

function findingOf({ finding }: RuleFinding): Record<string, unknown> {
  const { rule, confidence, file, start, fingerprint } = finding
  return { rule, confidence, path: shown(file), ...lineIn(start.line), fingerprint }
}

/** What is no file has none. */
function lineIn(line: number): { line?: number } {
  return line === 0 ? {} : { line }
}
