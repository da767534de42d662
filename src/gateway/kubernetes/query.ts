/** The parameters of a request, in their order; some clients send one several times. */
export type Parameters = readonly (readonly [name: string, value: string])[]

/** Of these a server takes several; of any other one reader takes the first and another the last. */
const repeatable = new Set(['command', 'ports', 'dryRun'])

/**
 * Reads a query as Go does (net/url, ParseQuery) where that is beyond doubt; returns why it is refused otherwise: Go passes over
 * what it cannot read, so a parameter could be hidden from one reader.
 */
export function readQuery(query: string): Parameters | string {
  const read: (readonly [string, string])[] = []
  for (const part of query === '' ? [] : query.split('&')) {
    const at = part.indexOf('=')
    const [name, value] = [
      decode(at === -1 ? part : part.slice(0, at)),
      decode(at === -1 ? '' : part.slice(at + 1)),
    ]
    if (name === undefined || value === undefined || name === '' || part.includes(';'))
      return 'its query cannot be read in one way only'
    if (!repeatable.has(name) && read.some(([other]) => other === name))
      return `its query has "${name.slice(0, 60)}" twice`
    read.push([name, value])
  }
  return read
}

export function writeQuery(parameters: Parameters): string {
  return parameters.map((pair) => pair.map((one) => encodeURIComponent(one)).join('=')).join('&')
}

export function valueOf(parameters: Parameters, name: string): string | undefined {
  return parameters.find(([other]) => other === name)?.[1]
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
