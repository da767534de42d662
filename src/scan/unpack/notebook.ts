import { createView, type View } from './view.ts'

/** Members of a cell and of its outputs whose text people read; each is a string, or a list of such. */
const texts = new Set(['source', 'text', 'text/plain', 'text/html', 'text/markdown', 'traceback'])

/** Whether it may be a notebook of Jupyter (nbformat 4). */
export function mayBeNotebook(bytes: Buffer): boolean {
  return bytes[0] === 0x7b && bytes.includes('"nbformat"') && bytes.includes('"cells"')
}

interface Cell {
  /** From 1. */
  readonly number: number
  readonly view: View
}

/** Notebooks are a dozen deep, and people do not scroll through so many cells. */
const [maxDepth, maxCells] = [64, 20_000]
/** Of one cell: each string, and each escape in one, is a stretch whose place is remembered. */
const maxStretches = 400_000

/**
 * The cells of a notebook with what they put out: strings of JSON, one for each line, put together. Of what is no JSON there are none.
 * `limit` is told why those are not all.
 */
export function* notebookCells(bytes: Buffer, limit: (why: string) => void): Generator<Cell> {
  const around: { readonly isList: boolean; key: string }[] = []
  let [number, stretches] = [0, 0]
  let view = createView()
  let pending: Token | undefined
  const isCells = () => around.length === 2 && around[1]?.isList === true && around[1].key === 'cells'

  for (const token of tokensOf(bytes)) {
    const holder = around.at(-1)
    if (pending !== undefined && holder !== undefined) {
      if (token.kind === ':') holder.key = bytes.toString('latin1', pending.start, pending.end)
      else if (texts.has(holder.key) && number > 0) stretches += addString(view, bytes, pending)
    }
    const why = tooMuch(around.length, number, stretches)
    if (why !== undefined) {
      limit(why)
      break
    }
    pending = token.kind === '"' ? token : undefined
    if (token.kind === '{' || token.kind === '[') {
      if (token.kind === '{' && isCells()) number++
      around.push({ isList: token.kind === '[', key: token.kind === '[' ? (holder?.key ?? '') : '' })
    } else if (token.kind === '}' || token.kind === ']') {
      around.pop()
      if (!isCells() || view.isEmpty()) continue
      yield { number, view }
      view = createView()
      stretches = 0
    }
  }
  if (!view.isEmpty()) yield { number, view }
}

function tooMuch(depth: number, cells: number, stretches: number): string | undefined {
  if (depth > maxDepth) return `it is a notebook that is more than ${maxDepth} deep`
  if (cells > maxCells) return `it is a notebook of more than ${maxCells} cells`
  return stretches > maxStretches
    ? `it is a notebook with a cell of more than ${maxStretches} parts`
    : undefined
}

interface Token {
  readonly kind: string
  /** Of a string, without its quotes. */
  readonly start: number
  readonly end: number
}

const [quote, backslash] = [0x22, 0x5c]
const marks = new Set([0x7b, 0x7d, 0x5b, 0x5d, 0x3a, 0x2c])

function* tokensOf(bytes: Buffer): Generator<Token> {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === quote) {
      const start = at + 1
      for (at = start; at < bytes.length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++
      yield { kind: '"', start, end: Math.min(at, bytes.length) }
    } else if (marks.has(byte)) yield { kind: String.fromCharCode(byte), start: at, end: at + 1 }
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }

/** Returns of how many stretches it is. */
function addString(view: View, bytes: Buffer, { start, end }: Token): number {
  let [at, stretches] = [start, 0]
  for (; at < end && stretches <= maxStretches; stretches++) {
    const escape = bytes.indexOf(backslash, at)
    const stop = escape === -1 || escape >= end ? end : escape
    if (stop > at) view.add(bytes.subarray(at, stop), at, 'as is')
    if (stop === end) break
    const letter = String.fromCharCode(bytes[stop + 1] ?? 0)
    const code =
      letter === 'u' ? Number.parseInt(bytes.toString('latin1', stop + 2, stop + 6), 16) : Number.NaN
    const plain =
      letter === 'u' && !Number.isNaN(code) ? String.fromCharCode(code) : (escapes[letter] ?? letter)
    view.add(Buffer.from(plain), stop, 'as is')
    at = stop + (letter === 'u' ? 6 : 2)
  }
  return stretches
}
