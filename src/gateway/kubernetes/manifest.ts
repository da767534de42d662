import { createHash } from 'node:crypto'
import { escaped } from './operation.ts'

/** What a body says of itself. */
export interface Manifest {
  /** As grants have it; of `generateName` what is known of it, with a `~` for the rest. */
  readonly named: string | undefined
  /** What stands in the record: nothing that a value could be guessed from. */
  readonly recorded: Readonly<Record<string, string | number>>
  /** Of JSON: what it holds. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

/** The API server's own bound for a body (apiserver, MaxRequestBodyBytes). */
export const maxBodyBytes = 3_145_728

/** Returns why it is refused. `type`: its Content-Type; JSON, if there is none. */
export function readManifest(body: Buffer, type: string | undefined, isSecret: boolean): Manifest | string {
  const media = type?.split(';')[0]?.trim().toLowerCase() ?? ''
  const isJson = media === '' || media === 'application/json'
  const json = isJson || media === applied ? objectOf(body) : undefined
  if (isJson && json === undefined) return 'its body is no JSON object in which each key stands once'
  if (isSecret && json === undefined && !changes.has(media))
    return 'a Secret is sent as JSON, so that its type can be read'
  if (isSecret && json?.['type'] === tokenType)
    return 'a Secret of this type would become a token, which no step may hold: name the service account in a kubernetes-token credential'
  const { kind, metadata } = json ?? {}
  const { name, generateName } = isObject(metadata) ? metadata : {}
  const named =
    typeof name === 'string' && name !== ''
      ? escaped(name)
      : typeof generateName === 'string' && generateName !== ''
        ? `${escaped(generateName)}~`
        : undefined
  return {
    named,
    json,
    recorded: {
      bytes: body.length,
      // Of a Secret a digest is enough to find out a short value by trying.
      ...(isSecret ? {} : { sha256: createHash('sha256').update(body).digest('hex') }),
      ...(typeof kind === 'string' ? { kind: kind.slice(0, 100) } : {}),
      ...(typeof name === 'string' ? { name: name.slice(0, 253) } : {}),
    },
  }
}

const tokenType = 'kubernetes.io/service-account-token'

/** Server-side apply: kubectl and Go's clients send JSON by this name. */
const applied = 'application/apply-patch+yaml'
/** Patches of what is there; a Secret's type cannot be changed. */
const changes: ReadonlySet<string> = new Set([
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
])

function objectOf(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  const text = body.toString('utf8')
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) && !hasKeyTwice(text) ? json : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Of valid JSON: of two keys Go merges what they hold, and others take the last. */
function hasKeyTwice(text: string): boolean {
  const open: (Set<string> | undefined)[] = []
  for (const [token, key, colon] of text.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}[\]]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (key !== undefined && colon !== undefined) {
      const keys = open.at(-1)
      const read = JSON.parse(key) as string
      if (keys?.has(read) === true) return true
      keys?.add(read)
    }
  }
  return false
}
