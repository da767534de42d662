export interface GrantParts {
  /** `push` of `git:push`. */
  readonly word: string
  /** As written; `*` in it is any characters. Empty where a grant is for the connection as a whole. */
  readonly path: string
}

/** The parts of the grants `action connection/path@ref` that a role has on a connection; those that name no operation there are left out. */
export function partsOf(grants: readonly string[]): GrantParts[] {
  return grants.flatMap((grant) => {
    const found = /^[a-z-]+:([a-z-]+) [^\s/@]+(?:\/([^\s@]*))?(?:@\S*)?$/.exec(grant)
    const [, word = '', path = ''] = found ?? []
    // The credential itself, for what other grants name.
    return found === null || word === 'credential' ? [] : [{ word, path }]
  })
}
