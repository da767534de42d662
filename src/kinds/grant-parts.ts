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

/** Why a registry's token cannot be for these grants of a role: it takes names, and no patterns. Undefined if it can. */
export function registryTokenProblem(grants: readonly string[]): string | undefined {
  const isNamed = ({ word, path }: GrantParts) => word === 'catalog' || (path !== '' && !path.includes('*'))
  return partsOf(grants).every(isNamed)
    ? undefined
    : "a grant has a * for its repository, and a registry's token takes names only: write the repositories out"
}

export interface Reach {
  readonly parts: readonly GrantParts[]
  /** Whose repositories; undefined where no grant names one. */
  readonly owner: string | undefined
  /** undefined: all of the installation. */
  readonly repositories: readonly string[] | undefined
}

const mostRepositories = 500

/**
 * What a token of a GitHub App is for, by the grants of a role: it is for the repositories of one owner, each by its name, or for all of
 * them. `base` is what the connection's URL says before them. Or why there can be none, in one line.
 */
export function githubAppReach(
  grants: readonly string[],
  { base, all }: { readonly base: string; readonly all: boolean },
): Reach | string {
  const parts = partsOf(grants)
  // Fields of GraphQL and what belongs to nobody name no repository.
  const named = parts.filter(
    ({ word, path }) => !/^(?:query|mutation|search|gist)$/.test(word) && path !== '' && path !== '~',
  )
  const paths = named.map(({ path }) => (base === '' ? path : `${base}/${path}`).split('/'))
  const [owner, another] = new Set(paths.map(([first = '']) => first.toLowerCase()))
  if (another !== undefined)
    return `the role's grants name repositories of ${owner} and of ${another}: a token of a GitHub App is for one of them`
  const names = [...new Set(paths.map((path) => path[1] ?? '*'))]
  const isNamed = owner !== undefined && !owner.includes('*') && !names.some((name) => name.includes('*'))
  if (isNamed && names.length > mostRepositories)
    return `the role's grants name more than ${mostRepositories} repositories`
  if (isNamed) return { parts, owner, repositories: names }
  if (!all)
    return `a grant ${named.length === 0 ? 'names no repository' : 'has a * for its repositories, or an owner alone'}, and GitHub takes names: write the repositories out, or all_repositories: true under github-app, and the token is for all that the App is installed for`
  return { parts, owner: owner?.includes('*') === true ? undefined : owner, repositories: undefined }
}
