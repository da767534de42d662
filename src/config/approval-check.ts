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

/**
 * How the CIs that say who triggered a run name them for good. The others do not say it; a Google token's `actor` is the
 * service account, the same for whoever triggered the build.
 */
const accountIds: Readonly<Record<string, { form: RegExp; called: string }>> = {
  'github-actions': { form: /:[0-9]+$/, called: 'numeric id' },
  gitlab: { form: /:[0-9]+$/, called: 'numeric id' },
  circleci: { form: /:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, called: 'UUID in lower case' },
}

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
      const wrong = linkProblem(link, issuers)
      if (wrong !== undefined) complain(['people', name, 'ci'], `${link}: ${wrong}`)
    }
  }
}

function linkProblem(link: string, issuers: PolicyDocument['issuers']): string | undefined {
  const name = link.slice(0, link.indexOf(':'))
  const issuer = Object.hasOwn(issuers, name) ? issuers[name] : undefined
  if (issuer === undefined) return `there is no issuer "${name}" under issuers`
  const ids = accountIds[issuer.kind]
  // Whoever has such a link would count as somebody else than the one who triggered the run.
  if (ids === undefined)
    return `tokens of ${issuer.kind} do not say who triggered a run; only a group with allow_unlinked can approve there`
  // Who has changed their name could approve their own run.
  if (!ids.form.test(link)) return `name the account by its ${ids.called}; a name may change hands`
  return undefined
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

function checkApprovals(document: PolicyDocument, complain: Complain): void {
  for (const [name, { approval, trust, grants, scan }] of Object.entries(document.roles)) {
    const role = `role "${name}"`
    const scanApprovers = scan?.approvers ?? document.scan?.approvers
    if (scanApprovers !== undefined)
      checkApprovers(document, trust.issuer, [{ group: scanApprovers, count: 1 }], role, (message) =>
        complain(
          scan?.approvers === undefined ? ['scan', 'approvers'] : ['roles', name, 'scan', 'approvers'],
          message,
        ),
      )
    if (approval !== undefined)
      checkApprovers(document, trust.issuer, partsOf(approval), role, (message) =>
        complain(['roles', name, 'approval'], message),
      )
    for (const [index, grant] of grants.entries()) {
      if (typeof grant === 'string' || grant.approval === undefined) continue
      const path = ['roles', name, 'grants', index]
      const { approvers } = grant
      if (approvers === undefined && approval === undefined)
        complain(path, `${role}: say by \`approvers\` which group says yes to "${grant.grant}"`)
      if (approvers !== undefined)
        checkApprovers(document, trust.issuer, [{ group: approvers, count: 1 }], role, (message) =>
          complain(path, message),
        )
    }
  }
}

function checkApprovers(
  { groups, people, sign_in }: PolicyDocument,
  issuer: string | undefined,
  parts: readonly { group: string; count: number }[],
  role: string,
  complain: (message: string) => void,
): void {
  if (sign_in === undefined)
    complain(`${role} needs an approval, but nobody can sign in to give it: add sign_in`)
  for (const { group: groupName, count } of parts) {
    const group = Object.hasOwn(groups, groupName) ? groups[groupName] : undefined
    if (group === undefined) {
      complain(`${role}: there is no group "${groupName}" under groups`)
      continue
    }
    if (group.claim.length > 0) continue
    const isLinked = (one: string) => people[one]?.ci.some((link) => link.startsWith(`${issuer}:`))
    const able = new Set(group.people.filter((one) => group.allow_unlinked || isLinked(one)))
    if (able.size < count)
      complain(
        `${role} needs ${count} of group "${groupName}", which has ${able.size} who could approve (people with \`ci\` on "${issuer}", or a group with allow_unlinked)`,
      )
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
