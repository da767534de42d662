import { sha256Hex } from '../lib/index.ts'

/** What changes between two policies, one line a change: `+ roles.build.grants: git:read github/octo/app`. */
export function diffDocuments(before: object | undefined, after: object): string[] {
  const old = new Set(before === undefined ? [] : flatten(before))
  const next = new Set(flatten(after))
  const removed = [...old].filter((line) => !next.has(line)).map((line) => `- ${line}`)
  const added = [...next].filter((line) => !old.has(line)).map((line) => `+ ${line}`)
  // By place; what goes stands before what comes.
  const place = (line: string) => line.slice(2, line.indexOf(': '))
  return [...removed, ...added].toSorted(
    (a, b) => place(a).localeCompare(place(b)) || b.charCodeAt(0) - a.charCodeAt(0),
  )
}

function flatten(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => flatten(item, path))
  if (typeof value === 'object' && value !== null) {
    // A grant and what it asks for belong together: one that asks for less is another one.
    if ('grant' in value && typeof value.grant === 'string') {
      const { grant, ...asks } = value
      const keys = Object.entries(asks).filter(([, one]) => one !== undefined)
      return [
        `${path}: ${grant} (${keys.map(([key, one]) => `${key}: ${typeof one === 'string' ? one : JSON.stringify(one)}`).join(', ')})`,
      ]
    }
    return Object.entries(value).flatMap(([key, item]) => flatten(item, path === '' ? key : `${path}.${key}`))
  }
  return value === undefined
    ? []
    : [
        `${path}: ${(typeof value === 'string' ? shortened(value) : JSON.stringify(value)).replaceAll('\n', '\\n')}`,
      ]
}

/** Certificates by number and digest: nobody reads the rest of them. */
function shortened(value: string): string {
  const count = value.split('-----BEGIN CERTIFICATE-----').length - 1
  if (count === 0) return value
  return `${count} ${count === 1 ? 'certificate' : 'certificates'}, SHA-256 ${sha256Hex(value).slice(0, 16)}`
}
