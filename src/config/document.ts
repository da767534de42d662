import {
  Lexer,
  LineCounter,
  Parser,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Document,
  type Range,
} from 'yaml'
import { z } from 'zod'
import { MayflyError, didYouMean } from '../lib/index.ts'
import { maxDocumentBytes } from './policy-schema.ts'

/** One mistake in a configuration file; `line` and `column` count from 1. */
export interface ConfigProblem {
  file: string
  line: number
  column: number
  message: string
}

export type Parsed<T> = { ok: true; value: T; locate: Locate } | { ok: false; problems: ConfigProblem[] }

/** Where in the file the value (or key) at this path stands. */
export type Locate = (path: readonly PropertyKey[]) => { file: string; line: number; column: number }

/**
 * Reads YAML 1.2 against a strict schema. Unknown keys, duplicate keys and every other mistake come back
 * with file, line, column and, for a misspelt key, the one that was probably meant.
 */
export function parseConfig<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): Parsed<z.output<Schema>> {
  try {
    return parse(text, file, schema)
  } catch (error) {
    // What goes through the document level by level has no bound of its own.
    if (!(error instanceof RangeError)) throw error
    return { ok: false, problems: [tooDeep({ file, line: 1, column: 1 })] }
  }
}

function parse<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): Parsed<z.output<Schema>> {
  if (Buffer.byteLength(text) > maxDocumentBytes) {
    return {
      ok: false,
      problems: [{ file, line: 1, column: 1, message: `larger than ${maxDocumentBytes} bytes` }],
    }
  }
  const deep = firstTooDeep(text)
  if (deep !== undefined) return { ok: false, problems: [tooDeep({ file, ...deep })] }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true, version: '1.2' })
  const locate: Locate = (path) => ({ file, ...position(document, lines, path) })
  if (document.errors.length > 0) {
    // The reader calls itself for each level; what it says after its stack is used up is noise.
    const deep = document.errors.find(({ message }) => message.startsWith('Maximum call stack'))
    const problems = (deep === undefined ? document.errors : [deep]).map((error) =>
      syntaxProblem(error, file, lines),
    )
    return { ok: false, problems: deep === undefined ? problems : problems.map(tooDeep) }
  }
  const refused = firstRefused(document)
  if (refused !== undefined) {
    const { line, col } = lines.linePos(refused.at)
    return { ok: false, problems: [{ file, line, column: col, message: refused.message }] }
  }
  const result = schema.safeParse(document.toJS() ?? {}, { reportInput: true })
  if (result.success) return { ok: true, value: result.data, locate }
  return {
    ok: false,
    problems: result.error.issues.flatMap((issue) =>
      schemaProblems(issue, schema, locate, (path) => sourceAt(document.contents, path)),
    ),
  }
}

/** No configuration is nested half as deeply. */
const maxDepth = 100

/**
 * Where it is nested too deeply. What reads a document afterwards calls itself for each level: a few KB of `[` or `- ` take it seconds, and
 * may end the process where its stack is used up. Lexer and parser keep a stack of their own.
 */
function firstTooDeep(text: string): { line: number; column: number } | undefined {
  const lines = new LineCounter()
  const parser = new Parser(lines.addNewLine)
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length <= maxDepth) continue
    const { line, col } = lines.linePos(parser.offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  return undefined
}

function tooDeep(at: Omit<ConfigProblem, 'message'>): ConfigProblem {
  return { ...at, message: 'lists or names are nested too deeply to be read' }
}

/** The same as one error, the first problem in its message, the rest counted. */
export function configError(problems: readonly ConfigProblem[]): MayflyError {
  return new MayflyError('config_invalid', problems.map(formatProblem).join('\n'))
}

export function formatProblem(problem: ConfigProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`
}

/** What YAML could say and we do not read; where it stands. */
function firstRefused(document: Document): { at: number; message: string } | undefined {
  const { yaml } = document.directives ?? {}
  // In YAML 1.1 `yes` is a boolean and `<<` merges: the same text would mean something else.
  if (yaml?.version !== undefined && yaml.version !== '1.2')
    return { at: 0, message: 'only YAML 1.2 is read' }
  let refused: { at: number; message: string } | undefined
  visit(document, {
    // A few lines of aliases can stand for gigabytes ("billion laughs").
    Alias: (_, node) => {
      refused = { at: node.range?.[0] ?? 0, message: 'YAML aliases are not accepted: write the value out' }
      return visit.BREAK
    },
    Pair: (_, { key }) => {
      if (!isScalar(key) || key.value !== '__proto__') return undefined
      refused = { at: key.range?.[0] ?? 0, message: 'unknown key "__proto__": it cannot be a name' }
      return visit.BREAK
    },
  })
  return refused
}

function syntaxProblem(
  error: { pos: [number, number]; message: string; code: string },
  file: string,
  lines: LineCounter,
): ConfigProblem {
  const { line, col } = lines.linePos(error.pos[0])
  const message =
    error.code === 'DUPLICATE_KEY'
      ? 'this name is there twice: the second would silently win, so neither does'
      : (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')
  return { file, line, column: col, message }
}

function schemaProblems(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  locate: Locate,
  sourceOf: (path: readonly PropertyKey[]) => string | undefined,
): ConfigProblem[] {
  const where = issue.path.length === 0 ? 'the file' : issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const all = knownKeys(schema, issue.path)
    return issue.keys.map((key) => {
      // Another form of the same thing may know this key; it is not what was meant instead of itself.
      const known = all.filter((name) => name !== key)
      // `database` where it is called `default_database`.
      const isPartOf = (name: string) => name.endsWith(`_${key}`) || key.endsWith(`_${name}`)
      const meant = didYouMean(key, known) ?? known.find(isPartOf)
      const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean "${meant}"?`
      return { ...locate([...issue.path, key]), message: `unknown key "${key}" in ${where}: ${hint}` }
    })
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The form that was meant knows all the keys that are there.
    const meant = issue.errors.filter((errors) => !errors.some(isOfAnotherForm))
    const nested = (meant.length > 0 ? meant : issue.errors)
      .flat()
      .toSorted((a, b) => b.path.length - a.path.length)
    const inner =
      nested.find((one) => one.code === 'unrecognized_keys') ??
      nested.find((one) => one.path.length > 0) ??
      // Of a text in the wrong form, what the form is.
      nested.find((one) => one.code === 'invalid_format')
    if (inner !== undefined)
      return schemaProblems({ ...inner, path: [...issue.path, ...inner.path] }, schema, locate, sourceOf)
  }
  return [{ ...locate(issue.path), message: `${where}: ${explain(issue, schema, sourceOf(issue.path))}` }]
}

