import { z } from 'zod'

/** A URL that says where something is and nothing else: no user, no query, no fragment. `when` tells of http://. */
export function plainUrl(when: string) {
  return z
    .string()
    .refine(isPlainUrl, `an https:// URL without user, query or fragment (http:// only ${when})`)
}

/** Where a protocol of bytes is: its name, host and port. */
export function streamUrl(protocol: string, usual?: number) {
  const port = usual === undefined ? ':[0-9]{1,5}' : '(?::[0-9]{1,5})?'
  const form = new RegExp(String.raw`^${protocol}://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)${port}$`)
  const which = usual === undefined ? 'and a port' : `and a port, unless it is ${usual}`
  return z
    .string()
    .regex(form, `${protocol}:// with a host ${which}, such as ${protocol}://one.internal:${usual ?? 6379}`)
    .describe('Where it is, as the tools in a step name it.')
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  return plain && (url.protocol === 'https:' || url.protocol === 'http:')
}
