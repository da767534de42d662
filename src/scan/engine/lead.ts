import type { Node } from './syntax.ts'

/**
 * Where the secret is a group, it does not matter how much stands before the rest of the pattern: of `[\w.-]{0,50}?key=(\d+)` the
 * first part is left out, and what begins with the keyword is matched where the keyword stands.
 */
export function withoutLead(node: Node): Node {
  if (!holdsGroup(node)) return node
  if (node.kind === 'choice') return { kind: 'choice', items: node.items.map(withoutLead) }
  if (node.kind !== 'sequence') return node
  const [first, ...rest] = node.items
  if (first === undefined) return node
  if (first.kind !== 'repeat' || first.item.kind !== 'bytes')
    return holdsGroup(first)
      ? { kind: 'sequence', items: [withoutLead(first), ...rest] }
      : trimmed(first, rest)
  if (first.min === 0) return withoutLead({ kind: 'sequence', items: rest })
  return { kind: 'sequence', items: [{ ...first, max: first.min }, ...rest] }
}

/** What is around it is in a sequence of its own: `(?:[\w.-]{0,50}?key)=(\d+)`. */
function trimmed(first: Node, rest: readonly Node[]): Node {
  if (first.kind !== 'sequence' || first.items.length === 0)
    return { kind: 'sequence', items: [first, ...rest] }
  return withoutLead({ kind: 'sequence', items: [...first.items, ...rest] })
}

function holdsGroup(node: Node): boolean {
  if (node.kind === 'group') return true
  if (node.kind === 'repeat') return holdsGroup(node.item)
  return (node.kind === 'sequence' || node.kind === 'choice') && node.items.some(holdsGroup)
}
