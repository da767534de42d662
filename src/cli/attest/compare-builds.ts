import type { Found } from './bundles.ts'
import { readMade, type Made } from './made.ts'

/** One of two builds that are compared. */
export interface Side {
  readonly found: Found
  readonly made: Made
  readonly parameters: Readonly<Record<string, unknown>>
  /** Digests by name. */
  readonly artifacts: ReadonlyMap<string, string>
}

export interface Changed {
  readonly name: string
  /** Undefined: it is not there. */
  readonly a: string | undefined
  readonly b: string | undefined
}

export interface Comparison {
  /** `unknown`: what was found does not say. */
  readonly verdict: 'same' | 'different' | 'unknown'
  /** Why it is unknown. */
  readonly gaps: readonly string[]
  readonly commit: Changed | undefined
  /** Of what a build depends on: role, command, tier, ... */
  readonly parameters: readonly Changed[]
  /** Of when and why it ran: they make no other build of it. */
  readonly circumstances: readonly Changed[]
  readonly dependencies: readonly Changed[]
  readonly artifacts: { readonly same: number; readonly changed: readonly Changed[] }
}

export function sideOf(found: Found): Side | undefined {
  const { provenance, statement } = found
  if (provenance === undefined || statement === undefined) return undefined
  const artifacts = statement.subject.flatMap(({ name, digest }) =>
    digest['sha256'] === undefined ? [] : [[name ?? `sha256:${digest['sha256']}`, digest['sha256']] as const],
  )
  return {
    found,
    made: readMade(provenance),
    parameters: provenance.externalParameters,
    artifacts: new Map(artifacts),
  }
}

/** Two builds: the same sources, the same dependencies, the same parameters, the same artifacts? */
export function compareBuilds(a: Side, b: Side): Comparison {
  const isOne = a.found.bundle === b.found.bundle
  const gaps = [...(isOne ? [itself(a)] : []), ...gapsOf(a, 'A'), ...gapsOf(b, 'B')]
  const commit = changed('commit', commitOf(a), commitOf(b))
  const parameters = changesIn(parametersOf(a), parametersOf(b))
  const dependencies = changesIn(dependenciesOf(a), dependenciesOf(b))
  const artifacts = changesIn(a.artifacts, b.artifacts)
  const isUnverified = !a.found.verdict.ok || !b.found.verdict.ok
  const differs = [commit ?? [], parameters, dependencies, artifacts].flat().length > 0
  return {
    // What nobody vouches for shows neither.
    verdict: isUnverified || isOne ? 'unknown' : differs ? 'different' : gaps.length > 0 ? 'unknown' : 'same',
    ...{ gaps, commit, parameters, dependencies },
    circumstances: changesIn(circumstancesOf(a), circumstancesOf(b)),
    artifacts: {
      same: [...a.artifacts].filter(([name, one]) => b.artifacts.get(name) === one).length,
      changed: artifacts,
    },
  }
}

function itself({ made }: Side): string {
  return `A and B are one attestation, of step ${made.stepId ?? '?'}, which says nothing of a second build: name two steps (stp_...), or two bundles`
}

function gapsOf({ found, made }: Side, name: string): string[] {
  return [
    ...(found.verdict.ok ? [] : [`${name} is not verified: ${found.verdict.why}`]),
    ...(made.source.commit === undefined ? [`${name} names no commit`] : []),
    ...(made.omitted === 0 ? [] : [`${name} leaves ${made.omitted} dependencies out`]),
    ...(made.isIncomplete ? [`${name} may lack dependencies: its server was killed while it ran`] : []),
    ...(made.script.sha256 === undefined && made.isOurs
      ? [`the command of ${name} has no digest: a secret stood in it`]
      : []),
  ]
}

function commitOf({ made: { source } }: Side): string | undefined {
  if (source.commit === undefined) return undefined
  return `${source.id ?? source.repository ?? source.uri ?? '?'}@${source.commit}`
}

const circumstances = ['event', 'workflow', 'environment', 'fork', 'step']

function parametersOf({ made, parameters }: Side): Map<string, string> {
  const { source: _, script, command, ...rest } = parameters
  const own = Object.entries(rest).filter(([name]) => !circumstances.includes(name))
  const ran = made.script.sha256 ?? JSON.stringify(script ?? command ?? null)
  const from = { tier: made.tier, isolation: made.isolation, builder: made.isOurs ? undefined : made.builder }
  const all = [
    ...own.map(([name, value]) => [name, JSON.stringify(value)] as const),
    ['command', ran] as const,
  ]
  const known = Object.entries(from).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return new Map([...all, ...known])
}

function circumstancesOf({ made, parameters }: Side): Map<string, string> {
  const own = Object.entries(parameters).filter(([name]) => circumstances.includes(name))
  const ref = made.source.ref === undefined ? [] : [['ref', made.source.ref] as const]
  return new Map([...own.map(([name, value]) => [name, JSON.stringify(value)] as const), ...ref])
}

/** By URI; of one that was taken with several digests, all of them. */
function dependenciesOf({ made }: Side): Map<string, string> {
  const taken = [
    ...made.dependencies.map(({ uri, digest }) => [uri, digestText(digest)] as const),
    ...made.inputs.map(
      ({ name, sha256 }) => [`file of an earlier step: ${name}`, `sha256:${sha256}`] as const,
    ),
  ]
  const groups = Map.groupBy(taken, ([name]) => name)
  return new Map(
    [...groups].map(([name, ones]) => [
      name,
      [...new Set(ones.map(([, digest]) => digest))].toSorted().join(' '),
    ]),
  )
}

function digestText(digest: Readonly<Record<string, string>>): string {
  return Object.entries(digest)
    .map(([algorithm, hex]) => `${algorithm}:${hex}`)
    .toSorted()
    .join(',')
}

function changesIn(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): Changed[] {
  const names = [...new Set([...a.keys(), ...b.keys()])].toSorted()
  return names.flatMap((name) => changed(name, a.get(name), b.get(name)) ?? [])
}

function changed(name: string, a: string | undefined, b: string | undefined): Changed | undefined {
  return a === b ? undefined : { name, a, b }
}
