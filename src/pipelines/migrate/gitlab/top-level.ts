import type { ViewPair, YamlView } from '../../read/yaml-view.ts'

/** The names at the top of a file, read once: a job is looked for by its name again and again. */
export interface TopLevel {
  readonly pairs: readonly ViewPair[]
  pair(name: string): ViewPair | undefined
  get(name: string, ...path: readonly string[]): YamlView
  readonly nothing: YamlView
  /** What rules, `only` and `except` of all jobs, and of the file, ask for. */
  readonly asked: string
}

export function topLevelOf(root: YamlView): TopLevel {
  const pairs = root.pairs()
  const byName = new Map(pairs.map((pair) => [pair.key.value, pair]))
  const nothing = root.get('')
  return {
    pairs,
    nothing,
    asked: pairs.flatMap(({ value }) => askedBy(value)).join('\n'),
    pair: (name) => byName.get(name),
    get: (name, ...path) => byName.get(name)?.value.get(...path) ?? nothing,
  }
}

function askedBy(view: YamlView): string[] {
  const conditions = (view.isList ? view.items() : [view]).flatMap((one) => one.get('rules').items())
  return [
    ...conditions.flatMap((rule) => rule.get('if').value ?? []),
    ...['only', 'except'].flatMap((name) => {
      const filter = view.get(name)
      return filter.isMap
        ? filter
            .get('variables')
            .texts()
            .map(({ value }) => value)
        : []
    }),
  ]
}
