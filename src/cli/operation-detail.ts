/**
 * What an entry or a request has of an operation besides its name, in one line: a statement as it is, of all else what is said in
 * single words. Empty if there is nothing.
 */
export function detailLine(detail: Readonly<Record<string, unknown>>): string {
  const { statement } = detail
  return typeof statement === 'string' ? statement : detailLines(detail).join(', ')
}

/** The same, a line for each: `kubernetes.manifest.name: web`. */
export function detailLines(detail: Readonly<Record<string, unknown>>, within = ''): string[] {
  return Object.entries(detail).flatMap(([name, value]) => {
    const path = within === '' ? name : `${within}.${name}`
    if (typeof value !== 'object' || value === null) return [`${path}: ${String(value)}`]
    if (Array.isArray(value)) return [`${path}: ${value.map((one) => plain(one)).join(', ')}`]
    return detailLines(value as Readonly<Record<string, unknown>>, path)
  })
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
