import { MayflyError } from '../lib/index.ts'
import type { HttpAnswer } from './http-client.ts'

/** An answer's JSON; throws `credential_failed` for what is none. Nothing of it is repeated: it may hold a credential. */
export function jsonOf({ body, headers }: HttpAnswer, whose: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    const type = /^[\w/+.-]{1,60}/.exec(headers['content-type'] ?? '')?.[0] ?? 'without a type'
    throw new MayflyError(
      'credential_failed',
      `${whose} answers with what is no JSON (${type}): is its URL right?`,
    )
  }
}

/** The value at a path of JSON; undefined where there is none. */
export function at(json: unknown, path: string): unknown {
  let value = json
  for (const [, name, index] of path.matchAll(/\.([A-Za-z0-9_-]+)|\[(\d+)\]/g)) {
    if (typeof value !== 'object' || value === null) return undefined
    const key = name ?? index ?? ''
    if ((name === undefined) !== Array.isArray(value) || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** The text or number at a path of an answer, as text; undefined where there is none, or something else. */
export function textAt(answer: HttpAnswer, path: string, whose: string): string | undefined {
  const header = /^header:(.+)$/.exec(path)?.[1]
  const value = header === undefined ? at(jsonOf(answer, whose), path) : answer.headers[header.toLowerCase()]
  return asText(value)
}

/** A text that is not empty, or a number, as text. */
export function asText(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}
