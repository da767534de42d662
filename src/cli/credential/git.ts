import type { HandedCredential } from '../../runner/index.ts'
import { loginOf, readPlace, type Place } from './place.ts'

/** What git asks of a credential helper (git-credential(1), "INPUT/OUTPUT FORMAT"). */
export interface GitQuestion {
  readonly place: Place
  /** It takes credentials by scheme, and ones that no other helper may keep (git 2.46). */
  readonly knowsAuthtype: boolean
}

/**
 * Reads git's attributes. Undefined for what is not plain lines of `key=value`, each key once: a carriage return, or a value that
 * would be another line, makes one tool see another host than the next (CVE-2020-5260, CVE-2024-50338, CVE-2024-52006).
 */
export function readGitQuestion(text: string): GitQuestion | undefined {
  const values = new Map<string, string>()
  const capabilities: string[] = []
  const [asked = '', ...rest] = text.split('\n\n')
  if (rest.some((more) => more.trim() !== '')) return undefined
  for (const line of asked.replace(/\n$/, '').split('\n')) {
    const [, key = '', list, value = ''] = /^([a-z_]{1,40})(\[\])?=([^\0-\x1f\x7f]{0,4000})$/.exec(line) ?? []
    if (key === '') return undefined
    if (list !== undefined) {
      if (key === 'capability') capabilities.push(value)
      continue
    }
    // git itself would take the last one.
    if (values.has(key)) return undefined
    values.set(key, value)
  }
  const { protocol, host, path } = Object.fromEntries(values)
  if (protocol === undefined || host === undefined) return undefined
  const place = readPlace(`${protocol}://${host}${path === undefined ? '' : `/${path}`}`)
  return place === undefined ? undefined : { place, knowsAuthtype: capabilities.includes('authtype') }
}

/** What git takes; `ephemeral` keeps other helpers (`cache`, `store`) from keeping it. */
export function writeGitAnswer({ fields, expires_at }: HandedCredential, question: GitQuestion): string {
  const { username, password } = loginOf(fields)
  const expiry = `password_expiry_utc=${Math.floor(Date.parse(expires_at) / 1000)}`
  const lines = question.knowsAuthtype
    ? [
        'capability[]=authtype',
        'authtype=Basic',
        `credential=${Buffer.from(`${username}:${password}`).toString('base64')}`,
        'ephemeral=1',
        expiry,
      ]
    : [`username=${username}`, `password=${password}`, expiry]
  return `${lines.join('\n')}\n`
}
