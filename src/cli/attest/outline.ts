import { escapeUnseen } from '../../lib/index.ts'
import { escapeMarkdown } from '../markdown.ts'

/** A text of ours with others' texts in it: those are escaped for where they are shown. */
export interface Said {
  readonly strings: readonly string[]
  readonly values: readonly (string | number | Said)[]
}

export interface Outline {
  readonly line: Said
  readonly below?: readonly Outline[]
}

/** `say\`step ${name}\``: what stands in `${}` is somebody else's. */
export function say(strings: TemplateStringsArray, ...values: (string | number | Said)[]): Said {
  return { strings, values }
}

export function joined(parts: readonly Said[], between: string): Said {
  const strings = ['', ...parts.slice(1).map(() => between), '']
  return parts.length === 0 ? { strings: [''], values: [] } : { strings, values: parts }
}

export function textLines(outline: readonly Outline[], depth = 0): string[] {
  return outline.flatMap(({ line, below = [] }) => [
    `${'  '.repeat(depth)}${rendered(line, escapeText)}`,
    ...textLines(below, depth + 1),
  ])
}

export function markdownLines(outline: readonly Outline[], depth = 0): string[] {
  return outline.flatMap(({ line, below = [] }) => [
    `${'  '.repeat(depth)}- ${rendered(line, (text) => escapeMarkdown(shortened(text)))}`,
    ...markdownLines(below, depth + 1),
  ])
}

function rendered({ strings, values }: Said, escape: (text: string) => string): string {
  return strings
    .map((own, i) => {
      const value = values[i]
      if (value === undefined) return own
      return own + (typeof value === 'object' ? rendered(value, escape) : escape(String(value)))
    })
    .join('')
}

function escapeText(text: string): string {
  return escapeUnseen(shortened(text.replaceAll(/\s+/g, ' ')))
}

/** A name may be as long as its step likes, and a tree is to be read. */
function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 299)}…` : text
}
