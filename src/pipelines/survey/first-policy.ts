import { untoldForks } from '../migrate/buildkite/forks.ts'
import { need } from '../migrate/commands/command.ts'
import type { MovedRole, Need, RepositoryFacts } from '../migrate/model.ts'
import type { PolicyIssuer } from '../migrate/policy.ts'
import type { CiName } from '../model.ts'
import type { Use } from './uses.ts'

/** CIs whose jobs can prove who they are to Mayfly. */
export const issuingCis = [
  'github',
  'gitlab',
  'buildkite',
  'circleci',
  'bitbucket',
  'azure',
  'jenkins',
] as const
export type IssuingCi = (typeof issuingCis)[number]

export const isIssuing = (ci: CiName): ci is IssuingCi => issuingCis.some((one) => one === ci)

export interface IssuerForm {
  readonly kind: string
  /** Undefined: it has one URL for everybody, and a server of one's own says another. */
  readonly url?: RegExp
  readonly urlText?: string
  readonly id: RegExp
  readonly idText: string
  /** The key of the issuer that limits it to one owner, and the form of its id. */
  readonly owner?: { readonly key: string; readonly is: RegExp; readonly text: string }
  /** Events that run what somebody pushed; undefined where the token says none. */
  readonly events?: readonly string[]
  readonly saysProtected: boolean
  /** By what a rule pins the job. */
  readonly pin: 'repository_id' | 'subject'
  /** A fork's builds have the same id, and another address of the repository. */
  readonly pinsAddress?: true
  /** What the token cannot say, for whoever applies the policy. */
  readonly warning?: string
}

const number = /^[1-9]\d{0,18}$/
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/
const bracedUuid = /^\{[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}$/

/** What each CI's issuer needs to be told; docs/issuers.md says where people find it. */
export const issuerForms: Readonly<Record<IssuingCi, IssuerForm>> = {
  github: {
    kind: 'github-actions',
    id: number,
    idText: 'the repository’s number: gh api repos/OWNER/NAME --jq .id',
    owner: {
      key: 'owner_id',
      is: number,
      text: 'its owner’s number: gh api repos/OWNER/NAME --jq .owner.id',
    },
    events: ['push', 'pull_request'],
    saysProtected: true,
    pin: 'repository_id',
  },
  gitlab: {
    kind: 'gitlab',
    id: number,
    idText: 'the project’s ID, on its overview page',
    owner: { key: 'namespace_id', is: number, text: 'its group’s ID, on the group’s overview page' },
    events: ['push'],
    saysProtected: true,
    pin: 'repository_id',
    warning:
      'pipelines of merge requests have no role, since forks make them, too: { event: merge_request_event, fork: false } is a rule for yours (docs/policy.md)',
  },
  buildkite: {
    kind: 'buildkite',
    id: uuid,
    idText: 'the pipeline’s UUID: its settings, or BUILDKITE_PIPELINE_ID in a job',
    owner: { key: 'organization_id', is: uuid, text: 'the organization’s UUID: its settings' },
    saysProtected: false,
    pin: 'repository_id',
    warning: untoldForks,
  },
  circleci: {
    kind: 'circleci',
    url: /^https:\/\/oidc\.circleci\.com\/org\/[0-9a-f-]{36}$/,
    urlText: 'https://oidc.circleci.com/org/ORGANIZATION_ID (Organization Settings)',
    id: uuid,
    idText: 'the project’s ID: Project Settings',
    saysProtected: false,
    pin: 'repository_id',
    pinsAddress: true,
  },
  bitbucket: {
    kind: 'bitbucket',
    url: /^https:\/\/api\.bitbucket\.org\/2\.0\/workspaces\/[\w-]+\/pipelines-config\/identity\/oidc$/,
    urlText: 'the identity provider URL: Repository settings, OpenID Connect',
    id: bracedUuid,
    idText: 'the repository’s UUID in braces: Repository settings, OpenID Connect',
    owner: { key: 'workspace_uuid', is: bracedUuid, text: 'the workspace’s UUID in braces: the same page' },
    saysProtected: false,
    pin: 'repository_id',
  },
  azure: {
    kind: 'azure-devops',
    url: /^https:\/\/vstoken\.dev\.azure\.com\/[0-9a-f-]{36}$/,
    urlText: 'https://vstoken.dev.azure.com/ORGANIZATION_ID',
    id: uuid,
    idText: 'the repository’s ID: az repos show --query id',
    saysProtected: false,
    pin: 'repository_id',
  },
  jenkins: {
    kind: 'jenkins',
    url: /^https:\/\/[\w.-]+(?::\d+)?(?:\/[\w./-]*)?\/oidc$/,
    urlText: 'https://JENKINS/oidc, of the plugin oidc-provider',
    id: /^https:\/\/\S+\/job\/\S+$/,
    idText: 'the job’s URL: https://JENKINS/job/NAME/',
    saysProtected: false,
    pin: 'subject',
  },
}

export interface Answers {
  readonly ci: IssuingCi
  readonly repository: RepositoryFacts
  readonly id: string
  readonly ownerId?: string
  readonly issuerUrl?: string
}

export function issuerOf({ ci, ownerId, issuerUrl }: Answers): PolicyIssuer {
  const { kind, owner } = issuerForms[ci]
  return {
    name: ci,
    kind,
    keys: [
      ...(issuerUrl === undefined ? [] : [`url: ${JSON.stringify(issuerUrl)}`]),
      ...(ownerId === undefined || owner === undefined ? [] : [`${owner.key}: ${JSON.stringify(ownerId)}`]),
    ],
  }
}

/** Two roles: one that builds and reads, and one, for a protected branch alone, that writes. */
export function firstRoles(answers: Answers, uses: readonly Use[]): MovedRole[] {
  const { ci, repository, id } = answers
  const { events, saysProtected, pin, pinsAddress = false } = issuerForms[ci]
  const address = `${repository.host.replace('https://', '')}/${repository.path}`
  const all = { issuer: ci, [pin]: id, ...(pinsAddress ? { repository: address } : {}) }
  const needs = uses.flatMap((use) => use.needs)
  const own: Need = { ...need('git', 'git:read', false, repository.path), url: repository.host }
  const reading = needs.filter(({ writes }) => !writes)
  const writing = needs.filter(({ writes }) => writes)
  const build: MovedRole = {
    name: 'build',
    description: 'Clone, install, build and test. Changes nothing.',
    trust: { all, any: events === undefined ? [] : events.map((event) => ({ event })) },
    needs: [own, ...reading],
    hosts: [],
    allow: [],
  }
  if (writing.length === 0) return [build]
  const ref =
    ci === 'jenkins'
      ? []
      : [
          {
            ref: `refs/heads/${repository.defaultBranch}`,
            ...(saysProtected ? { ref_protected: 'true' } : {}),
            ...(events === undefined ? {} : { event: 'push' }),
          },
        ]
  const release: MovedRole = {
    name: 'release',
    description: `Publish and deploy, from ${repository.defaultBranch} alone.`,
    trust: { all, any: ref },
    needs: [own, ...reading, ...writing],
    hosts: [],
    allow: [],
  }
  return [build, release]
}
