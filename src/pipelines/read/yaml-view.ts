import { isAlias, isMap, isPair, isScalar, isSeq, type Alias, type Node, type Pair, type YAMLMap } from 'yaml'
import type { Entry, ReadProblem, Span, Text } from '../model.ts'
import { OverBound, bounds } from './bounds.ts'

/** What one file's views share. */
export interface YamlContext {
  readonly text: string
  /** What each alias stands for. */
  readonly targets: ReadonlyMap<Alias, Node>
  readonly problems: ReadProblem[]
  visits: number
}

/** A name of a mapping with its value. */
export interface ViewPair {
  readonly key: Text
  readonly value: YamlView
  /** From the key to the end of the value. */
  readonly span: Span
  /** Taken in by `<<`. */
  readonly isMerged: boolean
}

/**
 * A place in a YAML document, read as a CI means it: aliases and merges (`<<`) are followed, everything is a string.
 * Reading is counted, so that aliases of aliases end; see `bounds.visits`.
 */
export class YamlView {
  readonly #context: YamlContext
  readonly #node: Node | undefined
  /** The place in the source at which it is asked for: an alias, or the node itself. */
  readonly span: Span
  readonly #via: Span | undefined

  constructor(context: YamlContext, node: Node | undefined, via?: Span, at = 0) {
    this.#context = context
    let target = node
    let through = via
    for (let hops = 0; isAlias(target) && hops < bounds.depth; hops++) {
      through ??= spanOf(target, at)
      target = context.targets.get(target)
    }
    this.#node = isAlias(target) ? undefined : target
    this.#via = through
    this.span = spanOf(this.#node, at)
  }

  /** Where an alias stands that led here. */
  get via(): Span | undefined {
    return this.#via
  }

  /** What is written here serves other places, too: an alias led here, or leads here, or to what it stands in, from elsewhere. */
  get isShared(): boolean {
    if (this.#via !== undefined) return true
    return [...this.#context.targets.values()].some((target) => {
      const { start, end } = spanOf(target, -1)
      return start <= this.span.start && this.span.end <= end
    })
  }

  /** `!reference`, `!include`; undefined without one. */
  get tag(): string | undefined {
    return this.#node?.tag
  }

  get isThere(): boolean {
    return this.#node !== undefined && !(isScalar(this.#node) && this.span.end <= this.span.start)
  }

  get isMap(): boolean {
    return isMap(this.#node)
  }

  get isList(): boolean {
    return isSeq(this.#node)
  }

  get isText(): boolean {
    return isScalar(this.#node)
  }

  /** Its text; undefined of a list or mapping, or of nothing. */
  get text(): Text | undefined {
    if (!isScalar(this.#node) || !this.isThere) return undefined
    const value = typeof this.#node.value === 'string' ? this.#node.value : String(this.#node.value)
    return { value, span: this.span, ...(this.#via === undefined ? {} : { via: this.#via }) }
  }

  get value(): string | undefined {
    return this.text?.value
  }

  /** The value under these names, one below the other; a view of nothing if there is none. */
  get(...path: readonly string[]): YamlView {
    const [name, ...rest] = path
    if (name === undefined) return this
    // A name that is there twice: the last one counts, as it does for the CIs that take it at all.
    const pair = this.pairs().findLast(({ key }) => key.value === name)
    const view = pair?.value ?? new YamlView(this.#context, undefined, undefined, this.span.start)
    return view.get(...rest)
  }

  pair(name: string): ViewPair | undefined {
    return this.pairs().findLast(({ key }) => key.value === name)
  }

  /** The names of a mapping in their order, merged ones that it does not say itself first. */
  pairs(): ViewPair[] {
    return isMap(this.#node) ? this.#pairsOf(this.#node, this.#via, []) : []
  }

  /** The entries of a list; of anything else that is there, itself alone. */
  items(): YamlView[] {
    if (!isSeq(this.#node)) return this.isThere ? [this] : []
    this.#spend(this.#node.items.length)
    return this.#node.items.flatMap((item) =>
      isPair(item) ? [] : [new YamlView(this.#context, item as Node, this.#via, this.span.start)],
    )
  }

  /** The texts of a list, or the one. */
  texts(): Text[] {
    return this.items().flatMap(({ text }) => (text === undefined ? [] : [text]))
  }

  /** Its names and values as variables or inputs; those of nested mappings are joined with a dot. */
  entries(): Entry[] {
    return this.pairs().flatMap(({ key, value, span }): Entry[] => {
      const own: Entry = { key, value: value.text, span }
      if (!value.isMap) return [own]
      const nested = value.entries().map((one) => ({
        ...one,
        key: { ...one.key, value: `${key.value}.${one.key.value}` },
      }))
      return [own, ...nested]
    })
  }

  #pairsOf(map: YAMLMap, via: Span | undefined, above: readonly YAMLMap[]): ViewPair[] {
    if (above.includes(map) || above.length > bounds.depth) return []
    this.#spend(map.items.length)
    const own = map.items.filter(({ key }) => !isMergeKey(key)).flatMap((pair) => this.#pairOf(pair, via))
    const merged = map.items
      .filter(({ key }) => isMergeKey(key))
      .flatMap(({ value }) => this.#merged(value, via, [...above, map]))
    const said = new Set(own.map(({ key }) => key.value))
    return [...merged.filter(({ key }) => !said.has(key.value)), ...own]
  }

  #merged(value: unknown, via: Span | undefined, above: readonly YAMLMap[]): ViewPair[] {
    const view = new YamlView(this.#context, value as Node, via)
    const maps = isSeq(view.#node) ? view.items() : [view]
    const seen = new Set<string>()
    return maps.flatMap((one) => {
      if (!isMap(one.#node)) return []
      const pairs = this.#pairsOf(one.#node, one.#via ?? via, above)
      const fresh = pairs.filter(({ key }) => !seen.has(key.value))
      for (const { key } of fresh) seen.add(key.value)
      return fresh.map((pair) => ({ ...pair, isMerged: true }))
    })
  }

  #pairOf(pair: Pair, via: Span | undefined): ViewPair[] {
    const key = new YamlView(this.#context, pair.key as Node, via)
    if (key.text === undefined) return []
    const value = new YamlView(
      this.#context,
      (pair.value ?? undefined) as Node | undefined,
      via,
      key.span.end,
    )
    const written = isAlias(pair.value) ? spanOf(pair.value, key.span.end) : value.span
    const span = { start: key.span.start, end: Math.max(written.end, key.span.end) }
    return [{ key: key.text, value, span, isMerged: false }]
  }

  #spend(count: number): void {
    this.#context.visits += count + 1
    if (this.#context.visits > bounds.visits)
      throw new OverBound(`it has more than ${bounds.visits} names and values, aliases followed`)
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && (key.type === 'PLAIN' || key.type === undefined)
}

/** Where a node is written: what follows it (blanks, a comment, the line's end) is none of it. */
export function spanOf(node: Node | undefined, at: number): Span {
  const range = node?.range
  return range === null || range === undefined ? { start: at, end: at } : { start: range[0], end: range[1] }
}
