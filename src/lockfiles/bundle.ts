import { MayflyError } from '../lib/index.ts'
import type { Lockfile } from './pin.ts'

/**
 * Several lockfiles as one text: a line of JSON, `[{"path":"a/package-lock.json","chars":12}]`, then their texts one after the
 * other. Nothing of them is escaped, so tens of megabytes are taken apart at once. `chars` are UTF-16 code units.
 */
export function packLockfiles(files: readonly Lockfile[]): string {
  const head = files.map(({ path, text }) => ({ path, chars: text.length }))
  return `${JSON.stringify(head)}\n${files.map(({ text }) => text).join('')}`
}

/** Throws `bad_input`. */
export function unpackLockfiles(bundle: string): Lockfile[] {
  const end = bundle.indexOf('\n')
  let at = end + 1
  const files = headOf(bundle.slice(0, Math.max(0, end))).map(({ path, chars }) => {
    at += chars
    return { path, text: bundle.slice(at - chars, at) }
  })
  if (at !== bundle.length)
    throw new MayflyError('bad_input', 'the lockfiles are not as long as their head says')
  return files
}

function headOf(line: string): { path: string; chars: number }[] {
  const head = parse(line)
  if (!Array.isArray(head) || !head.every(isEntry))
    throw new MayflyError('bad_input', 'lockfiles come behind a line of JSON: [{"path":"...","chars":1}]')
  return head
}

function isEntry(entry: unknown): entry is { path: string; chars: number } {
  if (typeof entry !== 'object' || entry === null) return false
  const { path, chars } = entry as { path?: unknown; chars?: unknown }
  return typeof path === 'string' && Number.isSafeInteger(chars) && (chars as number) >= 0
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
