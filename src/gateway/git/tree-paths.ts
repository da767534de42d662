/** Where blobs stand, as the trees of a pack say it: a pack names its objects by their content alone. */
export interface TreePaths {
  add(tree: string, content: Buffer): void
  /** One path of a blob; undefined if no tree that was added leads to it. */
  of(blob: string): string | undefined
}

/** A tree of any size may be pushed; what finds no room has no path, and its id instead. */
const maxEntries = 200_000
const maxDepth = 100
const maxNameBytes = 255

export function createTreePaths(idBytes: number): TreePaths {
  const parents = new Map<string, { readonly tree: string; readonly name: string }>()
  return {
    add(tree, content) {
      for (const { name, id } of entriesOf(content, idBytes)) {
        if (parents.size >= maxEntries) return
        // The same content at several places is told at one of them.
        if (!parents.has(id)) parents.set(id, { tree, name: name.toString('utf8', 0, maxNameBytes) })
      }
    },
    of(blob) {
      const names: string[] = []
      let entry = parents.get(blob)
      while (entry !== undefined && names.length < maxDepth) {
        names.unshift(entry.name)
        entry = parents.get(entry.tree)
      }
      return names.length === 0 ? undefined : names.join('/')
    },
  }
}

/** What a tree holds, as far as it can be read. Each entry: mode, a space, the name, a zero byte, the id. */
export function* entriesOf(content: Buffer, idBytes: number): Generator<{ name: Buffer; id: string }> {
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, space + 1)
    if (space === -1 || end === -1 || end + idBytes >= content.length + 1) return
    yield { name: content.subarray(space + 1, end), id: content.toString('hex', end + 1, end + 1 + idBytes) }
    at = end + 1 + idBytes
  }
}
