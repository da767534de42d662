import { catalogRelations } from './names-of-postgres.ts'
import type { Use, Verb } from './reading.ts'

/** What a session has to hold to do something; without a schema in any of them, or with `whole` in the database as such. */
export interface Need {
  readonly verb: Verb
  readonly schema?: string
  readonly whole?: true
  readonly why?: string
}

/** What of its session a text’s names depend on. */
export interface Surroundings {
  /** Every schema that has been on its search path. */
  readonly path: ReadonlySet<string>
  /** PostgreSQL's own names come first, as they do unless the path says otherwise. */
  readonly catalogFirst: boolean
  /** The server holds it from writing, whatever functions do. */
  readonly readOnly: boolean
  /** As which it began. */
  readonly role: string
}

/** Passwords, files of the server, values of tables, what other sessions say: more than the catalog tells everybody. */
const guarded =
  /^pg_(?:authid|shadow|user_mappings?|hba_file_rules|ident_file_mappings|file_settings|subscription|largeobject|statistic|statistic_ext_data|stats|stats_ext|stats_ext_exprs|stat_activity|replication_origin\w*|backend_memory_contexts|shmem_allocations\w*)$|^_pg_user_mappings$|^user_mapping_options$/

/** Whether it is told apart from other names: no more of a name matters. */
export function kindOfName(name: string): string {
  return `${catalogRelations.has(name)} ${guarded.test(name)}`
}

/**
 * What it takes. A name without a schema may be in each schema that has been on the path: whoever cannot use them all has to say
 * which is meant, since which of them has that name only the server knows.
 */
export function needsOf(uses: Iterable<Use>, surroundings: Surroundings): Need[] {
  const found = new Map<string, Need>()
  const add = (need: Need) => found.set(`${need.verb} ${need.schema ?? ''} ${need.whole ?? ''}`, need)
  /** The product of names and path may be large, what it comes to is not. */
  const done = new Set<string>()
  for (const use of uses) {
    const { schema, verb, of, name = '' } = use
    const isPlain = schema === undefined && of !== 'server' && of !== 'session' && use.role === undefined
    const key = `${verb} ${of} ${kindOfName(name)}`
    if (isPlain && done.has(key)) continue
    if (isPlain) done.add(key)
    for (const need of needsOfUse(use, surroundings)) add(need)
  }
  return [...found.values()]
}

function needsOfUse(use: Use, surroundings: Surroundings): Need[] {
  const { verb, of, schema, name = '', why } = use
  const because = why === undefined ? {} : { why }
  // What it is anyway, as Flyway sets it after each of its steps.
  if (use.role !== undefined && use.role === surroundings.role) return []
  if (of === 'server') return [{ verb, whole: true, ...because }]
  if (of === 'session') return [{ verb, ...because }]
  // Reading is what it comes to where the server lets nothing else happen.
  const done = of === 'function' && surroundings.readOnly ? 'read' : verb
  if (schema !== undefined) return inSchema(done, schema, name)
  if (of === 'relation' && catalogRelations.has(name) && surroundings.catalogFirst)
    return inSchema(done, 'pg_catalog', name)
  const path = [...surroundings.path]
  // The server would not find it either; what would it be asked for?
  if (path.length === 0)
    return [{ verb: done, whole: true, why: `${name} without a schema, on no search path` }]
  return path.flatMap((one) => inSchema(done, one, name))
}

function inSchema(verb: Verb, schema: string, name: string): Need[] {
  if (schema === 'pg_temp') return []
  if (schema !== 'pg_catalog' && schema !== 'information_schema') return [{ verb, schema }]
  if (verb === 'read' && !guarded.test(name)) return []
  return [{ verb: 'admin', whole: true, why: `${schema}.${name}` }]
}
