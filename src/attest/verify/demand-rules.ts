import { readDemands, type WrittenDemands } from './demand-reader.ts'
import type { Demands } from './demand-model.ts'
import { predicateWords } from './demands.ts'

/** A demand that must not be in force, and where it stands. */
export interface DemandProblem {
  readonly key: keyof Demands | undefined
  readonly message: string
}

export interface DemandPlace {
  /** A run is known to which `same_run` refers. */
  readonly hasRun: boolean
  /** Roots that sign for Mayfly alone: a role names jobs whom the server's policy trusts. */
  readonly own: boolean
  /** An issuer that lets nobody else in: its URL alone names the user's own jobs. */
  readonly isPrivate?: (issuer: string) => boolean
}

/**
 * What speaks against demands, before anybody is judged by them: ones that a stranger could meet, or every attestation, or none. Empty if
 * nothing does.
 */
export function demandProblems(written: WrittenDemands, place: DemandPlace): DemandProblem[] {
  const read = readDemands(written)
  if (!read.ok) return read.problems.map((message) => ({ key: undefined, message }))
  const { demands } = read
  return [
    ...patternProblems(demands),
    ...impossible(demands, place),
    ...nameProblems(demands),
    ...openTo(demands, place),
  ]
}

const patterned = ['builder', 'repository', 'ref', 'identity'] as const
const literal = ['issuer', 'repository_id', 'owner_id', 'role'] as const

function valuesOf(demands: Demands, key: (typeof patterned)[number] | (typeof literal)[number]): string[] {
  return [demands[key] ?? []].flat()
}

function patternProblems(demands: Demands): DemandProblem[] {
  const starred = literal.filter((key) => valuesOf(demands, key).some((one) => one.includes('*')))
  const bare = patterned.filter((key) => valuesOf(demands, key).some((one) => /^\**$/.test(one)))
  const open = (['builder', 'identity'] as const).filter(
    (key) => !bare.includes(key) && valuesOf(demands, key).some((one) => !namesItsHost(one)),
  )
  return [
    ...starred.map((key) => ({
      key,
      message: `${key} is written out: \`*\` stands for none of its characters`,
    })),
    ...bare.map((key) => ({
      key,
      message: `${key}: \`*\` is met by everything: leave it out, or say which`,
    })),
    ...open.map((key) => ({
      key,
      message: `${key}: anybody can have a host that such a pattern matches: write https://HOST/ out, \`*\` only behind it`,
    })),
    ...ownerless(demands),
  ]
}

/** On a host that many share everybody can have a name: what stands alone has to name whose it is. */
function ownerless(demands: Demands): DemandProblem[] {
  if (demands.repository_id !== undefined || demands.owner_id !== undefined) return []
  return (['repository', 'identity'] as const)
    .filter((key) => valuesOf(demands, key).some((one) => !/^\**$/.test(one) && !namesItsOwner(one)))
    .map((key) => ({
      key,
      message: `${key}: anybody can have a name that such a pattern matches: write its owner out, \`*\` only behind the owner's \`/\``,
    }))
}

function namesItsOwner(pattern: string): boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return true
  const before = pattern.slice(0, star)
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(before)
  return isUrl ? /^[^:]+:\/\/[^/]+\/[^/]+\//.test(before) : /^[^/:]+[/:]/.test(before)
}

/** The part before the first `*` has the whole host, if it is a URL; a name of another form has something in front. */
function namesItsHost(pattern: string): boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return true
  const before = pattern.slice(0, star)
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//.exec(before)?.[0]
  // What is only the beginning of a scheme may go on with any host. Of an e-mail address the end says whose it is.
  if (scheme === undefined) return !/^[a-z0-9+.-]*:?\/?$/i.test(before) && !pattern.includes('@')
  return before.slice(scheme.length).includes('/')
}

function impossible(demands: Demands, { hasRun }: DemandPlace): DemandProblem[] {
  const { same_run, approvals, predicate } = demands
  const unknown = [predicate ?? []]
    .flat()
    .find((one) => !Object.hasOwn(predicateWords, one) && !/^[a-z][a-z0-9+.-]*:./i.test(one))
  return [
    ...(same_run !== undefined && !hasRun
      ? [
          {
            key: 'same_run' as const,
            message: 'same_run: only a grant of a role knows a run: name the role, or the repository',
          },
        ]
      : []),
    ...approvalProblems(approvals).map((message) => ({ key: 'approvals' as const, message })),
    ...(unknown === undefined
      ? []
      : [
          {
            key: 'predicate' as const,
            message: `predicate "${unknown}" is neither a URI nor one of ${Object.keys(predicateWords).join(', ')}`,
          },
        ]),
  ]
}

function approvalProblems(approvals: Demands['approvals']): string[] {
  if (approvals === undefined) return []
  const { group, of } = approvals
  return [
    ...(group !== undefined && of === undefined
      ? [
          'approvals: who said yes to a job does not say for which group: leave group out, or write of, the operation that its people said yes to',
        ]
      : []),
    ...(of !== undefined && !/^[^\s*:]+:[^\s*]+ [^\s*]/.test(of)
      ? [
          'approvals: of is an operation such as npm:publish npmjs/@octo/app@*: `*` only behind the beginning of its connection',
        ]
      : []),
  ]
}

/** A repository or an account is renamed, and somebody else takes its name. */
function nameProblems(demands: Demands): DemandProblem[] {
  if (demands.by_name === true || demands.repository_id !== undefined) return []
  return (['repository', 'identity'] as const)
    .filter((key) => demands[key] !== undefined)
    .map((key) => ({
      key,
      message: `${key} may change hands: write repository_id beside it, or accept the name by by_name: true`,
    }))
}

function openTo(demands: Demands, { own, isPrivate = () => false }: DemandPlace): DemandProblem[] {
  const { issuer, repository_id, owner_id, repository, identity, same_run, role } = demands
  const names = repository_id ?? owner_id ?? repository ?? identity
  if (names !== undefined && issuer === undefined && (!own || role === undefined) && same_run === undefined)
    return [
      {
        key: undefined,
        message:
          'another issuer may give the same id or name to somebody else: write issuer, its URL, beside it',
      },
    ]
  const isNamed = names !== undefined || (issuer !== undefined && isPrivate(issuer))
  if (isNamed || (own && (role !== undefined || same_run !== undefined))) return []
  const more = own ? ', or role' : ''
  return [
    {
      key: undefined,
      message:
        issuer === undefined
          ? `any job could meet it: name issuer with repository_id${more}`
          : `any job of ${issuer} could meet it: name repository_id or owner_id beside it${more}`,
    },
  ]
}
