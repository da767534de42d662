import type { Said } from '../vendors.fixture.ts'

/** What one kind is asked, and what its vendor's reference says that it answers. In texts `$` is the secret, `&` what stands beside it. */
export interface Case {
  readonly rule: string
  /** A template of `scan/rules`, so that no file has a secret; `{rsa}` for a key. */
  readonly secret: string
  readonly beside?: string
  readonly sends: string
  readonly header?: readonly [name: string, value: string]
  readonly body?: RegExp
  readonly alive: Said
  readonly whose?: string
  readonly can?: readonly string[]
  /** Further ways to say that it lives. */
  readonly alsoAlive?: readonly Said[]
  /** None: it can never be told. */
  readonly dead?: readonly Said[]
  /** It knew this very one, which is over: that is so wherever others are. */
  readonly over?: readonly Said[]
  /** Near to one of these, and neither. */
  readonly odd: Said
  readonly alsoOdd?: readonly Said[]
  readonly revoke?: { readonly sends: string; readonly body?: RegExp; readonly done: Said }
}

export const uuid = '{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}'
export const bearer = ['authorization', 'Bearer $'] as const
export const json = (status: number, value: unknown, headers?: Record<string, string>): Said => ({
  status,
  json: value,
  ...(headers === undefined ? {} : { headers }),
})
export const text = (status: number, value: string): Said => ({ status, text: value })
