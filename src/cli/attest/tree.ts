import { isAbout, type Found } from './bundles.ts'
import { readMade, type Made } from './made.ts'
import type { Source } from './source.ts'

/** An artifact, what is said about it, and the artifacts that it was made of, in turn. */
export interface TreeNode {
  /** In hex. */
  readonly sha256: string
  /** As its statements call it. */
  readonly names: readonly string[]
  /** `circle`: it stands above already. `cut`: too deep, or too much. `unknown`: nothing was found about it. */
  readonly state: 'known' | 'unknown' | 'circle' | 'cut'
  readonly builds: readonly Build[]
  /** Predicate types of what else is said about it, each with whether it was verified. */
  readonly others: readonly { readonly predicateType: string; readonly found: Found }[]
  /** Bundles that were found for it and are not about it. */
  readonly strangers: number
  /** More is kept about it than was read. */
  readonly isCut: boolean
}

export interface Build {
  readonly found: Found
  readonly made: Made
  readonly inputs: readonly TreeNode[]
}

const maxDepth = 16
const maxNodes = 500
/** Of one artifact, unless all are asked for: how many more there are is told. */
const maxBuilds = 5
const mostBuilds = 200

/** Walks from an artifact back to what it was made of. What a statement names decides where it goes, so depth and size are bounded. */
export async function readTree(source: Source, sha256: string, { all = false } = {}): Promise<TreeNode> {
  let nodes = 0
  const asked = new Map<string, Promise<readonly Found[]>>()
  const foundOf = (digest: string) => {
    const known = asked.get(digest) ?? source.byDigest(digest)
    asked.set(digest, known)
    return known
  }
  const visit = async (digest: string, above: readonly string[]): Promise<TreeNode> => {
    if (above.includes(digest)) return leaf(digest, 'circle')
    if (above.length >= maxDepth || ++nodes > maxNodes) return leaf(digest, 'cut')
    const found = await foundOf(digest)
    const about = found.filter((one) => isAbout(one, digest))
    const strangers = found.filter(({ statement }) => statement !== undefined).length - about.length
    const isCut = source.wasCut?.(digest) === true
    if (about.length === 0) return { ...leaf(digest, 'unknown'), strangers, isCut }
    const builds: Build[] = []
    // The newest first, and what holds before what does not: whoever says most does not hide the rest.
    for (const one of about.toReversed().toSorted((a, b) => Number(b.verdict.ok) - Number(a.verdict.ok))) {
      if (one.provenance === undefined || builds.length === (all ? mostBuilds : maxBuilds)) continue
      const made = readMade(one.provenance)
      const inputs: TreeNode[] = []
      for (const input of made.inputs) inputs.push(await visit(input.sha256, [...above, digest]))
      builds.push({ found: one, made, inputs })
    }
    // Also provenance that nobody can read, and further builds: what is not shown in full is told and counts all the same.
    const others = about
      .filter((one) => !builds.some(({ found: shown }) => shown === one))
      .map((one) => ({ predicateType: one.statement?.predicateType ?? '', found: one }))
    return { sha256: digest, names: namesOf(about, digest), state: 'known', builds, others, strangers, isCut }
  }
  return visit(sha256, [])
}

function leaf(sha256: string, state: TreeNode['state']): TreeNode {
  return { sha256, names: [], state, builds: [], others: [], strangers: 0, isCut: false }
}

function namesOf(found: readonly Found[], sha256: string): string[] {
  const names = found.flatMap(({ statement }) =>
    (statement?.subject ?? []).flatMap(({ name, digest }) =>
      digest['sha256'] === sha256 && name !== undefined ? [name] : [],
    ),
  )
  return [...new Set(names)].slice(0, 10)
}
