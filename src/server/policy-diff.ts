import type { PolicyDocument } from '../config/index.ts'

/** What changes between two policies, one line a change: `+ roles.build.grants: git:read github/octo/app`. */
export function diffDocuments(before: PolicyDocument | undefined, after: PolicyDocument): string[] {
  const old = new Set(before === undefined ? [] : flatten(before))
  const next = new Set(flatten(after))
  const removed = [...old].filter((line) => !next.has(line)).map((line) => `- ${line}`)
  const added = [...next].filter((line) => !old.has(line)).map((line) => `+ ${line}`)
  return [...removed, ...added].toSorted((a, b) => a.slice(2).localeCompare(b.slice(2)) || b.localeCompare(a))
}

function flatten(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => flatten(item, path))
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, item]) => flatten(item, path === '' ? key : `${path}.${key}`))
  }
  return value === undefined
    ? []
    : [`${path}: ${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('\n', '\\n')}`]
}
