/** Where a request is judged: what its ARNs are short for. */
export interface Home {
  readonly account: string
  readonly regions: readonly string[]
}

const arnForm =
  /^arn:[a-z0-9-]+:(?<service>[a-z0-9-]*):(?<region>[a-z0-9-]*):(?<account>[0-9]*|aws):(?<rest>.+)$/s

/**
 * A name or an ARN in the words of grants: of an ARN of the connection's own account and regions what stands behind the type
 * (`service/web` is `web`); one of another account stays whole, so that no grant for a name of ours is one for it.
 */
export function shortName(text: string, { account, regions }: Home): string {
  const arn = arnForm.exec(text)?.groups
  if (arn === undefined) return ofQueue(text, account) ?? text.replace(/^\//, '')
  const { account: of = '', region = '', rest = '' } = arn
  const isOurs = (of === '' || of === account) && (region === '' || regions.includes(region))
  if (!isOurs) return text
  return /^[a-z][a-z0-9-]*[/:](?<name>.+)$/s.exec(rest)?.groups?.['name'] ?? rest
}

/** A queue goes by its URL: `https://HOST/ACCOUNT/NAME`. */
function ofQueue(text: string, account: string): string | undefined {
  const [, of, name] = /^https?:\/\/[^/]+\/([0-9]{12})\/([^/]+)$/.exec(text) ?? []
  return of === account ? name : undefined
}

/** Puts the parts together; one that is an ARN of the new form names the part before it, too. */
export function joined(parts: readonly string[]): string | undefined {
  const [first, ...rest] = parts
  if (first === undefined) return undefined
  return rest.reduce<string | undefined>((whole, part) => {
    if (whole === undefined || part.startsWith('arn:')) return part.startsWith('arn:') ? part : undefined
    if (!part.includes('/')) return `${whole}/${part}`
    return part.startsWith(`${whole}/`) ? part : undefined
  }, first)
}
