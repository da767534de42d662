/** What a Cedar policy in its JSON form says of the things that we look into (Cedar documentation, "JSON policy format"). */

type Node = Readonly<Record<string, unknown>>

/** The role and the actions that a policy is about by its head; undefined stands for any. */
export interface ForbidScope {
  readonly role?: string
  readonly actions?: readonly string[]
}

interface Entity {
  readonly type: string
  readonly id: string
}

/** What is not one of the plain forms (`==`, `in` a list of actions) is taken for any, so that Cedar itself decides. */
export function scopeOf(json: { readonly principal: object; readonly action: object }): ForbidScope {
  const principal = json.principal as { op: string; entity?: Entity }
  const action = json.action as { op: string; entity?: Entity; entities?: readonly Entity[] }
  const role = principal.op === '==' ? principal.entity : undefined
  const actions = action.op === '==' ? action.entity && [action.entity] : action.entities
  return {
    ...(role?.type === 'Mayfly::Role' ? { role: role.id } : {}),
    ...(actions === undefined ? {} : { actions: actions.map(({ id }) => id) }),
  }
}

/** Does any condition look at this attribute of the resource? */
export function asksResource(json: unknown, attribute: string): boolean {
  return someNode(json, (node) => isResource(node, attribute) || isResource({ '.': node['has'] }, attribute))
}

/** The roles that it names. */
export function rolesIn(json: unknown): Set<string> {
  const found = new Set<string>()
  someNode(json, ({ type, id }) => {
    if (type === 'Mayfly::Role' && typeof id === 'string') found.add(id)
    return false
  })
  return found
}

/** A text in upper case, or partly, that it holds against the resource's path, which is in lower case. */
export function upperCasePath(json: unknown): string | undefined {
  let found: string | undefined
  someNode(json, (node) => {
    for (const operands of Object.values(node)) {
      const { left, right, pattern } = (operands ?? {}) as Record<string, unknown>
      const other = isResource(left, 'path')
        ? (right ?? pattern)
        : isResource(right, 'path')
          ? left
          : undefined
      found ??= textsIn(other).find((text) => text !== text.toLowerCase())
    }
    return found !== undefined
  })
  return found
}

function isResource(node: unknown, attribute: string): boolean {
  const access = ((node ?? {}) as Node)['.'] as { left?: { Var?: string }; attr?: string } | undefined
  return access?.left?.Var === 'resource' && access.attr === attribute
}

/** Strings, and patterns as they are written. */
function textsIn(node: unknown): string[] {
  if (Array.isArray(node) && node.some((one) => one === 'Wildcard' || isLiteral(one)))
    return [node.map((one) => (isLiteral(one) ? one.Literal : '*')).join('')]
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) =>
    key === 'Value' && typeof value === 'string' ? [value] : textsIn(value),
  )
}

function isLiteral(node: unknown): node is { Literal: string } {
  return typeof node === 'object' && node !== null && 'Literal' in node && typeof node.Literal === 'string'
}

function someNode(node: unknown, test: (node: Node) => boolean): boolean {
  if (Array.isArray(node)) return node.some((one) => someNode(one, test))
  if (typeof node !== 'object' || node === null) return false
  return test(node as Node) || Object.values(node).some((inner) => someNode(inner, test))
}
