import { shortArn, type AwsHome } from '../../kinds/index.ts'

export type Home = AwsHome

/**
 * A name or an ARN in the words of grants; an ARN of another account stays whole, so that no grant for a name of ours is one for it.
 */
export function shortName(text: string, home: Home): string {
  return shortArn(text, home) ?? ofQueue(text, home.account) ?? (text.startsWith('/') ? text.slice(1) : text)
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
