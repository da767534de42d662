import type { Statement } from './model.ts'

export const provenanceType = 'https://slsa.dev/provenance/v1'
/** What a provenance of ours calls its kind of build. */
export const buildType = 'urn:mayfly:step:v1'

/** SLSA provenance v1, as far as it is read here; whatever is of another type in it counts as missing. */
export interface Provenance {
  readonly buildType: string
  readonly builderId: string
  /** Of ours, by the builder's id: how the step was isolated, as `tier-b`. */
  readonly tier?: string
  readonly externalParameters: Readonly<Record<string, unknown>>
  readonly internalParameters: Readonly<Record<string, unknown>>
  readonly resolvedDependencies: readonly ResourceDescriptor[]
  readonly byproducts: readonly ResourceDescriptor[]
  readonly invocationId?: string
  readonly startedOn?: string
  readonly finishedOn?: string
}

export interface ResourceDescriptor {
  readonly name?: string
  readonly uri?: string
  readonly mediaType?: string
  readonly digest: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, unknown>>
}

/** The provenance in a statement, of ours or of others; `undefined` for what is none. */
export function readProvenance({ predicateType, predicate }: Statement): Provenance | undefined {
  if (predicateType !== provenanceType) return undefined
  const { buildDefinition, runDetails } = recordOf(predicate)
  const definition = recordOf(buildDefinition)
  const details = recordOf(runDetails)
  const builderId = textOf(recordOf(details['builder'])['id'])
  const type = textOf(definition['buildType'])
  if (builderId === undefined || type === undefined) return undefined
  const metadata = recordOf(details['metadata'])
  const tier = type === buildType ? /\/builders\/(tier-[a-e])$/.exec(builderId)?.[1] : undefined
  return {
    ...{ buildType: type, builderId, ...given({ tier }) },
    externalParameters: recordOf(definition['externalParameters']),
    internalParameters: recordOf(definition['internalParameters']),
    resolvedDependencies: descriptorsOf(definition['resolvedDependencies']),
    byproducts: descriptorsOf(details['byproducts']),
    ...given({
      invocationId: textOf(metadata['invocationId']),
      startedOn: textOf(metadata['startedOn']),
      finishedOn: textOf(metadata['finishedOn']),
    }),
  }
}

function descriptorsOf(value: unknown): readonly ResourceDescriptor[] {
  return (Array.isArray(value) ? value : []).map((one) => {
    const { name, uri, mediaType, digest, annotations } = recordOf(one)
    const digests = Object.entries(recordOf(digest)).filter(([, text]) => typeof text === 'string')
    return {
      ...given({ name: textOf(name), uri: textOf(uri), mediaType: textOf(mediaType) }),
      digest: Object.fromEntries(digests) as Record<string, string>,
      annotations: recordOf(annotations),
    }
  })
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Without what is missing. */
function given<const T extends Readonly<Record<string, string | undefined>>>(
  fields: T,
): { readonly [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: string
  }
}
