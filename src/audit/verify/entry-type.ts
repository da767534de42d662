/** The events that CDEvents 0.5.1 has a type of its own for: a run is a CI job, a step one `mayfly run` in it. */
const cdevents: ReadonlyMap<string, string> = new Map([
  ['run.started', 'dev.cdevents.pipelinerun.started.0.3.0'],
  ['run.finished', 'dev.cdevents.pipelinerun.finished.0.3.0'],
  ['step.started', 'dev.cdevents.taskrun.started.0.3.0'],
  ['step.finished', 'dev.cdevents.taskrun.finished.0.3.0'],
])
const shortOf: ReadonlyMap<string, string> = new Map([...cdevents].map(([short, type]) => [type, short]))

const prefix = 'dev.cdeventsx.mayfly-'
/** The version of this format. A reader refuses what it does not know. */
const version = '.0.2.0'
const shortShape = /^[a-z]{1,64}\.[a-z]{1,64}$/

/** The type of CDEvents for such an event, if there is one. */
export function cdeventType(short: string): string | undefined {
  return cdevents.get(short)
}

/**
 * The CloudEvents type of an entry: `session.issued` is `dev.cdeventsx.mayfly-session.issued.0.2.0` (CDEvents, "Custom
 * events"), `step.started` is CDEvents' `taskrun.started`. Throws a RangeError unless it is `object.predicate`, letters only.
 */
export function entryType(short: string): string {
  if (!shortShape.test(short))
    throw new RangeError(`not an entry type, it takes object.predicate: ${short.slice(0, 80)}`)
  return cdevents.get(short) ?? `${prefix}${short}${version}`
}

/** The short type in such a type, of this version; `undefined` when it is not one of Mayfly's. */
export function shortType(type: string): string | undefined {
  const known = shortOf.get(type)
  if (known !== undefined) return known
  if (!type.startsWith(prefix) || !type.endsWith(version)) return undefined
  const short = type.slice(prefix.length, -version.length)
  return shortShape.test(short) && !cdevents.has(short) ? short : undefined
}
