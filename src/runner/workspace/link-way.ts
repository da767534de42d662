import { lstatSync, readlinkSync } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'

/** A link of a workspace, and what it said. */
export interface Link {
  readonly path: string
  readonly target: string
}

/** As many as Linux follows (path_resolution(7)). */
const maxLinks = 40

/**
 * Where a path of the workspace leads, name by name as the kernel goes: the links on the way, itself included, and its end, which
 * need not be there. `end` is undefined if it is the workspace itself, out of it, or a circle.
 */
export function wayOf(
  workspace: string,
  path: string,
): { readonly links: readonly Link[]; readonly end: string | undefined } {
  const links: Link[] = []
  let names = path.split('/')
  let at = ''
  while (names.length > 0) {
    const [name = '', ...rest] = names
    names = rest
    if (name === '' || name === '.') continue
    if (name === '..') {
      if (at === '') return { links, end: undefined }
      at = dirname(at) === '.' ? '' : dirname(at)
      continue
    }
    const next = join(at, name)
    const target = linkAt(join(workspace, next))
    if (target === undefined) {
      at = next
      continue
    }
    links.push({ path: next, target })
    const inside = isAbsolute(target) ? relative(workspace, target) : target
    if (links.length >= maxLinks || (isAbsolute(target) && inside.startsWith('..')))
      return { links, end: undefined }
    if (isAbsolute(target)) at = ''
    names = [...inside.split('/'), ...names]
  }
  return { links, end: at === '' ? undefined : at }
}

/** What the link says; undefined if there is none. */
export function linkAt(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined
  } catch {
    return undefined
  }
}
