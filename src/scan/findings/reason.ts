import { escapeUnseen } from '../../lib/index.ts'

const longest = 300
const mask = '****'

/** Words, with all that stands in a key; the parts of an address or a path are words of their own. */
const run = /[\w+/=.~-]{16,}/g
const partsOf = (text: string): string[] => text.split(/[/.]/)

/**
 * A reason as reports say it. People write there what replaces a key, and a report shows no key: what looks as random as one is masked.
 */
export function shownReason(text: string): string {
  const masked = text
    .slice(0, longest)
    .replaceAll(run, (words) => (partsOf(words).some(isOpaque) ? mask : words))
  return escapeUnseen(masked)
}

function isOpaque(word: string): boolean {
  if (word.length < 16) return false
  const digits = word.replaceAll(/\D/g, '').length
  return digits >= 4 || (digits > 0 && /[a-z]/.test(word) && /[A-Z]/.test(word))
}
