import { isRecord, recordOf } from './json.ts'

/** When each version was published, in milliseconds since the epoch: `time` of a full document. */
export function publishedIn(document: Record<string, unknown>, version: string): number | undefined {
  const time = recordOf(document['time'])
  const said = Object.hasOwn(time, version) ? time[version] : undefined
  const ms = typeof said === 'string' ? Date.parse(said) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/**
 * Takes what was published after that moment out of a document, and what has no time, so that tools choose among what they would
 * be given; tags that named it go, and `latest` names the highest release that is left. Returns whether anything was taken out.
 */
export function cutYoung(document: Record<string, unknown>, beforeMs: number): boolean {
  const [versions, time] = [recordOf(document['versions']), recordOf(document['time'])]
  const young = Object.keys(versions).filter((version) => {
    const ms = publishedIn(document, version)
    return ms === undefined || ms > beforeMs
  })
  if (young.length === 0) return false
  for (const version of young) {
    delete versions[version]
    delete time[version]
  }
  const tags = document['dist-tags']
  if (!isRecord(tags)) return true
  const lost = Object.keys(tags).filter((tag) => young.includes(String(tags[tag])))
  for (const tag of lost) delete tags[tag]
  const highest = Object.keys(versions).filter(isRelease).toSorted(compareReleases).at(-1)
  if (lost.includes('latest') && highest !== undefined) tags['latest'] = highest
  return true
}

function isRelease(version: string): boolean {
  return /^\d+\.\d+\.\d+$/.test(version)
}

/** Semantic Versioning 2.0.0, section 11, as far as releases go. */
function compareReleases(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number))
  for (const i of [0, 1, 2]) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
