/** How a registry wants to be asked. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string
  /** By their names in lower case; of one that is written twice, the first. */
  readonly parameters: ReadonlyMap<string, string>
}

const maxChars = 4_096
const token = "[\\w!#$%&'*+.^`|~-]+"
/** A parameter, quoted or (as some registries write URLs) not; or a scheme, which may have one word behind it (RFC 9110, 11.2). */
const item = `[\\s,]*(?:(?<name>${token})\\s*=\\s*(?:"(?<quoted>(?:[^"\\\\]|\\\\.)*)"|(?<plain>[^\\s,"]+))|(?<scheme>${token})(?:\\s+[\\w.~+/-]+=*(?=\\s*(?:,|$)))?)`

/** All challenges of `WWW-Authenticate`, whose several headers are one list (RFC 9110, 11.6.1). What comes behind a mistake is not read. */
export function challengesIn(header: string | null | undefined): readonly Challenge[] {
  if (header === undefined || header === null || header.length > maxChars) return []
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  for (const { groups = {} } of header.matchAll(new RegExp(item, 'gy'))) {
    const { name, quoted, plain = '', scheme } = groups
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() })
    const parameters = challenges.at(-1)?.parameters
    const key = name?.toLowerCase()
    if (key === undefined || parameters === undefined || parameters.has(key)) continue
    parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain)
  }
  return challenges
}
