import { OverBound, bounds } from './bounds.ts'
import { tokensOf, type Token } from './groovy-tokens.ts'
import type { ReadProblem, Span } from '../model.ts'

/** A statement, with what stands in its braces: `stage('Build') { steps { sh 'make' } }`. */
export interface Block extends Span {
  readonly head: readonly Token[]
  /** Undefined of a statement without braces. */
  readonly body: readonly Block[] | undefined
}

export interface Groovy {
  readonly blocks: readonly Block[]
  readonly tokens: readonly Token[]
  readonly problems: readonly ReadProblem[]
}

interface Open {
  head: Token[]
  readonly blocks: Block[]
  /** Brackets that are open: a line's end within them ends no statement. */
  brackets: number
}

/** Statements and their braces; whether the text is valid Groovy is not judged. */
export function blocksOf(text: string): Groovy {
  const tokens = tokensOf(text)
  const stack: Open[] = [{ head: [], blocks: [], brackets: 0 }]
  const problems: ReadProblem[] = []
  for (const one of tokens) {
    if (stack.length > bounds.depth) throw new OverBound(`braces are nested more than ${bounds.depth} deep`)
    const top = stack.at(-1)
    if (top === undefined) break
    if (one.text === '{' && one.kind === 'mark') stack.push({ head: [], blocks: [], brackets: 0 })
    else if (one.text === '}' && one.kind === 'mark') {
      if (stack.length === 1) problems.push({ message: 'a brace closes that nothing has opened', span: one })
      else close(stack, one.end)
    } else take(top, one)
  }
  if (stack.length > 1)
    problems.push({ message: 'a brace is not closed', span: { start: text.length, end: text.length } })
  while (stack.length > 1) close(stack, text.length)
  const [bottom] = stack
  if (bottom !== undefined) finish(bottom)
  return { blocks: bottom?.blocks ?? [], tokens, problems }
}

function take(top: Open, one: Token): void {
  const isMark = one.kind === 'mark'
  if (isMark && (one.text === '(' || one.text === '[')) top.brackets++
  if (isMark && (one.text === ')' || one.text === ']')) top.brackets = Math.max(0, top.brackets - 1)
  const isEnd = one.kind === 'line' || (isMark && one.text === ';')
  // `script {` and an argument on the next line behind a comma go on.
  const goesOn = top.brackets > 0 || top.head.at(-1)?.text === ','
  if (isEnd && !goesOn) finish(top)
  else if (one.kind !== 'line') top.head.push(one)
}

function finish(open: Open): void {
  const [first, last] = [open.head[0], open.head.at(-1)]
  if (first !== undefined && last !== undefined)
    open.blocks.push({ head: open.head, body: undefined, start: first.start, end: last.end })
  open.head = []
  open.brackets = 0
}

/** The block that ends here belongs to the statement that began before its brace. */
function close(stack: Open[], end: number): void {
  const inner = stack.pop()
  const outer = stack.at(-1)
  if (inner === undefined || outer === undefined) return
  finish(inner)
  const { head } = outer
  const start = head[0]?.start ?? inner.blocks[0]?.start ?? end
  // A closure among arguments (`parallel(a: { ... }, b: { ... })`): the statement goes on behind it.
  outer.blocks.push({ head, body: inner.blocks, start, end })
  outer.head = []
}
