/** The persons of whom a name stands sealed in this data: `{person, commitment}`, at any place that an event has one. */
export function peopleIn(data: unknown): Set<string> {
  const found = new Set<string>()
  walk(data, 0, found)
  return found
}

/** No event has a name deeper than this. */
const maxDepth = 32

function walk(value: unknown, depth: number, found: Set<string>): void {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return
  const { person, commitment } = value as Record<string, unknown>
  if (typeof person === 'string' && typeof commitment === 'string') found.add(person)
  else for (const inner of Object.values(value)) walk(inner, depth + 1, found)
}
