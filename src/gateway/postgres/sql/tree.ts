/** Access to PostgreSQL's parse tree as JSON (libpg_query: every node is an object with one key, its type). */
export type Tree = { readonly [key: string]: unknown }

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function tree(value: unknown): Tree {
  return isTree(value) ? value : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The texts of a list of String nodes; undefined if there is another node in it. */
export function names(value: unknown): string[] | undefined {
  const all = list(value).map((one) => tree(one)['String'])
  return all.every(isTree) ? all.map(({ sval }) => text(sval)) : undefined
}

/** A constant: its text, or its number as text; undefined for anything else. */
export function constant(value: unknown): string | undefined {
  const { arg, typeName } = tree(tree(value)['TypeCast'])
  const one = tree(value)['A_Const'] ?? (keepsText(tree(typeName)) ? tree(arg)['A_Const'] : undefined)
  if (!isTree(one)) return undefined
  // Protobuf leaves out what is empty or zero.
  if (isTree(one['sval'])) return text(one['sval']['sval'])
  if (isTree(one['ival'])) return String(Number(one['ival']['ival'] ?? 0))
  if (isTree(one['boolval'])) return one['boolval']['boolval'] === true ? 'on' : 'off'
  return undefined
}

/** Other types make another value of it: a `varchar(4)` of `rolexxxx` is `role`. */
function keepsText({ names: written, typmods, arrayBounds }: Tree): boolean {
  if (typmods !== undefined || arrayBounds !== undefined) return false
  const name =
    names(written)
      ?.join('.')
      .replace(/^pg_catalog\./, '') ?? ''
  return ['text', 'varchar', 'regclass', 'bool'].includes(name)
}
