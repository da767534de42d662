import { z } from 'zod'

/** A URL that says where something is and nothing else: no user, no query, no fragment. `when` tells of http://. */
export function plainUrl(when: string) {
  return z
    .string()
    .refine(isPlainUrl, `an https:// URL without user, query or fragment (http:// only ${when})`)
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  return plain && (url.protocol === 'https:' || url.protocol === 'http:')
}
