/** A step's `if`, read: what it asks for, and its answer. It cannot fail, run long or reach anything but these facts. */
export interface Condition {
  /** The outputs that it reads. */
  readonly outputs: readonly { readonly step: string; readonly name: string }[]
  holds(facts: ConditionFacts): boolean
}

export interface ConditionFacts {
  /** Has a step failed: of the whole job, or without `fail_fast` of those that it needs, directly or through others? */
  readonly failed: boolean
  /** Undefined, as every name that is not there, is the empty text. */
  readonly env: (name: string) => string | undefined
  readonly job: Readonly<Partial<Record<JobFact, string>>>
  readonly matrix: Readonly<Record<string, string>>
  readonly output: (step: string, name: string) => string | undefined
}

export const jobFacts = ['ref', 'ref_protected', 'commit', 'repository', 'repository_id'] as const
type JobFact = (typeof jobFacts)[number]

export type ParsedCondition =
  | { readonly ok: true; readonly condition: Condition }
  /** `at` counts characters of the text from 0. */
  | { readonly ok: false; readonly at: number; readonly message: string }

const maxChars = 1_000
const maxDepth = 20

/**
 * The language of `if`:
 *
 *   either  = both { "or" both }            each side is a question
 *   both    = no { "and" no }
 *   no      = "not" no | compare
 *   compare = value [ ("==" | "!=") value ]  two texts
 *   value   = "(" either ")" | success() | failure() | always() | "text" | 'text'
 *           | env.NAME | job.FACT | matrix.NAME | outputs.STEP.NAME
 *
 * A text is no question and a question no text, so that nothing is true by accident. No loops, no functions of one's own, no
 * patterns: it ends after as many steps as it has words.
 */
export function parseCondition(text: string): ParsedCondition {
  try {
    if (text.length > maxChars) throw new Wrong(0, `an expression has at most ${maxChars} characters`)
    const braces = text.indexOf('${{')
    if (braces !== -1)
      throw new Wrong(
        braces,
        'it is written without ${{ }}, and with the names of Mayfly: job.ref == "refs/heads/main", env.NAME, failure()',
      )
    const reader = new Reader(wordsOf(text), text.length)
    const { ask } = question(either(reader, 0))
    reader.end()
    const { outputs, asksForOutcome } = reader
    // What does not speak of failures is not meant for after one.
    const holds = (facts: ConditionFacts) => (asksForOutcome || !facts.failed) && ask(facts)
    return { ok: true, condition: { outputs, holds } }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    return { ok: false, at: error.at, message: error.message }
  }
}

/** A step without an `if`: where nothing before it failed. */
export const unlessFailed: Condition = { outputs: [], holds: (facts) => !facts.failed }

type Term =
  | { readonly kind: 'question'; readonly at: number; readonly ask: (facts: ConditionFacts) => boolean }
  | { readonly kind: 'text'; readonly at: number; readonly read: (facts: ConditionFacts) => string }

interface Word {
  readonly at: number
  readonly text: string
  readonly kind: 'name' | 'text' | 'sign'
}

