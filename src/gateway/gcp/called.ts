import { named } from '../raw-target.ts'
import type { Target } from './target.ts'

/** One operation that a request comes to, in IAM's words. */
export interface Called {
  /** `storage.objects.get`; of what has no name `compute:POST`. */
  readonly permission: string
  /** In the characters that grants have; `~` where it has none. */
  readonly resource: string
  /** It changes nothing, and its answer is no secret. */
  readonly read: boolean
}

/** What a request is, before policy is asked. */
export interface Reading {
  readonly called: readonly Called[]
  /** What goes on, where that is not what came. */
  readonly target?: Target
  /** In the place of those that came. */
  readonly headers?: Readonly<Record<string, string>>
  /** It begins an upload to this object: its answer is an address that is a credential. */
  readonly begins?: string
}

export function called(permission: string, resource: string, read = false): Called {
  return { permission, resource: named(resource), read }
}

/** What no table names: by service, method and path. */
export function unnamed(service: string, method: string, { parts, query }: Target, subs = false): Called {
  const names = subs ? query.map(([name]) => name).toSorted() : []
  return called(
    `${service}:${method}`,
    `${parts.join('/')}${names.length === 0 ? '' : `?${names.join('&')}`}`,
  )
}
