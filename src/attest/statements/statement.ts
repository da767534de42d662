/** in-toto Statement v1. */
export interface Statement {
  readonly _type: 'https://in-toto.io/Statement/v1'
  readonly subject: readonly Subject[]
  readonly predicateType: string
  readonly predicate: unknown
}

export interface Subject {
  readonly name?: string
  readonly digest: Readonly<Record<string, string>>
}
