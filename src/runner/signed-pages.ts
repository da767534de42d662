import { MayflyError } from '../lib/index.ts'
import type { HandedBundle } from './api-facts.ts'

/** What is signed of a step, as far as one answer of the server has room. */
export interface SignedPage {
  readonly attestations: readonly (Omit<HandedBundle, 'bundle'> & { readonly bundle: object })[]
  readonly pending?: boolean
  /** There are more behind this one. */
  readonly next?: string
}

/** More than any step has: a server that says "there is more" for ever must not hold up the job. */
const mostPages = 100

/** Throws `upstream_unreachable` if there is no last page. */
export async function allPages(
  read: (after: string | undefined) => Promise<SignedPage>,
): Promise<{ signed: HandedBundle[]; pending: boolean }> {
  const signed: HandedBundle[] = []
  let isPending = false
  let after: string | undefined
  for (let pages = 0; pages < mostPages; pages++) {
    const { attestations, pending = false, next } = await read(after)
    signed.push(...attestations.map((one) => ({ ...one, bundle: JSON.stringify(one.bundle) })))
    isPending ||= pending
    if (next === undefined) return { signed, pending: isPending }
    after = next
  }
  throw new MayflyError('upstream_unreachable', `the server has more than ${mostPages} pages of attestations`)
}
