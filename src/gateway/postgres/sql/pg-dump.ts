import { classOf } from './functions.ts'
import { constant, list, names, tree, type Tree } from './tree.ts'

/**
 * `SELECT set_config(name, 'value', false) FROM ... WHERE name = 'setting'`, as pg_dump sets what not every server knows: its rows
 * have that name, or there are none.
 */
export function settingOfRow(select: Tree): [string, string[]] | undefined {
  const [target, ...more] = list(select['targetList'])
  const call = tree(tree(tree(tree(target)['ResTarget'])['val'])['FuncCall'])
  const where = tree(tree(select['whereClause'])['A_Expr'])
  const isOne = more.length === 0 && where['kind'] === 'AEXPR_OP' && names(where['name'])?.join() === '='
  if (
    !isOne ||
    names(call['funcname'])?.at(-1) !== 'set_config' ||
    classOf(...functionName(call)) !== 'setting'
  )
    return undefined
  const [column, value, ...local] = list(call['args'])
  const isName = (one: unknown) => names(tree(tree(one)['ColumnRef'])['fields'])?.join() === 'name'
  const name = constant(where['rexpr'])
  const set = constant(value)
  if (name === undefined || set === undefined || !isName(column) || !isName(where['lexpr'])) return undefined
  // Nothing else is called on the way, and no list of names is taken apart here.
  if (local.some((one) => constant(one) === undefined) || name.toLowerCase() === 'search_path')
    return undefined
  return [name, [set]]
}

/**
 * `SELECT count(*) FROM pg_subscription`, by which pg_dump tells whether there is something that it cannot see: the passwords in
 * there are not looked at, neither by their name nor with the row as a whole.
 */
export function countsSubscriptions(select: Tree): boolean {
  const [target, ...more] = list(select['targetList'])
  const [from, ...others] = list(select['fromClause'])
  const call = tree(tree(tree(tree(target)['ResTarget'])['val'])['FuncCall'])
  const { relname, schemaname = 'pg_catalog', alias } = tree(tree(from)['RangeVar'])
  const isCount = names(call['funcname'])?.at(-1) === 'count' && call['agg_star'] === true
  const isIt = relname === 'pg_subscription' && schemaname === 'pg_catalog' && alias === undefined
  if (!isCount || !isIt || more.length + others.length > 0 || select['lockingClause'] !== undefined)
    return false
  return !/"subconninfo"|"pg_subscription"|A_Star|A_Indirection/.test(
    JSON.stringify([
      select['whereClause'],
      select['sortClause'],
      select['groupClause'],
      select['havingClause'],
    ]),
  )
}

/** Its schema, if it is named with one, and its name. */
export function functionName({ funcname }: Tree): [string | undefined, string] {
  const called = names(funcname) ?? []
  return [called.at(-2), called.at(-1) ?? '']
}
