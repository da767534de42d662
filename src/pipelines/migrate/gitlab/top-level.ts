import type { ViewPair, YamlView } from '../../read/yaml-view.ts'

/** The names at the top of a file, read once: a job is looked for by its name again and again. */
export interface TopLevel {
  readonly pairs: readonly ViewPair[]
  pair(name: string): ViewPair | undefined
  get(name: string, ...path: readonly string[]): YamlView
  readonly nothing: YamlView
}

export function topLevelOf(root: YamlView): TopLevel {
  const pairs = root.pairs()
  const byName = new Map(pairs.map((pair) => [pair.key.value, pair]))
  const nothing = root.get('')
  return {
    pairs,
    nothing,
    pair: (name) => byName.get(name),
    get: (name, ...path) => byName.get(name)?.value.get(...path) ?? nothing,
  }
}
