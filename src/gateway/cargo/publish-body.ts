import { ambiguousName } from '../../lib/index.ts'
import { isCrate, isVersion } from './route.ts'

/** What `cargo publish` sends: u32le, JSON about the version, u32le, the .crate (registry-web-api.html, "Publish"). */
export interface Publication {
  readonly name: string
  readonly version: string
  readonly crate: Buffer
  /** The JSON: what the registry's index will say of it. */
  readonly about: Readonly<Record<string, unknown>>
  /** The body anew: of a key that stands twice in the JSON, a registry might read the other one. */
  readonly body: Buffer
}

const maxJsonBytes = 1_048_576

/** Why it is none, in a text. */
export function readPublication(bytes: Buffer): Publication | string {
  const json = pieceAt(bytes, 0)
  const crate = json === undefined ? undefined : pieceAt(bytes, 4 + json.length)
  if (json === undefined || crate === undefined || 8 + json.length + crate.length !== bytes.length)
    return 'its body is not as long as it says'
  if (json.length > maxJsonBytes) return `what it says of the crate is over ${maxJsonBytes} bytes`
  const about = parsed(json)
  const { name, vers } = about ?? {}
  if (about === undefined || typeof name !== 'string' || typeof vers !== 'string')
    return 'its body does not begin with JSON that has name and vers'
  const ambiguous = ambiguousName(about, { known: ['name', 'vers'], tables: Object.keys(about) })
  if (ambiguous !== undefined) return `what it says of the crate can be read in two ways: ${ambiguous}`
  if (!isCrate(name.toLowerCase()) || !isVersion(vers)) return 'its name or version is none'
  const again = Buffer.from(JSON.stringify(about))
  return {
    name,
    version: vers,
    crate,
    about,
    body: Buffer.concat([length(again), again, length(crate), crate]),
  }
}

function pieceAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + 4 > bytes.length) return undefined
  const end = at + 4 + bytes.readUInt32LE(at)
  return end > bytes.length ? undefined : bytes.subarray(at + 4, end)
}

function length(bytes: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32LE(bytes.length)
  return head
}

function parsed(json: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
