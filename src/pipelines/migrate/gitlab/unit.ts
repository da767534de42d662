import type { Entry, Job, PipelineFile } from '../../model.ts'
import type { ViewPair, YamlView } from '../../read/yaml-view.ts'
import type { TopLevel } from './top-level.ts'

/** Commands that are written in one place, and the jobs that run them. */
export interface Unit {
  /** Under which name they are written: a job, or a template (`.deploy`). */
  readonly home: string
  readonly pair: ViewPair
  readonly view: YamlView
  readonly script: ViewPair
  readonly users: readonly User[]
}

export interface User {
  readonly job: Job
  readonly view: YamlView
  readonly pair: ViewPair
  /** What it takes in, itself first, the nearest before those further off. */
  readonly chain: readonly string[]
}

const maxHops = 10

/** The value of a key of a job: its own, else that of what it extends, the last one first. */
export function lookUp(root: TopLevel, name: string, key: string, seen: readonly string[] = []): YamlView {
  const job = root.get(name)
  const own = job.get(key)
  if (own.isThere || own.isMap || own.isList) return own
  for (const { value } of job.get('extends').texts().toReversed()) {
    if (seen.includes(value) || seen.length >= maxHops) continue
    const found = lookUp(root, value, key, [...seen, value])
    if (found.isThere || found.isMap || found.isList) return found
  }
  return own
}

/** A job and all that it extends. */
export function chainOf(root: TopLevel, name: string, seen: readonly string[] = []): string[] {
  if (seen.includes(name) || seen.length >= maxHops) return []
  const above = root
    .get(name, 'extends')
    .texts()
    .toReversed()
    .flatMap(({ value }) => chainOf(root, value, [...seen, name]))
  return [...new Set([name, ...above])]
}

export function unitsOf(root: TopLevel, file: PipelineFile): Unit[] {
  const homes = new Map<number, ViewPair>()
  for (const pair of root.pairs) {
    const script = pair.value.pair('script')
    if (script !== undefined && !script.isMerged) homes.set(script.value.span.start, pair)
  }
  const units = new Map<string, Unit>()
  for (const job of file.jobs) {
    if (job.isTemplate) continue
    const pair = root.pair(job.id)
    const found = lookUp(root, job.id, 'script')
    const home = homes.get(found.span.start)
    const script = home?.value.pair('script')
    if (pair === undefined || home === undefined || script === undefined) continue
    const user: User = { job, view: pair.value, pair, chain: chainOf(root, job.id) }
    const unit = units.get(home.key.value)
    units.set(home.key.value, {
      home: home.key.value,
      pair: home,
      view: home.value,
      script,
      users: [...(unit?.users ?? []), user],
    })
  }
  return [...units.values()]
}

/** Variables of a mapping that it says itself. */
export function ownVariables(view: YamlView): Entry[] {
  const pair = view.pair('variables')
  if (pair === undefined || pair.isMerged) return []
  return variablesIn(pair.value)
}

export function variablesIn(view: YamlView): Entry[] {
  return view
    .pairs()
    .map(({ key, value, span }) => ({ key, value: value.text ?? value.get('value').text, span }))
}

/** Those that rules, or the cells of a matrix, give a job: which of them it has is known when it starts. */
export function variablesOfRules(root: TopLevel, { users }: Unit): Entry[] {
  const cells = users.flatMap(({ job }) => lookUp(root, job.id, 'parallel').get('matrix').items())
  const rules = [
    ...users.flatMap(({ job }) => lookUp(root, job.id, 'rules').items()),
    ...root.get('workflow', 'rules').items(),
  ]
  return [...cells, ...rules.map((rule) => rule.get('variables'))].flatMap(variablesIn)
}