class Wrong extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** Keywords, names, quoted texts without escapes, and signs. */
const word =
  /\s*(?:([A-Za-z_][A-Za-z0-9_-]*(?:\.(?:[A-Za-z0-9_-]+|"[^"]*"))*)|"([^"]*)"|'([^']*)'|(==|!=|[()])|(&&|\|\||!|=|\S))/y

const meant: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '!': 'not', '=': '==' }

function wordsOf(text: string): Word[] {
  const words: Word[] = []
  const pattern = new RegExp(word)
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    const [whole, name, double, single, sign, other] = found
    const at = found.index + (whole.length - whole.trimStart().length)
    if (other !== undefined) {
      const hint = meant[other] === undefined ? '' : `: write \`${meant[other]}\``
      throw new Wrong(at, `\`${other}\` is not understood${hint}`)
    }
    if (name !== undefined) words.push({ at, text: name, kind: 'name' })
    else if (sign !== undefined) words.push({ at, text: sign, kind: 'sign' })
    else words.push({ at, text: double ?? single ?? '', kind: 'text' })
  }
  return words
}

class Reader {
  readonly outputs: { step: string; name: string }[] = []
  asksForOutcome = false
  readonly #words: readonly Word[]
  readonly #endsAt: number
  #next = 0

  constructor(words: readonly Word[], endsAt: number) {
    this.#words = words
    this.#endsAt = endsAt
  }

  /** Takes the next word if it is this keyword or sign. */
  takes(text: string): boolean {
    const next = this.#words[this.#next]
    if (next?.text !== text || next.kind === 'text') return false
    this.#next++
    return true
  }

  take(wanted: string): Word {
    const next = this.#words[this.#next]
    if (next === undefined) throw new Wrong(this.#endsAt, `it ends where ${wanted} should follow`)
    this.#next++
    return next
  }

  end(): void {
    const next = this.#words[this.#next]
    if (next !== undefined) throw new Wrong(next.at, `\`${next.text}\` is not expected here`)
  }
}

function either(reader: Reader, depth: number): Term {
  let left = both(reader, depth)
  while (reader.takes('or')) {
    const [a, b] = [question(left), question(both(reader, depth))]
    left = { kind: 'question', at: a.at, ask: (facts) => a.ask(facts) || b.ask(facts) }
  }
  return left
}

function both(reader: Reader, depth: number): Term {
  let left = no(reader, depth)
  while (reader.takes('and')) {
    const [a, b] = [question(left), question(no(reader, depth))]
    left = { kind: 'question', at: a.at, ask: (facts) => a.ask(facts) && b.ask(facts) }
  }
  return left
}

function no(reader: Reader, depth: number): Term {
  let isTurned = false
  let turned = false
  while (reader.takes('not')) {
    turned = !turned
    isTurned = true
  }
  const term = compare(reader, depth)
  if (!isTurned) return term
  const { at, ask } = question(term)
  return { kind: 'question', at, ask: (facts) => ask(facts) !== turned }
}

function compare(reader: Reader, depth: number): Term {
  const left = value(reader, depth)
  const isEqual = reader.takes('==')
  if (!isEqual && !reader.takes('!=')) return left
  const [a, b] = [textOf(left), textOf(value(reader, depth))]
  return { kind: 'question', at: a.at, ask: (facts) => (a.read(facts) === b.read(facts)) === isEqual }
}

function value(reader: Reader, depth: number): Term {
  const { at, text, kind } = reader.take('a value')
  if (kind === 'text') return { kind: 'text', at, read: () => text }
  if (text === '(') {
    if (depth >= maxDepth) throw new Wrong(at, `more than ${maxDepth} parentheses in one another`)
    const inner = either(reader, depth + 1)
    if (!reader.takes(')')) throw new Wrong(reader.take('`)`').at, '`)` is missing')
    return inner
  }
  if (kind === 'sign' || ['and', 'or'].includes(text))
    throw new Wrong(at, `a value is missing before \`${text}\``)
  return reader.takes('(') ? outcome(reader, at, text) : reference(reader, at, text)
}

function outcome(reader: Reader, at: number, name: string): Term {
  if (!reader.takes(')')) throw new Wrong(at, `\`${name}()\` takes nothing between its parentheses`)
  const ask = outcomes.get(name)
  if (ask === undefined)
    throw new Wrong(at, `there is no \`${name}()\`: known are success(), failure() and always()`)
  reader.asksForOutcome = true
  return { kind: 'question', at, ask }
}

const outcomes: ReadonlyMap<string, (facts: ConditionFacts) => boolean> = new Map([
  ['success', ({ failed }: ConditionFacts) => !failed],
  ['failure', ({ failed }: ConditionFacts) => failed],
  ['always', () => true],
])

function reference(reader: Reader, at: number, text: string): Term {
  const [space = '', ...parts] = partsOf(text)
  const [first = '', second = ''] = parts
  const read = (it: (facts: ConditionFacts) => string | undefined): Term => ({
    kind: 'text',
    at,
    read: (facts) => it(facts) ?? '',
  })
  if (space === 'env' && parts.length === 1) return read((facts) => facts.env(first))
  if (space === 'matrix' && parts.length === 1)
    return read(({ matrix }) => (Object.hasOwn(matrix, first) ? matrix[first] : undefined))
  if (space === 'job' && parts.length === 1) {
    const fact = jobFacts.find((known) => known === first)
    if (fact === undefined) throw new Wrong(at, `there is no job.${first}: known are ${jobFacts.join(', ')}`)
    return read((facts) => facts.job[fact])
  }
  if (space === 'outputs' && parts.length === 2) {
    reader.outputs.push({ step: first, name: second })
    return read((facts) => facts.output(first, second))
  }
  throw new Wrong(
    at,
    `\`${text}\` is not understood: write env.NAME, job.ref, matrix.NAME or outputs.STEP.NAME, and texts in quotes`,
  )
}

/** `outputs."Unit tests".version` has the parts outputs, Unit tests, version. */
function partsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|[^."]+/g)].map(([whole, quoted]) => quoted ?? whole)
}

function question(term: Term): Term & { kind: 'question' } {
  if (term.kind === 'question') return term
  throw new Wrong(term.at, 'a text is no yes or no: compare it with == or !=')
}

function textOf(term: Term): Term & { kind: 'text' } {
  if (term.kind === 'text') return term
  throw new Wrong(term.at, 'only texts are compared: use and, or, not')
}
