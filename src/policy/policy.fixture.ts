import assert from 'node:assert/strict'
import { formatProblem, parseConfig, policySchema, type PolicyDocument } from '../config/index.ts'
import { formOf, formOfValues, gitRef } from '../lib/index.ts'
import { draftPolicy } from './draft.ts'
import type { IssuerFacts } from './issuer-facts.ts'
import { lint, type LintFinding } from './lint/index.ts'
import { compilePolicy, type Policy } from './policy.ts'

const number = formOf({ rule: 'a number', is: (text) => /^[0-9]+$/.test(text), fillers: ['1', ''] })

/** GitHub as its profile describes it. */
export const githubFacts: IssuerFacts = {
  kind: 'github-actions',
  pins: ['repository_id', 'owner_id'],
  ids: { repository: 'repository_id', owner: 'owner_id', actor: 'actor_id' },
  claims: {
    subject: 'sub',
    repository: 'repository',
    repository_id: 'repository_id',
    owner: 'repository_owner',
    owner_id: 'repository_owner_id',
    ref: 'ref',
    ref_protected: 'ref_protected',
    commit: 'sha',
    workflow: 'job_workflow_ref',
    workflow_digest: 'job_workflow_sha',
    environment: 'environment',
    event: 'event_name',
    actor: 'actor',
    actor_id: 'actor_id',
    runner: 'runner_environment',
  },
  derived: [],
  forms: { repository_id: number, owner_id: number, actor_id: number, ref: gitRef },
  documented: {
    event: formOfValues([
      'push',
      'pull_request',
      'pull_request_target',
      'workflow_dispatch',
      'workflow_run',
      'schedule',
      'issue_comment',
      'release',
    ]),
  },
  fixed: {},
}

export const anyFacts: IssuerFacts = {
  kind: 'oidc',
  pins: ['subject'],
  ids: {},
  claims: { subject: 'sub' },
  derived: [],
  forms: {},
  documented: {},
  fixed: {},
}

export const issuers: ReadonlyMap<string, IssuerFacts> = new Map([
  ['github', githubFacts],
  [
    'gitlab',
    {
      ...githubFacts,
      kind: 'gitlab',
      derived: ['fork'],
      documented: { event: formOfValues(['push', 'merge_request_event', 'web']) },
    },
  ],
  ['limited', { ...githubFacts, pins: [], fixed: { owner_id: '65781' } }],
  ['any', anyFacts],
])

export interface RoleText {
  readonly trust: string
  readonly grants?: readonly (string | object)[]
  /** Further keys, as `mode: shadow`. */
  readonly more?: string
}

/** A mayfly.yaml of these roles; a last role grants every connection, so that none is unused. */
export function policyText(roles: Readonly<Record<string, RoleText>>, more = ''): string {
  const lines = Object.entries(roles).map(
    ([name, role]) =>
      `  ${name}:\n    trust: ${role.trust}\n    grants: ${JSON.stringify(role.grants ?? ['git:read github/octo/app'])}\n${role.more === undefined ? '' : `    ${role.more}\n`}`,
  )
  return `issuers:
  github: { kind: github-actions }
  gitlab: { kind: gitlab }
  limited: { kind: github-actions, url: https://ghes.example.com, owner_id: "65781" }
  any: { kind: oidc, url: https://any.example.com }
connections:
  github: { kind: git, url: https://github.com }
  other: { kind: git, url: https://git.example.com }
  npmjs: { kind: npm, url: https://registry.example.com }
roles:
${lines.join('')}  rest:
    trust: { issuer: any, subject: nobody-in-particular }
    grants: [npm:install npmjs, git:read github/rest/rest, git:read other/rest/rest]
${more}`
}

export function parsePolicy(text: string) {
  const parsed = parseConfig(text, 'mayfly.yaml', policySchema)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  return parsed
}

export function compileText(
  text: string,
  files: Readonly<Record<string, string>> = {},
): { policy: Policy; document: PolicyDocument } {
  const { value: document, locate } = parsePolicy(text)
  const compiled = compilePolicy(document, locate, issuers, files)
  assert.ok(compiled.ok, compiled.ok ? '' : compiled.problems.map(formatProblem).join('\n'))
  return { policy: compiled.policy, document }
}

/** Why the policy is refused when it is loaded, one line each. */
export function refusalsOf(text: string, files: Readonly<Record<string, string>> = {}): string[] {
  const { value: document, locate } = parsePolicy(text)
  const compiled = compilePolicy(document, locate, issuers, files)
  return compiled.ok ? [] : compiled.problems.map(formatProblem)
}

export function lintText(text: string): LintFinding[] {
  const { value: document, locate } = parsePolicy(text)
  return lint(draftPolicy(document, locate, issuers))
}
