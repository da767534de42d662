import type { Use } from './reading.ts'
import { isTree, list, names, text, tree } from './tree.ts'

/** What DROP and COMMENT name by a list: the object itself, in its schema. */
const inSchema: ReadonlySet<string> = new Set([
  ...['TABLE', 'VIEW', 'MATVIEW', 'INDEX', 'SEQUENCE', 'STATISTIC_EXT', 'TYPE', 'DOMAIN', 'COLLATION'],
  ...['FUNCTION', 'PROCEDURE', 'ROUTINE', 'AGGREGATE'],
])
/** What belongs to a table, whose name comes before it. */
const ofTable: ReadonlySet<string> = new Set(['COLUMN', 'TRIGGER', 'POLICY', 'RULE', 'TABCONSTRAINT'])

/** What a statement about objects of this type changes; undefined for a type that is in no schema, or not known here. */
export function objectUses(type: string, objects: unknown): Use[] | undefined {
  const kind = type.replace('OBJECT_', '')
  const all = Array.isArray(objects) ? list(objects) : [objects]
  const uses = all.map((one) => useOf(kind, tree(one)))
  return uses.some((use) => use === undefined) ? undefined : uses.filter((use) => use !== undefined)
}

function useOf(kind: string, object: Readonly<Record<string, unknown>>): Use | undefined {
  if (kind === 'SCHEMA' && isTree(object['String']))
    return { verb: 'ddl', of: 'schema', schema: text(object['String']['sval']) }
  const parts = partsOf(object)
  const isPart = ofTable.has(kind)
  if (parts === undefined || (!isPart && !inSchema.has(kind))) return undefined
  const whole = isPart ? parts.slice(0, -1) : parts
  const name = whole.at(-1)
  const schema = whole.at(-2)
  if (name === undefined) return undefined
  return { verb: 'ddl', of: 'relation', name, ...(schema === undefined ? {} : { schema }) }
}

function partsOf(object: Readonly<Record<string, unknown>>): string[] | undefined {
  if (isTree(object['List'])) return names(object['List']['items'])
  if (isTree(object['TypeName'])) return names(object['TypeName']['names'])
  if (isTree(object['ObjectWithArgs'])) return names(object['ObjectWithArgs']['objname'])
  return undefined
}
