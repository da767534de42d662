import type { Token } from './tokens.ts'

const shapeChars = 2_000

/** The statement with `?` for each literal: what the record says of it. Of a long one it is the beginning. */
export function shapeOf(tokens: readonly Token[]): { readonly shape: string; readonly isWhole: boolean } {
  let text = ''
  let only: string | undefined
  for (const token of tokens) {
    if (token.only !== only && only !== undefined) text += ' */'
    if (token.only !== only && token.only !== undefined) text += ` /*${token.only}`
    only = token.only
    text += ` ${shown(token)}`
    if (text.length > 4 * shapeChars) break
  }
  if (only !== undefined) text += ' */'
  const short = text.trim().replaceAll(/ ?([.,()]) ?/g, '$1')
  return { shape: short.slice(0, shapeChars), isWhole: short.length <= shapeChars }
}

function shown({ is, text, written, many }: Token): string {
  if (many === true) return '?,...'
  if (is === 'string' || is === 'number') return '?'
  const known = (written ?? text).slice(0, shapeChars + 1)
  return is === 'name' ? `\`${known}\`` : known
}
