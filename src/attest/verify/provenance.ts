import { fieldsIn, listIn, textIn } from './lenient-fields.ts'
import type { Statement } from './model.ts'
import { buildType, provenanceType } from './types.ts'

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
  const { buildDefinition, runDetails } = fieldsIn(predicate)
  const definition = fieldsIn(buildDefinition)
  const details = fieldsIn(runDetails)
  const builderId = textIn(fieldsIn(details['builder'])['id'])
  const type = textIn(definition['buildType'])
  if (builderId === undefined || type === undefined) return undefined
  const metadata = fieldsIn(details['metadata'])
  const tier = type === buildType ? /\/builders\/(tier-[a-e])$/.exec(builderId)?.[1] : undefined
  return {
    ...{ buildType: type, builderId, ...given({ tier }) },
    externalParameters: fieldsIn(definition['externalParameters']),
    internalParameters: fieldsIn(definition['internalParameters']),
    resolvedDependencies: descriptorsOf(definition['resolvedDependencies']),
    byproducts: descriptorsOf(details['byproducts']),
    ...given({
      invocationId: textIn(metadata['invocationId']),
      startedOn: textIn(metadata['startedOn']),
      finishedOn: textIn(metadata['finishedOn']),
    }),
  }
}

function descriptorsOf(value: unknown): readonly ResourceDescriptor[] {
  return listIn(value).map((one) => {
    const { name, uri, mediaType, digest, annotations } = fieldsIn(one)
    const digests = Object.entries(fieldsIn(digest)).filter(([, text]) => typeof text === 'string')
    return {
      ...given({ name: textIn(name), uri: textIn(uri), mediaType: textIn(mediaType) }),
      digest: Object.fromEntries(digests) as Record<string, string>,
      annotations: fieldsIn(annotations),
    }
  })
}

/** Without what is missing. */
function given<const T extends Readonly<Record<string, string | undefined>>>(
  fields: T,
): { readonly [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: string
  }
}
