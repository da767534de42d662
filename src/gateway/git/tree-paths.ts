import type { FilePaths } from '../look.ts'

/** Where blobs stand, as the trees of a pack say it: a pack names its objects by their content alone. */
export interface TreePaths {
  /** Returns the names in it that no tree before had: every commit brings most of the same ones. */
  add(tree: string, content: Buffer): readonly Buffer[]
  /** A commit, a tag or a ref names it: a tree is that of a checkout then, whatever other trees lead to it. */
  root(id: string): void
  /** A tree, or a commit, is not known. */
  incomplete(): void
  /** All paths of a blob; none if no tree that was added leads to it. */
  of(blob: string): FilePaths
}

/** Trees of any size may be pushed: of what finds no room here it is said that not all paths are known. */
const maxEntries = 1_000_000
const maxIds = 300_000
const maxNames = 200_000
/** No system has longer names. */
const maxNameBytes = 255
const maxDepth = 100
const maxPaths = 100
/** Steps up from tree to tree, for one blob and for all. */
const [maxSteps, maxStepsInAll] = [20_000, 1_000_000]

const none = -1

export function createTreePaths(idBytes: number): TreePaths {
  const ids = createNumbers(maxIds)
  const names = createNumbers(maxNames)
  const nameTexts: (string | undefined)[] = []
  /** Of each id the last entry that names it; each entry has the one before. */
  const last: number[] = []
  const [before, parents, namesOf]: [number[], number[], number[]] = [[], [], []]
  const added = new Set<number>()
  const roots = new Set<number>()
  let isWhole = true
  let steps = 0

  function addName(name: Buffer, fresh: Buffer[]): number {
    const text = name.toString('latin1')
    const known = names.known(text)
    if (known !== undefined) return known
    fresh.push(name)
    const named = names.of(text)
    if (named !== none) nameTexts[named] = isPlain(name) ? name.toString('utf8') : undefined
    return named
  }

  function addEntry(tree: number, named: number, id: string): void {
    const child = ids.of(id)
    if (tree === none || child === none || named === none || before.length >= maxEntries)
      return void (isWhole = false)
    before.push(last[child] ?? none)
    last[child] = parents.length
    parents.push(tree)
    namesOf.push(named)
  }

  /** Goes up to every tree that nothing leads to, or that is one of a checkout. */
  function climb(blob: number): FilePaths {
    const paths = new Set<string>()
    // Named by itself, it stands at no path.
    let isAll = isWhole && !roots.has(blob)
    const seen = new Set<string>()
    const open = [{ at: blob, path: '', depth: 0 }]
    for (let next = open.pop(), own = 0; next !== undefined; next = open.pop(), own++) {
      if (own >= maxSteps || steps++ >= maxStepsInAll || paths.size > maxPaths)
        return { paths: [...paths].slice(0, maxPaths).toSorted(), isWhole: false }
      const { at, path, depth } = next
      const first = last[at] ?? none
      if (at !== blob && (first === none || roots.has(at))) paths.add(path)
      if (depth === maxDepth) isAll = false
      else
        for (let entry = first; entry !== none; entry = before[entry] ?? none) {
          const name = nameTexts[namesOf[entry] ?? none]
          const [above, longer] = [parents[entry] ?? none, `${name ?? '?'}${path === '' ? '' : `/${path}`}`]
          // Where it is checked out, and whether it is, no name tells.
          if (name === undefined) isAll = false
          const key = `${above} ${longer}`
          if (!seen.has(key)) open.push({ at: above, path: longer, depth: depth + 1 })
          seen.add(key)
        }
    }
    return { paths: [...paths].toSorted(), isWhole: isAll }
  }

  return {
    add(tree, content) {
      const number = ids.of(tree)
      const fresh: Buffer[] = []
      if (added.has(number)) return fresh
      if (number !== none) added.add(number)
      for (const { name, id } of entriesOf(content, idBytes)) addEntry(number, addName(name, fresh), id)
      return fresh
    },
    root(id) {
      const number = ids.of(id)
      if (number === none) isWhole = false
      else roots.add(number)
    },
    incomplete: () => void (isWhole = false),
    of(blob) {
      const number = ids.known(blob)
      return number === undefined ? { paths: [], isWhole } : climb(number)
    },
  }
}

/** Small numbers for texts; -1 for what has no room. */
function createNumbers(most: number) {
  const numbers = new Map<string, number>()
  return {
    known: (text: string) => numbers.get(text),
    of(text: string): number {
      const known = numbers.get(text)
      if (known !== undefined) return known
      if (numbers.size >= most) return none
      numbers.set(text, numbers.size)
      return numbers.size - 1
    },
  }
}

/** A name of one file in its folder, as git checks it out. */
function isPlain(name: Buffer): boolean {
  const { length } = name
  const isDots = length <= 2 && name.every((byte) => byte === 0x2e)
  return length <= maxNameBytes && !isDots && !name.includes(0x2f)
}

/** What a tree holds, as far as it can be read. Each entry: mode, a space, the name, a zero byte, the id. */
function* entriesOf(content: Buffer, idBytes: number): Generator<{ name: Buffer; id: string }> {
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, space + 1)
    if (space === -1 || end === -1 || end + idBytes >= content.length + 1) return
    yield { name: content.subarray(space + 1, end), id: content.toString('hex', end + 1, end + 1 + idBytes) }
    at = end + 1 + idBytes
  }
}
