import { createHash } from 'node:crypto'
import { imagesIn, type Images } from './images.ts'
import { isObject, readJson } from './json.ts'
import { applied, mediaOf, protobuf } from './media.ts'
import { escaped } from './operation.ts'
import { messageIn, readProtobuf, textIn } from './protobuf.ts'

/** What a body says of itself. */
export interface Manifest {
  /** As grants have it; of `generateName` what is known of it, with a `~` for the rest. */
  readonly named: string | undefined
  /** What stands in the record: nothing that a value could be guessed from. */
  readonly recorded: Readonly<Record<string, string | number>>
  /** Of a question about rights: what is asked. */
  readonly attributes: Readonly<Record<string, unknown>> | undefined
  readonly images: Images
}

/** The API server's own bound for a body (apiserver, MaxRequestBodyBytes). */
export const maxBodyBytes = 3_145_728

/** Kubernetes has none that is longer (DNS subdomains). */
const maxNameChars = 253

interface Described {
  readonly kind?: unknown
  readonly name?: unknown
  readonly generateName?: unknown
  /** Of a Secret. */
  readonly type?: unknown
  readonly attributes?: unknown
}

/** Returns why it is refused. `type`: its Content-Type; JSON, if there is none. */
export function readManifest(body: Buffer, type: string | undefined, isSecret: boolean): Manifest | string {
  const media = mediaOf(type)
  const isRead = media === '' || media === 'application/json' || media === protobuf
  const isJson = media === '' || media.endsWith('json') || media === applied
  const json = isJson ? readJson(body) : undefined
  const described =
    media === protobuf ? ofProtobuf(body, isSecret) : isRead || media === applied ? ofJson(json) : undefined
  if (isRead && described === undefined) return 'its body is no object in which each key stands once'
  if (isSecret && described === undefined && !changes.has(media))
    return 'a Secret is sent as JSON, so that its type can be read'
  if (isSecret && described?.type === tokenType)
    return 'a Secret of this type would become a token, which no step may hold: name the service account in a kubernetes-token credential'
  const { kind, name, generateName, attributes } = described ?? {}
  if ([name, generateName].some((one) => isText(one) && one.length > maxNameChars))
    return 'its name is longer than any'
  return {
    named: isText(name) ? escaped(name) : isText(generateName) ? `${escaped(generateName)}~` : undefined,
    attributes: isObject(attributes) ? attributes : undefined,
    images: json === undefined ? { why: unread } : imagesIn(json),
    recorded: {
      bytes: body.length,
      // Of a Secret a digest is enough to find out a short value by trying.
      ...(isSecret ? {} : { sha256: createHash('sha256').update(body).digest('hex') }),
      ...(isText(kind) ? { kind: kind.slice(0, 100) } : {}),
      ...(isText(name) ? { name } : {}),
    },
  }
}

const tokenType = 'kubernetes.io/service-account-token'
/** Patches of what is there; a Secret's type cannot be changed. */
const changes: ReadonlySet<string> = new Set([
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
])

const unread = 'images are read of bodies in JSON alone, in which each key stands once'

function ofJson(json: unknown): Described | undefined {
  if (!isObject(json)) return undefined
  const { kind, metadata, type, spec } = json
  const { name, generateName } = isObject(metadata) ? metadata : {}
  return {
    ...{ kind, name, generateName, type },
    attributes: isObject(spec) ? spec['resourceAttributes'] : undefined,
  }
}

const review = 'SelfSubjectAccessReview'

/** ResourceAttributes of authorization.k8s.io/v1, by the numbers of its fields. */
const attributeNames = ['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name']

/** Fields by their numbers in Kubernetes' generated.proto: 1 is the metadata of all objects, 2 the spec of a review, 3 the type of a Secret. */
function ofProtobuf(body: Buffer, isSecret: boolean): Described | undefined {
  const object = readProtobuf(body, (kind) => (isSecret ? [1, 3] : kind === review ? [1, 2] : [1]))
  const metadata = object && messageIn(object.fields, 1, [1, 2])
  if (object === undefined || metadata === undefined) return undefined
  return {
    kind: object.kind,
    name: textIn(metadata, 1),
    generateName: textIn(metadata, 2),
    type: textIn(object.fields, 3),
    attributes: object.kind === review ? attributesIn(object.fields) : undefined,
  }
}

function attributesIn(fields: Parameters<typeof messageIn>[0]): Readonly<Record<string, string>> | undefined {
  const spec = messageIn(fields, 2, [1])
  const numbers = attributeNames.map((_name, i) => i + 1)
  const asked = spec?.has(1) === true ? messageIn(spec, 1, numbers) : undefined
  if (asked === undefined) return undefined
  return Object.fromEntries(
    attributeNames.flatMap((name, i) => {
      const text = textIn(asked, i + 1)
      return text === undefined ? [] : [[name, text] as const]
    }),
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
