import { didYouMean } from '../lib/index.ts'
import type { PipelineStep } from './pipeline-schema.ts'

/** A mistake, and the path in the document of what is mistaken. */
export interface PipelineProblem {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

type Needing = Pick<PipelineStep, 'name' | 'needs'>

/** What each step needs, by name: as it says, or the step above it. */
export function needsOf(steps: readonly Needing[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    steps.map(({ name, needs }, i) => {
      const above = steps[i - 1]
      return [name, needs ?? (above === undefined ? [] : [above.name])]
    }),
  )
}

/** The steps whose outputs and artifacts one has: those that it names; without `needs` all that come before it. */
export function sourcesOf(steps: readonly Needing[], { name, needs }: Needing): readonly string[] {
  if (needs !== undefined) return needs
  const all = needsOf(steps)
  const found = new Set<string>()
  // What is found while it is gone through is gone through, too.
  for (const one of all.get(name) ?? []) found.add(one)
  for (const one of found) for (const before of all.get(one) ?? []) found.add(before)
  return [...found]
}

/** Names of no step, names that are there twice, and circles: each circle once. */
export function graphProblems(steps: readonly Needing[]): PipelineProblem[] {
  const doubled = twins(steps)
  // With two of one name nobody can say what is needed.
  return doubled.length > 0 ? doubled : [...strangers(steps), ...circles(steps)]
}

function twins(steps: readonly Needing[]): PipelineProblem[] {
  return steps.flatMap(({ name }, i) => {
    if (steps.findIndex((one) => one.name === name) === i) return []
    return [{ path: ['steps', i, 'name'], message: `two steps have the same name, "${name}"` }]
  })
}

function strangers(steps: readonly Needing[]): PipelineProblem[] {
  const names = steps.map(({ name }) => name)
  return steps.flatMap(({ name, needs = [] }, i) =>
    needs.flatMap((needed, j) => {
      const path = ['steps', i, 'needs', j]
      if (needs.indexOf(needed) !== j) return [{ path, message: `"${needed}" is there twice` }]
      if (names.includes(needed)) return []
      const meant = didYouMean(
        needed,
        names.filter((one) => one !== name),
      )
      const hint = meant === undefined ? `known are ${names.join(', ')}` : `did you mean "${meant}"?`
      return [{ path, message: `there is no step "${needed}": ${hint}` }]
    }),
  )
}

/** Depth first, without recursion; a step that is met again while it is still being looked into closes a circle. */
function circles(steps: readonly Needing[]): PipelineProblem[] {
  const needs = needsOf(steps)
  const done = new Set<string>()
  const found: PipelineProblem[] = []
  for (const { name } of steps) {
    const way: { name: string; left: string[] }[] = [{ name, left: [...(needs.get(name) ?? [])] }]
    while (way.length > 0 && !done.has(name)) {
      const here = way.at(-1)
      const next = here?.left.shift()
      if (here !== undefined && next === undefined) {
        done.add(here.name)
        way.pop()
        continue
      }
      if (next === undefined || done.has(next) || !needs.has(next)) continue
      const start = way.findIndex((one) => one.name === next)
      if (start === -1) way.push({ name: next, left: [...(needs.get(next) ?? [])] })
      else found.push(circle(steps, [...way.slice(start).map((one) => one.name), next]))
    }
  }
  return found
}

function circle(steps: readonly Needing[], names: readonly string[]): PipelineProblem {
  const first = steps.findIndex(({ name }) => name === names[0])
  const needs = steps[first]?.needs
  const path =
    needs === undefined ? ['steps', first] : ['steps', first, 'needs', needs.indexOf(names[1] ?? '')]
  return { path, message: `a circle: ${names.join(' needs ')}` }
}

/** Each after those that it needs; where that leaves a choice, in the order of the list. There must be no circle. */
export function inOrder<Step extends { readonly name: string; readonly needs: readonly string[] }>(
  steps: readonly Step[],
): Step[] {
  const placed = new Set<string>()
  const ordered: Step[] = []
  let left = [...steps]
  while (left.length > 0) {
    const next = left.find(({ needs }) => needs.every((name) => placed.has(name)))
    if (next === undefined) throw new Error('the steps need each other in a circle')
    placed.add(next.name)
    ordered.push(next)
    left = left.filter((step) => step !== next)
  }
  return ordered
}
