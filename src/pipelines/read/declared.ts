import type { Entry } from '../model.ts'
import type { Declared, FileParts } from './file-parts.ts'
import { looksSecret } from './secret-names.ts'
import type { NamedText } from './yaml-document.ts'

const variable = /\$(?:\{|\(|env:)?([A-Za-z_][\w.]{0,199})/g
const setByScript =
  /(?:^|[\s;&|({])(?:(?:export|local|declare|readonly)\s+(?:-\w+\s+)*)?([A-Za-z_]\w{0,199})\+?=|\bfor\s+([A-Za-z_]\w{0,199})\s+in\b|\bread\s+(?:-\w+\s+)*([A-Za-z_]\w{0,199})/g

/**
 * Variables that the file itself gives a value, other than their own, and which of them are secrets by what they fill. `reader`: what one
 * job alone gives itself another one does not have.
 */
export function declaredIn(
  { environment, jobs }: FileParts,
  texts: readonly NamedText[],
  reader?: string,
): Declared {
  const entriesOf = (some: FileParts['jobs']) =>
    some.flatMap((job) => [...job.environment, ...job.steps.flatMap((step) => step.environment)])
  const all = [...environment, ...entriesOf(jobs)]
  const had =
    reader === undefined
      ? all
      : [...environment, ...entriesOf(jobs.filter(({ id, isTemplate }) => isTemplate || id === reader))]
  // Parameters of a template or command are given by who uses it; what `secrets:` fetches is told of there.
  const given = texts.flatMap(({ path }) => {
    const at = path.lastIndexOf('secrets')
    return [path[0] === 'parameters' ? path[1] : undefined, at === -1 ? undefined : path[at + 1]]
  })
  const names = new Set([...had.filter(isGiven).map(({ key }) => key.value), ...given])
  const scripts = jobs.flatMap(({ steps }) => steps.flatMap(({ commands }) => commands))
  const set = new Set(
    scripts.flatMap(({ value }) => [...value.matchAll(setByScript)].map((one) => one[1] ?? one[2] ?? one[3])),
  )
  const secret = secretNames(all)
  return {
    has: (name) => names.has(name),
    isSecret: (name) => looksSecret(name) || secret.has(name),
    isSetByScript: (name) => set.has(name),
  }
}

/** `A: $B`, and `NPM_TOKEN: $A`: what fills a secret is one, however many names it goes through. */
function secretNames(entries: readonly Entry[]): ReadonlySet<string> {
  const filledBy = new Map<string, string[]>()
  for (const { key, value } of entries) {
    const read = [...(value?.value ?? '').matchAll(variable)].flatMap(([, name]) => name ?? [])
    filledBy.set(key.value, [...(filledBy.get(key.value) ?? []), ...read])
  }
  const found = new Set([...filledBy.keys()].filter(looksSecret))
  for (const name of found) for (const one of filledBy.get(name) ?? []) found.add(one)
  return found
}

function isGiven({ key, value }: Entry): boolean {
  return value !== undefined && !value.value.includes(key.value)
}
