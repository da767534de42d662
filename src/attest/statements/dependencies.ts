import type { Material, StepFacts } from './facts.ts'
import { digestSet, plain, plainUri, present, uriPart } from './plain.ts'
import { compare, fileName } from './subjects.ts'

/** in-toto ResourceDescriptor, as far as ours use it. */
export interface Descriptor {
  readonly name?: string
  readonly uri?: string
  readonly digest?: Readonly<Record<string, string>>
  readonly mediaType?: string
  readonly annotations?: Readonly<Record<string, unknown>>
}

/** More than any build has; how many there were further is said beside them. */
export const maxDependencies = 20_000

/** The sources that the job was triggered for, as a URI of SPDX (`git+https://HOST/PATH@REF`). */
export function sourceUri({ sourceUri, attributes }: StepFacts['identity']): string | undefined {
  const base = sourceUri === undefined ? undefined : plainUri(sourceUri)
  if (base === undefined || !/^https?:\/\/[^@#?]+$/.test(base)) return undefined
  const { ref } = attributes
  return ref === undefined ? `git+${base}` : `git+${base}@${uriPart(ref)}`
}

/** Everything that the step took in and whose digest is known: sources, packages, images, files of earlier steps. */
export function dependenciesOf(facts: StepFacts): { all: Descriptor[]; omitted: number } {
  const taken = takenIn(facts)
  const inputs = inputsOf(facts)
  const more = Math.max(0, (facts.reported.inputsCount ?? 0) - inputs.length)
  const all = sorted([...sourceOf(facts), ...taken.all, ...imageOf(facts), ...inputs])
  const omitted = Math.max(0, all.length - maxDependencies) + taken.omitted + more
  return { all: all.slice(0, maxDependencies), omitted }
}

/** That the step took them is its supervisor's word; that one of the run made such a file is not, where the server has it from there. */
function inputsOf({ server, run, handedOn = [], reported }: StepFacts) {
  const makers = new Map(handedOn.map((one) => [one.sha256, one]))
  return reported.inputs.map(({ path, sha256 }) => {
    const maker = makers.get(sha256)
    const annotations =
      maker === undefined
        ? { from: 'run', reported: true }
        : present({
            ...{ from: 'run', verifiedBy: 'run' },
            madeBy: invocationId({ server, run, step: { id: maker.step } }),
            dependencies: maker.dependencies,
          })
    return { name: fileName(path), digest: digestSet({ sha256 }), annotations }
  })
}

/** Where the server has the step. */
export function invocationId({
  server,
  run,
  step,
}: Pick<StepFacts, 'server' | 'run'> & { readonly step: { readonly id: string } }): string {
  return `${server.url}/runs/${run.id}/steps/${step.id}`
}

/** What came through the gateway. Nothing that has no digest is called resolved: it is counted. */
export function takenIn({ materials, materialsOmitted = 0 }: StepFacts): {
  all: Descriptor[]
  omitted: number
} {
  // What is read to choose a version is no part of what was chosen.
  const whole = materials.filter(({ part }) => part !== true)
  const resolved = whole.flatMap(materialOf)
  const all = sorted(resolved)
  const omitted =
    whole.length - resolved.length + materialsOmitted + Math.max(0, all.length - maxDependencies)
  return { all: all.slice(0, maxDependencies), omitted }
}

function sorted(descriptors: readonly object[]): Descriptor[] {
  const byKey = new Map(
    descriptors.map((one) => present({ ...one }) as Descriptor).map((one) => [keyOf(one), one] as const),
  )
  return [...byKey].toSorted(([a], [b]) => compare(a, b)).map(([, one]) => one)
}

function keyOf(descriptor: Descriptor): string {
  const { uri = '', name = '', digest, annotations } = descriptor
  return JSON.stringify([uri, name, digest ?? {}, annotations ?? {}])
}

function sourceOf({ identity }: StepFacts) {
  const uri = sourceUri(identity)
  const { commit } = identity.attributes
  if (uri === undefined) return []
  return [{ uri, digest: digestSet({ gitCommit: commit ?? '' }), annotations: { verifiedBy: 'identity' } }]
}

function materialOf(material: Material) {
  const digest = digestSet({ ...material.digest, ...goHash(material.integrity) })
  const uri = plainUri(material.uri)
  if (digest === undefined || uri === undefined) return []
  return [
    {
      uri,
      digest,
      annotations: { verifiedBy: plain(material.by, 64), connection: plain(material.connection, 128) },
    },
  ]
}

/** Go's `h1:` is what in-toto calls dirHash, in hex. */
function goHash(integrity = ''): Record<string, string> {
  const base64 = /^h1:([A-Za-z0-9+/]{43}=)$/.exec(integrity)?.[1]
  return base64 === undefined ? {} : { dirHash: Buffer.from(base64, 'base64').toString('hex') }
}

/** Of the container that it ran in, by the digest that its engine was asked for. */
function imageOf({ reported }: StepFacts) {
  const { name, hex } =
    /^(?<name>[A-Za-z0-9._:/-]{1,400})@sha256:(?<hex>[0-9a-f]{64})$/.exec(reported.image ?? '')?.groups ?? {}
  if (name === undefined || hex === undefined) return []
  return [
    { name: 'container', uri: `docker://${name}`, digest: { sha256: hex }, annotations: { reported: true } },
  ]
}
