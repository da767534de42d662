import type { PermissionName, PolicyDocument } from '../config/index.ts'
import { scopes, type Login, type Scope } from './operator.ts'

/** One human, however many logins they have. */
export interface Person {
  /** The name in mayfly.yaml, or issuer and subject: the same for all logins of one person. */
  readonly key: string
  /** For messages and tables. */
  readonly name: string
  /** Who they are on the CIs: `github:583231`. */
  readonly ci: readonly string[]
}

const viewer: readonly Scope[] = ['policy:read', 'secret:read', 'session:read', 'lease:read', 'approval:read']
const scopesOf: Readonly<Record<PermissionName, readonly Scope[]>> = {
  viewer,
  approver: [...viewer, 'approval:decide'],
  operator: [...viewer, 'session:revoke', 'secret:write', 'secret:scan', 'policy:write', 'attest:verify'],
  admin: scopes,
}

/** Who this is, by the policy in force; undefined if the policy calls one login two people. */
export function identifyPerson(document: PolicyDocument, login: Login): Person | undefined {
  const ids = new Set([
    `sub:${login.subject}`,
    ...(login.email === undefined ? [] : [`email:${login.email.toLowerCase()}`]),
  ])
  const found = Object.entries(document.people).filter(([, { logins }]) =>
    logins.some((one) => ids.has(one.startsWith('email:') ? one.toLowerCase() : one)),
  )
  // A subject that is one person and an address that is another: neither is believed.
  if (found.length > 1) return undefined
  const [known] = found
  if (known !== undefined) return { key: known[0], name: known[0], ci: known[1].ci }
  const key = `${login.issuer}#${login.subject}`
  // Not what they call themselves: that could be anybody's name.
  return { key, name: login.email ?? key, ci: [] }
}

/** The groups of mayfly.yaml that this login belongs to. */
export function groupsOf(document: PolicyDocument, login: Login): ReadonlySet<string> {
  const person = identifyPerson(document, login)
  if (person === undefined) return new Set()
  const claimed = new Set(login.groups)
  return new Set(
    Object.entries(document.groups)
      .filter(
        ([, group]) => group.people.includes(person.key) || group.claim.some((value) => claimed.has(value)),
      )
      .map(([name]) => name),
  )
}

/** What this login may do; nothing if it is of another provider than the one in force. */
export function permittedScopes(document: PolicyDocument, login: Login): readonly Scope[] {
  const { sign_in } = document
  if (sign_in === undefined || sign_in.issuer !== login.issuer) return []
  const groups = groupsOf(document, login)
  const permitted = Object.entries(sign_in.permissions).flatMap(([permission, names]) =>
    names.some((name) => groups.has(name)) ? scopesOf[permission as PermissionName] : [],
  )
  return [...new Set(permitted)]
}
