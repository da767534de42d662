import { at } from '../../http-client/index.ts'
import type { Answer, Meaning, Presented, Request } from './model.ts'

/** The words in which kinds are described. */

type Test = Meaning['if']

/** Something stands at each of these paths. */
export function has(...paths: readonly string[]): Test {
  return ({ json }) => paths.every((path) => at(json, path) !== undefined)
}

/** At this path stands just this, or a text of this form. */
export function says(path: string, what: string | number | boolean | RegExp): Test {
  return ({ json }) => {
    const value = at(json, path)
    if (what instanceof RegExp) return typeof value === 'string' && isShort(value) && what.test(value)
    return value === what
  }
}

export function isObject({ json }: Answer): boolean {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

export function isList({ json }: Answer): boolean {
  return Array.isArray(json)
}

/** The body, which is no JSON. */
export function reads(what: RegExp): Test {
  return ({ text }) => isShort(text) && what.test(text.trim())
}

/** What is longer is no word of a vendor's, and a pattern could take long for it. */
function isShort(text: string): boolean {
  return text.length <= 2_000
}

export function alive(status: number, test: Test): Meaning {
  return { status, state: 'alive', if: test }
}

export function dead(status: number, test: Test): Meaning {
  return { status, state: 'dead', if: test }
}

/** It was one of this vendor, and is over. */
export function over(status: number, test: Test): Meaning {
  return { ...dead(status, test), isKnown: true }
}

type Headers = Readonly<Record<string, string>>
type HeadersOf = (secret: string, beside: string) => Headers

export const bearer: HeadersOf = (secret) => ({ authorization: `Bearer ${secret}` })

/** The secret in a header of its own, perhaps behind a word. */
export function header(name: string, before = ''): HeadersOf {
  return (secret) => ({ [name]: `${before}${secret}` })
}

/** HTTP Basic (RFC 7617), of what stands beside and the secret, or a user that is always the same. */
export function basic(user?: string): HeadersOf {
  return (secret, beside) => ({
    authorization: `Basic ${Buffer.from(`${user ?? beside}:${secret}`).toString('base64')}`,
  })
}

export function get(
  path: string,
  headersOf: HeadersOf,
  more: Headers = {},
): (presented: Presented) => Request {
  return ({ base, secret, beside }) => ({
    method: 'GET',
    url: `${base}${path}`,
    headers: { accept: 'application/json', ...headersOf(secret, beside), ...more },
  })
}

export function del(
  path: string,
  headersOf: HeadersOf,
  more: Headers = {},
): (presented: Presented) => Request {
  const asked = get(path, headersOf, more)
  return (presented) => ({ ...asked(presented), method: 'DELETE' })
}

/** A POST that changes nothing, of JSON. */
export function post(
  path: string,
  headersOf: HeadersOf,
  body: (secret: string) => unknown,
  more: Headers = {},
): (presented: Presented) => Request {
  const asked = get(path, headersOf, { 'content-type': 'application/json', ...more })
  return (presented) => ({
    ...asked(presented),
    method: 'POST',
    body: JSON.stringify(body(presented.secret)),
  })
}

/** What stands at these paths, and in lists there. */
export function listAt(...paths: readonly string[]): (answer: Answer) => readonly unknown[] {
  return ({ json }) => paths.flatMap((path) => [at(json, path)].flat())
}

/** A word for each path where `true` stands. */
export function flags(words: Readonly<Record<string, string>>): (answer: Answer) => readonly unknown[] {
  return ({ json }) =>
    Object.entries(words).flatMap(([path, word]) => (at(json, path) === true ? [word] : []))
}

/** How many, with a word. */
export function counted(path: string, word: string): (answer: Answer) => readonly unknown[] {
  return ({ json }) => {
    const value = at(json, path)
    return typeof value === 'number' ? [`${word}: ${value}`] : []
  }
}

/** A header that lists scopes, by commas or spaces. */
export function scopesIn(name: string): (answer: Answer) => readonly unknown[] {
  return ({ headers }) =>
    [headers[name]]
      .flat()
      .join(',')
      .split(/[\s,]+/)
      .filter((scope) => scope !== '')
}

/** `204`, or another status without a word. */
export function ended(...statuses: readonly number[]): (answer: Answer) => boolean {
  return ({ status }) => statuses.includes(status)
}
