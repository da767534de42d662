import { escapeUnseen } from '../../lib/index.ts'
import { createRepeats } from './repeats.ts'

const maxChars = 120
const maxListed = 30
const hidden = '(repeats the secret: not shown)'

/** What a vendor said, as it is shown. */
export interface Cleaned {
  readonly whose: string | undefined
  readonly can: readonly string[]
}

/**
 * What a vendor says of a secret, for people: short, visible, and nothing of the secret. Only what would be shown is looked at, and all of
 * it together, so that an answer costs the same however long it is, and pieces in several places are no way around.
 */
export function cleaned(
  secrets: readonly string[],
  said: { readonly whose: readonly unknown[]; readonly can: readonly unknown[] },
): Cleaned {
  const whose = said.whose.slice(0, 5).flatMap(shortOf)
  const all = [...new Set(said.can.slice(0, 10 * maxListed).flatMap(shortOf))]
  const can = all.slice(0, maxListed)
  const repeated = createRepeats(secrets)([...whose, ...can])
  const shown = [...whose, ...can].map((text, i) => (repeated[i] === true ? hidden : textOf(text)))
  const owners = [...new Set(shown.slice(0, whose.length))].join(', ').slice(0, 3 * maxChars)
  const more = all.length > maxListed ? [`and ${all.length - maxListed} more`] : []
  return {
    whose: owners === '' ? undefined : owners,
    can: [...new Set(shown.slice(whose.length)), ...more],
  }
}

function shortOf(value: unknown): string[] {
  if (typeof value === 'number' && Number.isFinite(value)) return [String(value)]
  if (typeof value !== 'string') return []
  const text = value
    .slice(0, 4 * maxChars)
    .trim()
    .slice(0, maxChars + 1)
  return text === '' ? [] : [text]
}

function textOf(text: string): string {
  const seen = escapeUnseen(text.slice(0, maxChars))
  return text.length > maxChars || seen.length > 2 * maxChars ? `${seen.slice(0, 2 * maxChars)}…` : seen
}
