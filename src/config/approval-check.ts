import type { ConfigProblem, Locate } from './document.ts'
import type { ApprovalConfig, PolicyDocument } from './policy-schema.ts'

/** What is wrong with people, groups, approvals and sign-in that a schema cannot see: names, doubles, the unreachable. */
export function operatorProblems(document: PolicyDocument, locate: Locate): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const complain = (path: PropertyKey[], message: string) => problems.push({ ...locate(path), message })
  checkPeople(document, complain)
  checkGroups(document, complain)
  checkApprovals(document, complain)
  checkSignIn(document, complain)
  return problems
}

type Complain = (path: PropertyKey[], message: string) => void

/** The groups an approval names, with how many of each. */
export function partsOf(approval: ApprovalConfig): readonly { group: string; count: number }[] {
  const { group, count = 1, all, any } = approval
  return group === undefined ? (all ?? any ?? []) : [{ group, count }]
}

const withNumericIds: ReadonlySet<string> = new Set(['github-actions', 'gitlab'])

function checkPeople({ people, issuers }: PolicyDocument, complain: Complain): void {
  const seen = new Map<string, string>()
  for (const [name, { logins, ci }] of Object.entries(people)) {
    const claim = (key: string, id: string) => {
      const other = seen.get(id)
      // Two names for one login: one person would count as two.
      if (other !== undefined)
        complain(['people', name, key], `${id} is "${other}" already: a login is one person’s`)
      seen.set(id, name)
    }
    for (const login of logins) claim('logins', login.startsWith('email:') ? login.toLowerCase() : login)
    for (const link of ci) {
      claim('ci', link)
      const issuer = link.slice(0, link.indexOf(':'))
      if (!Object.hasOwn(issuers, issuer))
        complain(['people', name, 'ci'], `${link}: there is no issuer "${issuer}" under issuers`)
      // Who has changed their name could approve their own run.
      else if (withNumericIds.has(issuers[issuer]?.kind ?? '') && !/:[0-9]+$/.test(link))
        complain(
          ['people', name, 'ci'],
          `${link}: name the account by its numeric id; a name may change hands`,
        )
    }
  }
}

function checkGroups({ groups, people, sign_in }: PolicyDocument, complain: Complain): void {
  for (const [name, group] of Object.entries(groups)) {
    for (const person of group.people)
      if (!Object.hasOwn(people, person))
        complain(['groups', name, 'people'], `group "${name}": there is no "${person}" under people`)
    if (group.people.length === 0 && group.claim.length === 0)
      complain(['groups', name], `group "${name}" is empty: name people, or values of the groups claim`)
    if (group.claim.length > 0 && sign_in === undefined)
      complain(['groups', name, 'claim'], `group "${name}": a groups claim needs sign_in`)
  }
}

function checkApprovals({ roles, groups, people, sign_in }: PolicyDocument, complain: Complain): void {
  for (const [name, { approval }] of Object.entries(roles)) {
    if (approval === undefined) continue
    const path = ['roles', name, 'approval']
    if (sign_in === undefined)
      complain(path, `role "${name}" needs an approval, but nobody can sign in to give it: add sign_in`)
    for (const { group: groupName, count } of partsOf(approval)) {
      const group = Object.hasOwn(groups, groupName) ? groups[groupName] : undefined
      if (group === undefined) {
        complain(path, `role "${name}": there is no group "${groupName}" under groups`)
        continue
      }
      if (group.claim.length > 0) continue
      const able = new Set(
        group.people.filter((one) => group.allow_unlinked || (people[one]?.ci ?? []).length > 0),
      )
      if (able.size < count)
        complain(
          path,
          `role "${name}" needs ${count} of group "${groupName}", which has ${able.size} who could approve (people with \`ci\`, or a group with allow_unlinked)`,
        )
    }
  }
}

function checkSignIn({ sign_in, groups }: PolicyDocument, complain: Complain): void {
  if (sign_in === undefined) return
  const { protocol, hostname } = new URL(sign_in.issuer)
  // Whoever can answer in its place can sign in as anybody.
  if (protocol === 'http:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
    complain(['sign_in', 'issuer'], 'sign_in: the provider is asked over https:// only')
  if (!sign_in.scopes.includes('openid'))
    complain(['sign_in', 'scopes'], 'sign_in: scopes must include openid')
  for (const [permission, names] of Object.entries(sign_in.permissions))
    for (const name of names)
      if (!Object.hasOwn(groups, name))
        complain(['sign_in', 'permissions', permission], `sign_in: there is no group "${name}" under groups`)
}
