import type { OfResource } from './asked.ts'
import { isObject, readObject } from './json.ts'
import { mediaOf, protobuf } from './media.ts'
import { readProtobuf, textIn } from './protobuf.ts'

/** How a DELETE is done (meta/v1, DeleteOptions), as it is told; what is left out is not asked for. */
export interface DeleteOptions {
  readonly dryRun?: string
  readonly gracePeriodSeconds?: string
  readonly propagationPolicy?: string
  readonly orphanDependents?: string
}

const names = ['dryRun', 'gracePeriodSeconds', 'propagationPolicy', 'orphanDependents'] as const
const ofQuery: ReadonlySet<string> = new Set([
  ...names,
  ...['preconditions', 'ignoreStoreReadErrorWithClusterBreakingPotential'],
])

/** The options of a DELETE or an eviction that stand in its body. Returns why it is refused. */
export function optionsOf(
  asked: OfResource,
  body: Buffer | undefined,
  type: string | undefined,
): DeleteOptions | string {
  if (body === undefined) return {}
  if (isDeletion(asked)) return readDeleteOptions(asked, body, type)
  const isEviction = asked.verb === 'create' && asked.resource === 'pods' && asked.subresource === 'eviction'
  const within = isEviction ? readObject(body)?.['deleteOptions'] : undefined
  return isObject(within) ? told(within) : {}
}

function isDeletion({ verb, subresource }: OfResource): boolean {
  return (verb === 'delete' || verb === 'deletecollection') && subresource !== 'proxy'
}

/**
 * The options of a DELETE that count: with a body the API server reads none of the query (apiserver, endpoints/handlers/delete.go), so a
 * `dryRun=All` there would be told, and not done. Returns why it is refused.
 */
function readDeleteOptions(
  { parameters }: OfResource,
  body: Buffer,
  type: string | undefined,
): DeleteOptions | string {
  const both = parameters.find(([name]) => ofQuery.has(name))
  if (both !== undefined)
    return `its query has "${both[0]}", and with a body the API server reads the options of the body alone: write it there`
  const media = mediaOf(type)
  if (media === protobuf) {
    // 4 is propagationPolicy, 5 dryRun (meta/v1, generated.proto).
    const fields = readProtobuf(body, () => [4, 5])?.fields
    return fields === undefined
      ? unread
      : told({ propagationPolicy: textIn(fields, 4), dryRun: textIn(fields, 5) })
  }
  if (media !== '' && media !== 'application/json') return unread
  const options = readObject(body)
  return options === undefined ? unread : told(options)
}

const unread =
  'the options of a DELETE are sent as JSON in which each key stands once, so that they can be read'

function told(options: Readonly<Record<string, unknown>>): DeleteOptions {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = options[name]
      const isNone = value === undefined || value === null || (Array.isArray(value) && value.length === 0)
      return isNone ? [] : [[name, textOf(value).slice(0, 100)] as const]
    }),
  )
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