function isOfAnotherForm({ code, path }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === 'unrecognized_keys' || code === 'invalid_type')
}

function explain(issue: z.core.$ZodIssue, schema: z.ZodType, source: string | undefined): string {
  if (issue.code === 'invalid_union' && 'discriminator' in issue) {
    return `"kind" must be one of ${kinds(schema, issue.path.slice(0, -1)).join(', ')}`
  }
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message
  if (typeof issue.input === 'number' && (issue.code === 'invalid_type' || issue.code === 'invalid_union')) {
    return numberHint(source ?? String(issue.input), schemasAt(schema, issue.path))
  }
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return 'is required'
  if (issue.code === 'invalid_union') {
    const forms = [...new Set(schemasAt(schema, issue.path).map(formOf))]
    return `has none of the accepted forms${forms.length === 0 ? '' : `: ${forms.join(', ')}`}`
  }
  return issue.message
}

/** How a value of this schema begins. */
function formOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodLiteral) return [...schema.values].join(', ')
  if (schema instanceof z.ZodEnum) return schema.options.join(', ')
  if (schema instanceof z.ZodArray) return '[ ... ]'
  if (!(schema instanceof z.ZodObject)) return `a ${schema.type}`
  const all = Object.entries<z.ZodType>(schema.shape)
  const [name] = all.find(([, one]) => !one.isOptional()) ?? all[0] ?? []
  return name === undefined ? '{}' : `{ ${name}: ... }`
}

/** How a text that was written as a number has to be written. */
function numberHint(text: string, accepted: readonly z.ZodType[]): string {
  const takes = (written: string) => accepted.some((one) => one.safeParse(written).success)
  if (accepted.length === 0 || takes(text)) return `put quotes around the number: "${text}"`
  const seconds = `${text}s`
  if (takes(seconds)) return `say the unit: ${seconds}, or with m or h for minutes and hours`
  const [issue] = accepted.flatMap((one) => one.safeParse(text).error?.issues ?? [])
  return issue?.message ?? `put quotes around the number: "${text}"`
}

/** The schema at a path, seen through optional, default, records, arrays and unions. */
function schemasAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType[] {
  const inner = unwrap(schema)
  const [key, ...rest] = path
  if (key === undefined) return inner
  return inner.flatMap((candidate) => {
    if (candidate instanceof z.ZodObject) {
      const child = (candidate.shape as Record<PropertyKey, z.ZodType>)[key]
      return child === undefined ? [] : schemasAt(child, rest)
    }
    if (candidate instanceof z.ZodRecord) return schemasAt(candidate.valueType as z.ZodType, rest)
    if (candidate instanceof z.ZodArray) return schemasAt(candidate.element as z.ZodType, rest)
    return []
  })
}

function unwrap(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return unwrap(schema.unwrap() as z.ZodType)
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(unwrap)
  return [schema]
}

function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const keys = schemasAt(schema, path).flatMap((at) =>
    at instanceof z.ZodObject ? Object.keys(at.shape) : [],
  )
  return [...new Set(keys)]
}

function kinds(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  return schemasAt(schema, path).flatMap((at) => {
    const kind: unknown =
      at instanceof z.ZodObject ? (at.shape as Record<string, unknown>)['kind'] : undefined
    return kind instanceof z.ZodLiteral ? [String(kind.value)] : []
  })
}

function position(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): { line: number; column: number } {
  const range = rangeAt(document.contents, path)
  const { line, col } = lines.linePos(range?.[0] ?? 0)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

// The deepest node on the path that exists; for the last step the key, which is what a reader looks for.
function rangeAt(node: unknown, path: readonly PropertyKey[]): Range | null | undefined {
  const [key, ...rest] = path
  if (!isNode(node)) return undefined
  if (key === undefined) return node.range
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
    if (pair === undefined) return node.range
    if (rest.length === 0 || pair.value === null) return isNode(pair.key) ? pair.key.range : node.range
    return rangeAt(pair.value, rest)
  }
  if (isSeq(node) && typeof key === 'number') return rangeAt(node.items[key], rest) ?? node.range
  return node.range
}

/** The scalar at the path as it is written: a number may not survive being read. */
function sourceAt(node: unknown, path: readonly PropertyKey[]): string | undefined {
  const [key, ...rest] = path
  if (key === undefined) return isScalar(node) ? node.source : undefined
  if (isMap(node)) return sourceAt(node.get(key, true), rest)
  return isSeq(node) ? sourceAt(node.items[Number(key)], rest) : undefined
}
