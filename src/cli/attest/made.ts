import { buildType, type Provenance, type ResourceDescriptor } from '../../attest/verify/index.ts'

/** What a provenance of ours says of a step, read; what is not there, or of another type, is undefined. */
export interface Made {
  readonly isOurs: boolean
  readonly builder: string
  readonly step: string | undefined
  readonly stepId: string | undefined
  readonly role: string | undefined
  readonly tier: string | undefined
  readonly isolation: string | undefined
  readonly command: string | undefined
  readonly script: { readonly of?: string; readonly text?: string; readonly sha256?: string }
  readonly workspace: string | undefined
  readonly image: string | undefined
  readonly run: string | undefined
  readonly ciRun: { readonly id?: string; readonly attempt?: string; readonly job?: string }
  readonly issuer: string | undefined
  readonly event: string | undefined
  /** Who triggered it: a pseudonym of the audit log. */
  readonly person: string | undefined
  readonly source: {
    readonly repository?: string
    readonly id?: string
    readonly ref?: string
    readonly commit?: string
    readonly uri?: string
  }
  readonly approvals: readonly {
    readonly group?: string
    readonly people: readonly string[]
    readonly at?: string
    readonly of?: string
  }[]
  readonly outcome: string | undefined
  readonly exitCode: number | undefined
  readonly secretsFound: number | undefined
  /** Without the files of earlier steps, and without the sources. */
  readonly dependencies: readonly Dependency[]
  readonly omitted: number
  /** A server was killed before it had recorded all of them. */
  readonly isIncomplete: boolean
  /** Files of earlier steps of the run. */
  readonly inputs: readonly { readonly name: string; readonly sha256: string }[]
}

export interface Dependency {
  readonly uri: string
  /** `npm`, `pypi`, `container`... */
  readonly kind: string
  readonly digest: Readonly<Record<string, string>>
  /** What named the digest beforehand; undefined: nobody did. */
  readonly verifiedBy: string | undefined
}

export function readMade(provenance: Provenance): Made {
  const { externalParameters: external, internalParameters: internal } = provenance
  const [source, script, ciRun] = [
    recordOf(external['source']),
    recordOf(external['script']),
    recordOf(internal['ciRun']),
  ]
  const outcome = recordOf(provenance.byproducts.find(({ name }) => name === 'outcome')?.annotations)
  const inputs = provenance.resolvedDependencies.filter(isInput)
  return {
    isOurs: provenance.buildType === buildType,
    builder: provenance.builderId,
    ...texts(external, ['step', 'role', 'command', 'workspace', 'image', 'event']),
    ...texts(internal, ['stepId', 'tier', 'isolation', 'run', 'person']),
    script: given({
      ...{ of: textOf(script['of']), text: textOf(script['text']) },
      sha256: textOf(recordOf(script['digest'])['sha256']),
    }),
    ciRun: given({ id: textOf(ciRun['id']), attempt: textOf(ciRun['attempt']), job: textOf(ciRun['job']) }),
    issuer: textOf(recordOf(internal['issuer'])['url']),
    source: given({
      ...{ repository: textOf(source['repository']), id: textOf(source['repositoryId']) },
      ...{ ref: textOf(source['ref']), uri: textOf(source['uri']) },
      commit: textOf(recordOf(source['digest'])['gitCommit']),
    }),
    approvals: listOf(internal['approvals']).map((one) => {
      const { group, people, at, of } = recordOf(one)
      const named = listOf(people).filter((person) => typeof person === 'string')
      return { ...given({ group: textOf(group), at: textOf(at), of: textOf(of) }), people: named }
    }),
    outcome: textOf(outcome['outcome']),
    exitCode: numberOf(outcome['exitCode']),
    secretsFound: numberOf(outcome['secretsFound']),
    dependencies: provenance.resolvedDependencies
      .filter((one) => !isInput(one) && !isSource(one))
      .map(dependencyOf),
    omitted: numberOf(internal['dependenciesOmitted']) ?? 0,
    isIncomplete: internal['dependenciesIncomplete'] !== undefined,
    inputs: inputs.flatMap(({ name = '', digest }) =>
      digest['sha256'] === undefined ? [] : [{ name, sha256: digest['sha256'] }],
    ),
  }
}

function isInput({ annotations }: ResourceDescriptor): boolean {
  const { from: origin } = annotations
  return origin === 'run'
}

function isSource({ uri = '', annotations }: ResourceDescriptor): boolean {
  return uri.startsWith('git+') && annotations['verifiedBy'] === 'identity'
}

function dependencyOf({ uri, name, digest, annotations }: ResourceDescriptor): Dependency {
  const named = uri ?? name ?? ''
  const kind =
    /^pkg:([a-z][a-z0-9.+-]*)\//.exec(named)?.[1] ??
    (named.startsWith('git+') ? 'git' : named.startsWith('docker:') ? 'container' : 'other')
  const by = textOf(annotations['verifiedBy'])
  return { uri: named, kind, digest, verifiedBy: by === 'none' ? undefined : by }
}

function texts<const N extends string>(
  of: Readonly<Record<string, unknown>>,
  names: readonly N[],
): Record<N, string | undefined> {
  return Object.fromEntries(names.map((name) => [name, textOf(of[name])])) as Record<N, string | undefined>
}

function given<T extends Readonly<Record<string, unknown>>>(
  members: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const there = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)
const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined)
