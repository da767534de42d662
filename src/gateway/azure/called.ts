import { named, type Target } from '../raw-target.ts'

/** One operation that a request comes to, in the words of Azure's RBAC. */
export interface Called {
  /** `microsoft.web/sites/write`, `blob/containers/blobs/read`; of what has no name `queue:POST`. */
  readonly action: string
  /** In the characters that grants have; `~` where it has none. */
  readonly resource: string
  /** It changes nothing, and its answer is no secret. */
  readonly read: boolean
}

/** What a request is, before policy is asked. */
export interface Reading {
  readonly called: readonly Called[]
}

export function called(action: string, resource: string, read = false): Called {
  return { action, resource: named(resource), read }
}

/** Parameters whose value decides what a request does. */
const deciding: ReadonlySet<string> = new Set(['comp', 'restype', 'resource', 'action', 'mode'])

/** What no table names: by service, method and path, and the parameters that say what it does. */
export function unnamed(service: string, of: string, method: string, { parts, query }: Target): Called {
  const subs = query
    .filter(([name]) => deciding.has(name.toLowerCase()))
    .map(([name, value = '']) => `${name.toLowerCase()}=${value.toLowerCase()}`)
    .toSorted()
  const path = [...(of === '' ? [] : [of]), ...parts].join('/')
  return called(`${service}:${method}`, `${path}${subs.length === 0 ? '' : `?${subs.join('&')}`}`)
}

/**
 * Names that a host takes in any case. Undefined for characters that are others than they seem: the Kelvin sign becomes a `k` here,
 * and stays what it is there.
 */
export function inLowerCase(parts: readonly string[]): string[] | undefined {
  // oxlint-disable-next-line no-control-regex -- all of ASCII
  const isOther = parts.some((part) =>
    /[\u0000-\u007f]/.test(part.replaceAll(/[\u0000-\u007f]/g, '').toLowerCase()),
  )
  return isOther ? undefined : parts.map((part) => part.toLowerCase())
}
