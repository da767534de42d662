import {
  Composer,
  Lexer,
  Parser,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Alias,
  type Document,
  type Node,
  type ParsedNode,
} from 'yaml'
import { messageOf } from '../../lib/index.ts'
import type { ReadProblem, Text } from '../model.ts'
import { OverBound, bounds } from './bounds.ts'
import { YamlView, spanOf, type YamlContext } from './yaml-view.ts'

export interface YamlFile {
  /** The contents of each document. */
  readonly views: readonly YamlView[]
  /** Every text of the file once, in its order, with the name it stands under; nothing is followed. */
  readonly texts: readonly NamedText[]
  readonly problems: ReadProblem[]
}

export interface NamedText {
  readonly text: Text
  /** The names above it, outermost first; entries of lists have none. */
  readonly path: readonly string[]
}

/**
 * Reads YAML as text: nothing becomes a number, a date or `true`. What is broken is a problem, and what is whole is read all the
 * same. Throws `OverBound` for what is nested too deeply.
 */
export function readYamlFile(text: string): YamlFile {
  const documents = documentsOf(text)
  const problems = documents.flatMap(({ errors }) =>
    errors.map(({ pos: [start, end], message }) => ({
      message: `it is not valid YAML: ${(message.split('\n')[0] ?? '').slice(0, 200)}`,
      // What is missing at the end is missed behind it.
      span: { start: Math.min(start, text.length), end: Math.min(Math.max(start, end), text.length) },
    })),
  )
  const targets = new Map<Alias, Node>()
  const texts: NamedText[] = []
  for (const { contents } of documents)
    collect(contents, [], { texts, targets, anchors: new Map(), problems })
  const context: YamlContext = { text, targets, problems, visits: 0 }
  return {
    views: documents.map(({ contents }) => new YamlView(context, contents ?? undefined)),
    texts,
    problems,
  }
}

function documentsOf(text: string): Document.Parsed<ParsedNode>[] {
  const tokens = []
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    // What composes the document calls itself for each level: a few KB of `[` would end the process.
    if (parser.stack.length > bounds.depth)
      throw new OverBound(`lists or names are nested more than ${bounds.depth} deep`)
  }
  for (const token of parser.end()) tokens.push(token)
  const composer = new Composer({
    schema: 'failsafe',
    uniqueKeys: false,
    keepSourceTokens: false,
    prettyErrors: false,
    logLevel: 'silent',
    strict: true,
  })
  try {
    return [...composer.compose(tokens, true, text.length)]
  } catch (error) {
    throw new OverBound(`the YAML reader gives up: ${messageOf(error).slice(0, 200)}`)
  }
}

interface Collected {
  readonly texts: NamedText[]
  readonly targets: Map<Alias, Node>
  readonly anchors: Map<string, Node>
  readonly problems: ReadProblem[]
}

/** In the order of the source, so that an alias stands for the last anchor of its name before it. */
function collect(node: Node | null | undefined, path: readonly string[], into: Collected): void {
  if (node === null || node === undefined) return
  if (isAlias(node)) {
    const target = into.anchors.get(node.source)
    if (target !== undefined) into.targets.set(node, target)
    else into.problems.push({ message: `nothing has the anchor ${node.source}`, span: spanOf(node, 0) })
    return
  }
  if ('anchor' in node && typeof node.anchor === 'string') into.anchors.set(node.anchor, node)
  if (isScalar(node)) {
    if (typeof node.value === 'string' && node.value !== '')
      into.texts.push({ text: { value: node.value, span: spanOf(node, 0) }, path })
  } else if (isSeq(node)) for (const item of node.items) collect(item as Node, path, into)
  else if (isMap(node)) collectMap(node.items, path, into)
}

function collectMap(
  pairs: readonly { readonly key: unknown; readonly value: unknown }[],
  path: readonly string[],
  into: Collected,
): void {
  const seen = new Set<string>()
  for (const { key, value } of pairs) {
    const name = isScalar(key) ? String(key.value) : ''
    if (seen.has(name) && name !== '<<' && isScalar(key))
      into.problems.push({
        message: `"${name.slice(0, 100)}" is there twice: CIs differ in which counts`,
        span: spanOf(key, 0),
      })
    seen.add(name)
    if (!isScalar(key)) collect(key as Node, path, into)
    else if (key.anchor !== undefined) into.anchors.set(key.anchor, key)
    collect(value as Node, name === '' ? path : [...path, name], into)
  }
}
