import type { Text } from '../model.ts'
import type { FoundSecret } from './file-parts.ts'
import { placedIn, type Found } from './matches.ts'
import type { NamedText } from './yaml-document.ts'

interface Token {
  readonly kind: 'name' | 'string' | 'mark'
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Of GitHub's expression language what finds names: https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions */
const lexeme = /'(?:[^']|'')*'|[A-Za-z_][\w-]*|[^\s\w]/g

function tokensOf(expression: string): Token[] {
  return [...expression.matchAll(lexeme)].map(({ 0: text, index }) => ({
    kind: text.startsWith("'") ? 'string' : /^\w/.test(text) ? 'name' : 'mark',
    text,
    start: index,
    end: index + text.length,
  }))
}

/** The parts of a text that are expressions; `isBare`: an `if` is one without braces. */
function expressionsIn(value: string, isBare: boolean): { readonly text: string; readonly at: number }[] {
  const braced: { text: string; at: number }[] = []
  for (let open = value.indexOf('${{'); open !== -1;) {
    const close = value.indexOf('}}', open)
    const end = close === -1 ? value.length : close
    braced.push({ text: value.slice(open + 3, end), at: open + 3 })
    open = value.indexOf('${{', end)
  }
  return braced.length === 0 && isBare ? [{ text: value, at: 0 }] : braced
}

export interface ContextUse extends Found {
  /** `undefined`: all of the context, or a name that is computed. */
  readonly name: string | undefined
}

/** Where an expression of the text reads the context (`secrets`, `vars`), in whatever way it is written. */
export function contextUses(value: string, context: string, isBare: boolean): ContextUse[] {
  return expressionsIn(value, isBare).flatMap(({ text, at }) => {
    const tokens = tokensOf(text)
    return tokens.flatMap((token, i): ContextUse[] => {
      const isContext = token.kind === 'name' && token.text.toLowerCase() === context
      if (!isContext || tokens[i - 1]?.text === '.') return []
      const [first, second, third] = tokens.slice(i + 1, i + 4)
      const use = (name: string | undefined, end: number): ContextUse[] => [
        { name, index: at + token.start, length: end - token.start },
      ]
      if (first?.text === '.' && second?.kind === 'name') return use(second.text, second.end)
      if (first?.text === '[' && second?.kind === 'string' && third?.text === ']')
        return use(second.text.slice(1, -1).replaceAll("''", "'"), third.end)
      return use(undefined, first?.text === '[' || first?.text === '.' ? (second ?? first).end : token.end)
    })
  })
}

/** The secrets that a text of a workflow reads. */
export function githubSecrets(source: string, { text, path }: NamedText, inCommand: boolean): FoundSecret[] {
  const key = path.at(-1)
  const uses = placedIn(source, text, (value) => contextUses(value, 'secrets', key === 'if'))
  const found = uses.map(({ name, span }): FoundSecret => ({
    name: name ?? '*',
    store: name === undefined ? 'all' : 'secret',
    span,
    certain: true,
    inCommand,
    ...targetOf(path),
  }))
  return isInherit(path, text) ? [...found, inheritOf(text)] : found
}

/** Of `secrets: inherit` of a job that calls a workflow. */
function isInherit(path: readonly string[], text: Text): boolean {
  return path.length === 3 && path[0] === 'jobs' && path[2] === 'secrets' && text.value === 'inherit'
}

function inheritOf(text: Text): FoundSecret {
  return { name: '*', store: 'all', span: text.span, certain: true, inCommand: false }
}

function targetOf(path: readonly string[]): { readonly target?: string } {
  const above = path.at(-2)
  const isTarget = above === 'env' || above === 'with' || above === 'secrets' || above === 'credentials'
  const key = path.at(-1)
  return isTarget && key !== undefined ? { target: key } : {}
}
