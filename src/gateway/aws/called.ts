/** One operation that a request comes to, in IAM's words. */
export interface Called {
  readonly service: string
  readonly action: string
  /** As its service names it, in the characters that grants have; `~` where it has none. */
  readonly resource: string
  /** It changes nothing, and its answer is no secret. */
  readonly read: boolean
}

/** Its answer would be, or bring, a credential. */
export type Answers = 'session' | 'registry-token'

/** What a request is, before policy is asked. */
export interface Reading {
  readonly called: readonly Called[]
  readonly answers?: Answers
  /** What goes on in place of the step's body, which names the same in another way. */
  readonly body?: Buffer
}

/** A name in the characters of grants: what they have no place for is escaped. */
export function named(text: string): string {
  if (text === '') return '~'
  return text.replaceAll(/[^A-Za-z0-9._~!$&'()+,=:@/-]/gu, (one) =>
    [...Buffer.from(one)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
