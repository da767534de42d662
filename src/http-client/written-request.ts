import { MayflyError, fillTemplate, templateNames } from '../lib/index.ts'
import type { HttpQuestion } from './http-client.ts'

/** A request as configuration describes it: names in braces stand only in texts, and a value never becomes more than a value. */
export interface WrittenRequest {
  readonly method: HttpQuestion['method']
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** `user:password`, for HTTP Basic (RFC 7617). */
  readonly basic?: string | undefined
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>> | undefined
}

export type Values = Readonly<Record<string, string | number>>

/** The names that its texts have in braces. */
export function namesIn({ url, headers, basic = '', json, form = {} }: WrittenRequest): string[] {
  const texts = [url, basic, ...Object.values(headers), ...Object.values(form), ...textsIn(json)]
  return [...new Set(texts.flatMap(templateNames))]
}

/** All texts of a JSON value, keys not among them. */
function textsIn(json: unknown): string[] {
  if (typeof json === 'string') return [json]
  return typeof json === 'object' && json !== null ? Object.values(json).flatMap(textsIn) : []
}

/**
 * Fills a request. In a URL, a form and JSON each value is encoded as what it stands in wants it. Throws `bad_input` for a name
 * that has no value, and for a value that would lead elsewhere: an empty one or `..` in a path, a line break in a header.
 */
export function writeRequest(request: WrittenRequest, values: Values): HttpQuestion {
  const { method, json, form, basic } = request
  const fill = (text: string) => fillTemplate(text, (name) => valueOf(values, name))
  const headers: Record<string, string> = { accept: 'application/json' }
  for (const [name, text] of Object.entries(request.headers))
    headers[name.toLowerCase()] = headerValue(fill(text))
  if (basic !== undefined) headers['authorization'] = `Basic ${Buffer.from(fill(basic)).toString('base64')}`
  const url = fillUrl(request.url, values)
  if (json !== undefined)
    return {
      method,
      url,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(fillJson(json, values)),
    }
  if (form === undefined) return { method, url, headers }
  const fields = Object.entries(form).map(([name, text]) => [name, fill(text)])
  return {
    method,
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  }
}

function valueOf(values: Values, name: string): string {
  const value = Object.hasOwn(values, name) ? values[name] : undefined
  if (value === undefined) throw new MayflyError('bad_input', `there is no {${name}} for this request`)
  return String(value)
}

function headerValue(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text))
    throw new MayflyError('bad_input', 'a value has characters that no header takes, such as a line break')
  return text
}

/** A whole text that is one name keeps the type of its value: `"{lease.ttl}"` is a number. */
function fillJson(json: unknown, values: Values): unknown {
  if (typeof json === 'string') {
    const only = /^\{([^{}]+)\}$/.exec(json)?.[1]
    const value = only !== undefined && Object.hasOwn(values, only) ? values[only] : undefined
    return value ?? fillTemplate(json, (name) => valueOf(values, name))
  }
  if (Array.isArray(json)) return json.map((one) => fillJson(one, values))
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(Object.entries(json).map(([key, one]) => [key, fillJson(one, values)]))
}

function fillUrl(text: string, values: Values): string {
  const url = fillTemplate(text, (name) => urlValue(valueOf(values, name), name), encodeURIComponent)
  // Asked of the URL as its parser reads it: it takes `..`, `%2e%2e` and `.%2e` for a step up, before `?`, `#` and the end alike.
  const asWritten = fillTemplate(text, () => 'x')
  if (placeOf(url) !== placeOf(asWritten))
    throw new MayflyError(
      'bad_input',
      'a value would lead to another path or host: it is `.` or `..`, or stands in the host',
    )
  return url
}

function urlValue(value: string, name: string): string {
  // `DELETE /tokens/` could be for all of them.
  if (value === '') throw new MayflyError('bad_input', `{${name}} is empty, and its place is in a URL`)
  if (!value.isWellFormed())
    throw new MayflyError('bad_input', `{${name}} has half a character, and its place is in a URL`)
  return value
}

/** The origin, and which of the path's segments have something in them: a step up or an empty segment changes it. */
function placeOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname.replaceAll(/[^/]+/g, 'x')}`
}
