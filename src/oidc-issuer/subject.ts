import { intersects, MayflyError } from '../lib/index.ts'
import type { ConfigProblem, Locate, PolicyDocument } from '../config/index.ts'

/** What the job's issuer said, and the role: what a template may name. */
export type SubjectFacts = Readonly<Record<string, string | undefined>>

/** OpenID Connect Core 1.0, section 2: `sub` is at most 255 ASCII characters. */
const maxSubjectLength = 255

/**
 * The `sub` of a role's tokens. What comes from the job is escaped (percent, UTF-8) but for letters, digits and `._/@-`: a
 * branch named `x:role` stays within its part, and one named `*` is no wildcard in anybody's trust policy. Throws
 * `credential_failed` if the job has no such claim.
 */
export function subjectOf(role: string, template: string | undefined, facts: SubjectFacts): string {
  const subject = (template ?? templateOf(role)).replaceAll(/\{([a-z_]+)\}/g, (_, claim: string) => {
    const value = claim === 'role' ? role : facts[claim]
    if (value === undefined || value === '')
      throw new MayflyError(
        'credential_failed',
        `the subject of role "${role}" names {${claim}}, which this job’s identity does not have: change its identity.subject`,
      )
    return escapeClaim(value)
  })
  if (subject.length <= maxSubjectLength) return subject
  throw new MayflyError(
    'credential_failed',
    `the subject of role "${role}" is longer than ${maxSubjectLength} characters for this job: let its identity.subject name ids`,
  )
}

/** As Mayfly itself: for what no step asks for. */
export function serverSubject(purpose: string): string {
  return `server:${escapeClaim(purpose)}`
}

/** Roles whose subjects could be the same: a job in one would be taken for a job in the other. */
export function subjectProblems(document: Pick<PolicyDocument, 'roles'>, locate: Locate): ConfigProblem[] {
  const roles = Object.entries(document.roles).map(([name, { identity }]) => ({
    name,
    written: identity?.subject,
    // The same role always, so its name is as good as written.
    parts: (identity?.subject ?? templateOf(name)).replaceAll('{role}', name).split(':'),
  }))
  const server = { name: 'Mayfly itself', written: undefined, parts: ['server', '{purpose}'] }
  return roles.flatMap(({ name, written, parts }, i) => {
    if (written === undefined) return []
    const others = [server, ...roles.filter((other, j) => j !== i && (other.written === undefined || j < i))]
    const same = others.find((other) => canBeSame(parts, other.parts))
    return same === undefined
      ? []
      : [
          {
            ...locate(['roles', name, 'identity', 'subject']),
            message: `role "${name}": a subject ${written} can be that of ${same === server ? same.name : `role "${same.name}"`}, too: upstreams could not tell them apart; let it have {role} in it`,
          },
        ]
  })
}

/** No value has a `:`, so subjects are the same only part by part. */
function canBeSame(one: readonly string[], other: readonly string[]): boolean {
  const pattern = (part: string) => part.replaceAll(/\{[a-z_]+\}/g, '*')
  return (
    one.length === other.length && one.every((part, i) => intersects(pattern(part), pattern(other[i] ?? '')))
  )
}

function templateOf(role: string): string {
  return `role:${role}`
}

function escapeClaim(value: string): string {
  return [...Buffer.from(value)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return /[A-Za-z0-9._/@-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}
