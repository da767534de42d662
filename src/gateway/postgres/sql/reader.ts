import { classOf, type FunctionClass } from './functions.ts'
import { catalogRelations } from './names-of-postgres.ts'
import { kindOfName } from './needs.ts'
import { objectUses } from './objects.ts'
import { countsSubscriptions, functionName, settingOfRow } from './pg-dump.ts'
import type { Reading, Use, Verb } from './reading.ts'
import { partsOf, schemasIn, settingOf, type Setting } from './settings.ts'
import { touchedBy, type Touched } from './touched.ts'
import { constant, isTree, list, names, text, tree, type Tree } from './tree.ts'

/** Where in a statement something is. */
interface Place {
  /** What is done with the relations that are named here. */
  readonly verb: Verb
  /** Names that are no tables here, but queries of a WITH. */
  readonly queries: Queries | undefined
}

/** Those of one WITH that are seen so far, and what is seen around it. */
interface Queries {
  readonly names: Set<string>
  readonly around: Queries | undefined
}

const outside: Place = { verb: 'read', queries: undefined }

type Handler = (node: Tree, place: Place) => void

/** Telling what a text uses takes more steps than its length is a reason for, or it uses more than anybody means. */
export class TooComplex extends Error {}

/** Names without a schema count by what they come to, not one by one. */
const maxUses = 5_000
const maxPath = 1_000
/** CURSOR_OPT_HOLD (parsenodes.h). */
const withHold = 0x20

/** Tells what statements use. What it has no rule for is for `admin`: a statement of a kind that is not known does not pass. */
export class Reader {
  readonly #uses = new Map<string, Use>()
  readonly #path = new Set<string>()
  readonly #prepares: { name: string; reading: Reading }[] = []
  readonly #executes = new Set<string>()
  readonly #fetches = new Set<string>()
  readonly #declares: { name: string; isHeld: boolean }[] = []
  readonly #touched: Touched[] = []
  #hidesCatalog = false
  #pathParameter: number | undefined
  #visits: number

  /** `maxVisits`: of a statement's parts; then `TooComplex` is thrown. Nobody else is served while it is read. */
  constructor(maxVisits: number) {
    this.#visits = maxVisits
  }

  reading({ shape, isWhole }: Pick<Reading, 'shape' | 'isWhole'>): Reading {
    return {
      ...{ shape, isWhole },
      uses: [...this.#uses.values()],
      touched: this.#touched,
      path: [...this.#path],
      ...(this.#hidesCatalog ? { hidesCatalog: true } : {}),
      ...(this.#pathParameter === undefined ? {} : { pathParameter: this.#pathParameter }),
      prepares: this.#prepares,
      executes: [...this.#executes],
      fetches: [...this.#fetches],
      declares: this.#declares,
    }
  }

  statement(node: Tree): void {
    this.#touched.push(touchedBy(node, (steps) => this.#spend(steps)))
    this.#walk(node, outside)
  }

  #spend(steps: number): void {
    this.#visits -= steps
    if (this.#visits < 0) throw new TooComplex()
  }

  #walk(value: unknown, place: Place): void {
    this.#spend(1)
    if (Array.isArray(value)) for (const one of value) this.#walk(one, place)
    else if (isTree(value)) this.#node(value, place)
  }

  #node(node: Tree, place: Place): void {
    // In a field of a fixed type a node has no key that says its type.
    if ('relpersistence' in node) return this.#relation(node, place)
    if ('limitOption' in node) return this.#select(node, place)
    for (const [key, child] of Object.entries(node)) {
      const handle = isTree(child) ? this.#handlers[key] : undefined
      if (handle !== undefined) handle(tree(child), place)
      else if (key.endsWith('Stmt') && isTree(child)) this.#rule(statementName(key))
      else this.#walk(child, place)
    }
  }

  /** But some fields, and with the queries of its WITH where names are looked for. */
  #rest(node: Tree, place: Place, but: readonly string[] = []): void {
    this.#fields(node, { ...place, queries: this.#with(node, place) }, but)
  }

  #fields(node: Tree, place: Place, but: readonly string[]): void {
    for (const [key, child] of Object.entries(node))
      if (key !== 'withClause' && !but.includes(key)) this.#walk(child, place)
  }

  /** Each query of a WITH sees those before it, or with RECURSIVE all of them, and itself. */
  #with({ withClause }: Tree, { queries: around }: Place): Queries | undefined {
    const clause = tree(withClause)
    const all = list(clause['ctes']).map((one) => tree(tree(one)['CommonTableExpr']))
    if (all.length === 0) return around
    const isRecursive = clause['recursive'] === true
    const queries = { names: new Set(isRecursive ? all.map(({ ctename }) => text(ctename)) : []), around }
    for (const { ctequery, ctename, ...beside } of all) {
      this.#walk([ctequery, beside], { verb: 'read', queries })
      queries.names.add(text(ctename))
    }
    return queries
  }

  #isQuery(name: string, queries: Queries | undefined): boolean {
    for (let one = queries; one !== undefined; one = one.around) {
      this.#spend(1)
      if (one.names.has(name)) return true
    }
    return false
  }

  #select(node: Tree, place: Place): void {
    const into = tree(tree(node['intoClause'])['rel'])
    if ('relname' in into) this.#relation(into, { ...outside, verb: 'ddl' })
    // What is locked FOR UPDATE nobody else can write.
    const isLocked = place.verb === 'write' || list(node['lockingClause']).length > 0
    const queries = this.#with(node, place)
    const setting = settingOfRow(node)
    if (setting !== undefined) this.#take(settingOf(...setting))
    const but = setting === undefined ? [] : ['targetList']
    if (!countsSubscriptions(node))
      this.#walk(node['fromClause'], { verb: isLocked ? 'write' : 'read', queries })
    const inside = { verb: 'read', queries } as const
    this.#fields(node, inside, ['intoClause', 'lockingClause', 'fromClause', ...but])
  }

  #relation({ relname, schemaname, relpersistence }: Tree, { verb, queries }: Place): void {
    const name = text(relname)
    const schema = schemaname === undefined ? undefined : text(schemaname)
    if (schema === undefined && verb === 'read' && this.#isQuery(name, queries)) return
    // They are the session's own, and gone with it.
    if (relpersistence === 't' || schema === 'pg_temp') return
    this.#use({ verb, of: 'relation', name, ...(schema === undefined ? {} : { schema }) })
  }

  /** `set_config('search_path', $1, ...)`, as Flyway has it. */
  #takesPath([name, value]: readonly unknown[]): boolean {
    const number = tree(tree(value)['ParamRef'])['number']
    if (constant(name)?.toLowerCase() !== 'search_path' || typeof number !== 'number') return false
    if (this.#pathParameter !== undefined && this.#pathParameter !== number) return false
    this.#pathParameter = number
    return true
  }

  #call({ funcname, args, ...beside }: Tree, place: Place): void {
    this.#walk([args, beside], { ...place, verb: 'read' })
    const [schema, name] = functionName({ funcname })
    const what = classOf(schema, name)
    if (what === 'own')
      this.#use({ verb: 'write', of: 'function', name, ...(schema === undefined ? {} : { schema }) })
    if (what === 'setting' && !this.#takesPath(list(args))) this.#set(...settingIn(list(args)))
    else if (what === 'sequence') this.#sequence(list(args)[0], name)
    else this.#does(what, name)
  }

  /** `value.name` calls the function of that name where the value has no such column (manual, 4.2.6). */
  #attribute(name: string): void {
    if (catalogRelations.has(name)) return
    const what = classOf(undefined, name)
    if (what === 'sequence') this.#sequence(undefined, name)
    else this.#does(what, name)
  }

  #does(what: FunctionClass, name: string): void {
    const why = `${name}()`
    if (what === 'admin') this.#rule(why)
    if (what === 'tell') this.#use({ verb: 'write', of: 'session', why })
    // Large objects are in no schema.
    if (what === 'object') this.#use({ verb: 'read', of: 'server', why })
    if (what === 'object-write') this.#use({ verb: 'write', of: 'server', why })
  }

  /** By a constant name it is known which; otherwise, and by its number (OID), it may be any of the database. */
  #sequence(argument: unknown, name: string): void {
    const verb = name === 'currval' ? 'read' : 'write'
    const written = constant(argument) ?? ''
    const parts = /^[\s\d-]*$/.test(written) ? undefined : partsOf(written)
    if (parts === undefined)
      this.#use({ verb, of: 'server', why: `${name}() of a sequence that is not named by a constant` })
    else this.#use({ verb, of: 'relation', ...qualified(parts) })
  }

  /** An operator with a schema is a function that somebody made. */
  #operator(name: unknown): void {
    const [schema, symbol] = names(name) ?? []
    if (schema !== undefined && symbol !== undefined && schema !== 'pg_catalog')
      this.#use({ verb: 'write', of: 'function', schema, name: symbol })
  }

  #set(name: string | undefined, values: readonly string[] | undefined): void {
    if (name === undefined) return this.#rule('set_config() of a setting that is no constant')
    this.#take(settingOf(name, values))
  }

  #take({ uses = [], path = [] }: Setting): void {
    for (const use of uses) this.#use(use)
    for (const schema of path) {
      if (this.#path.add(schema).size > maxPath) throw new TooComplex()
      // Functions and operators are found there under names that are not looked up here.
      if (schema !== '$user') this.#use({ verb: 'read', of: 'schema', schema })
    }
    if (path.indexOf('pg_catalog') > 0) this.#hidesCatalog = true
  }

  #options(options: unknown): void {
    for (const one of list(options)) {
      const { defname, arg } = tree(tree(one)['DefElem'])
      this.#take(settingOf(text(defname), [constant(arg) ?? '']))
    }
  }

  /** What depends on it may be in any schema. */
  #cascade({ behavior }: Tree, verb: Verb): void {
    if (behavior === 'DROP_CASCADE')
      this.#use({ verb, of: 'server', why: 'CASCADE reaches what depends on it in other schemas' })
  }

  #rule(why: string): void {
    this.#use({ verb: 'admin', of: 'server', why })
  }

  #use(use: Use): void {
    const { name, ...what } = use
    const key = JSON.stringify([what, name === undefined ? '' : kindOfName(name)])
    if (this.#uses.has(key)) return
    if (this.#uses.size >= maxUses) throw new TooComplex()
    this.#uses.set(key, use)
  }

  /** `into` is what is written to, all else is read. */
  #writes(into: string): Handler {
    return (node, place) => {
      this.#relation(tree(node[into]), { ...outside, verb: 'write' })
      this.#rest(node, { ...place, verb: 'read' }, [into])
    }
  }

  /** Relations that are named in it, other than in queries, are what it is about. */
  #about(verb: Verb): Handler {
    return (node) => this.#rest(node, { ...outside, verb })
  }

  #ofObjects(type: string, objects: string): Handler {
    return (node) => {
      const uses = objectUses(text(node[type]), node[objects])
      if (uses === undefined)
        return this.#rule(`${text(node[type]).replace('OBJECT_', '')}: it is in no schema`)
      for (const use of uses) this.#use(use)
      this.#rest(node, { ...outside, verb: 'ddl' }, [objects])
    }
  }

  #named(field: string): Handler {
    return (node) => {
      const made = names(node[field]) ?? []
      this.#use({ verb: 'ddl', of: 'relation', ...qualified(made) })
      this.#rest(node, { ...outside, verb: 'ddl' }, [field])
    }
  }

  #nothing: Handler = () => undefined

  readonly #handlers: Readonly<Record<string, Handler>> = {
    SelectStmt: (node, place) => this.#select(node, place),
    InsertStmt: this.#writes('relation'),
    UpdateStmt: this.#writes('relation'),
    DeleteStmt: this.#writes('relation'),
    MergeStmt: this.#writes('relation'),
    RangeVar: (node, place) => this.#relation(node, place),
    FuncCall: (node, place) => this.#call(node, place),
    ColumnRef: ({ fields }) => {
      for (const one of list(fields).slice(1)) this.#attribute(text(tree(tree(one)['String'])['sval']))
    },
    A_Indirection: (node, place) => {
      for (const one of list(node['indirection'])) this.#attribute(text(tree(tree(one)['String'])['sval']))
      this.#rest(node, place)
    },
    A_Expr: (node, place) => (this.#operator(node['name']), this.#rest(node, place, ['name'])),
    SubLink: (node, place) => (this.#operator(node['operName']), this.#rest(node, place, ['operName'])),
    SortBy: (node, place) => (this.#operator(node['useOp']), this.#rest(node, place, ['useOp'])),

    CopyStmt: (node, place) => {
      if (node['is_program'] === true) this.#rule('COPY with a program of the server')
      else if (node['filename'] !== undefined) this.#rule('COPY with a file of the server')
      const verb = node['is_from'] === true ? 'write' : 'read'
      if (isTree(node['relation'])) this.#relation(node['relation'], { ...outside, verb })
      this.#rest(node, place, ['relation'])
    },
    ExplainStmt: (node, place) => this.#rest(node, place, ['options']),
    DeclareCursorStmt: (node, place) => {
      const isHeld = (Number(node['options'] ?? 0) & withHold) !== 0
      this.#declares.push({ name: text(node['portalname']), isHeld })
      this.#rest(node, place)
    },
    FetchStmt: ({ portalname }) => void this.#fetches.add(text(portalname)),
    ClosePortalStmt: this.#nothing,
    PrepareStmt: ({ name, query }) => {
      const inner = new Reader(this.#visits)
      if (isTree(query)) inner.statement(query)
      this.#visits = inner.#visits
      const reading = inner.reading({ shape: '', isWhole: true })
      this.#prepares.push({ name: text(name), reading })
      for (const use of reading.uses) this.#use(use)
      // Its value comes with EXECUTE.
      if (reading.pathParameter !== undefined) this.#rule('it sets search_path')
    },
    ExecuteStmt: (node, place) => {
      this.#executes.add(text(node['name']))
      this.#rest(node, place)
    },
    DeallocateStmt: this.#nothing,
    TransactionStmt: (node) => {
      // They outlive the session, and hold its locks: nobody could end them with it.
      if (/_PREPARED?$/.test(text(node['kind']))) this.#rule('a prepared transaction')
      this.#options(node['options'])
    },
    VariableSetStmt: ({ kind, name, args }) => {
      if (kind === 'VAR_SET_MULTI') return name === 'TRANSACTION SNAPSHOT' ? undefined : this.#options(args)
      const isSet = kind === 'VAR_SET_VALUE'
      const values = list(args).map(constant)
      const known = values.filter((one) => one !== undefined)
      this.#take(
        settingOf(text(name), isSet && known.length < values.length ? undefined : isSet ? known : []),
      )
    },
    VariableShowStmt: this.#nothing,
    DiscardStmt: this.#nothing,
    ConstraintsSetStmt: this.#nothing,
    ListenStmt: this.#nothing,
    UnlistenStmt: this.#nothing,
    NotifyStmt: () => this.#use({ verb: 'write', of: 'session', why: 'NOTIFY' }),
    // ACCESS SHARE is what every SELECT takes.
    LockStmt: (node) => this.#about(node['mode'] === 1 ? 'read' : 'write')(node, outside),
    TruncateStmt: (node) => {
      this.#cascade(node, 'write')
      this.#rest(node, { ...outside, verb: 'write' })
    },
    RefreshMatViewStmt: this.#about('write'),
    VacuumStmt: (node) => {
      if (list(node['rels']).length === 0) this.#rule('VACUUM or ANALYZE of a whole database')
      this.#rest(node, { ...outside, verb: 'write' }, ['options'])
    },

    CreateStmt: this.#about('ddl'),
    CreateTableAsStmt: (node) => {
      this.#relation(tree(tree(node['into'])['rel']), { ...outside, verb: 'ddl' })
      this.#rest(node, outside, ['into'])
    },
    ViewStmt: this.#about('ddl'),
    IndexStmt: this.#about('ddl'),
    CreateSeqStmt: this.#about('ddl'),
    AlterSeqStmt: this.#about('ddl'),
    CompositeTypeStmt: this.#about('ddl'),
    CreateEnumStmt: this.#named('typeName'),
    AlterEnumStmt: this.#named('typeName'),
    CreateDomainStmt: this.#named('domainname'),
    AlterDomainStmt: (node, place) => {
      this.#cascade(node, 'ddl')
      this.#named('typeName')(node, place)
    },
    CreateStatsStmt: (node) => {
      const made = names(node['defnames']) ?? []
      if (made.length > 0) this.#use({ verb: 'ddl', of: 'relation', ...qualified(made) })
      this.#rest(node, { ...outside, verb: 'ddl' }, ['defnames'])
    },
    CreateTrigStmt: (node) => {
      this.#call({ funcname: node['funcname'] }, outside)
      this.#rest(node, { ...outside, verb: 'ddl' }, ['funcname'])
    },
    CreatePolicyStmt: this.#about('ddl'),
    AlterPolicyStmt: this.#about('ddl'),
    RuleStmt: this.#about('ddl'),
    ClusterStmt: (node) => {
      if (!isTree(node['relation'])) this.#rule('CLUSTER of a whole database')
      this.#rest(node, { ...outside, verb: 'ddl' })
    },
    ReindexStmt: (node) => {
      if (node['kind'] === 'REINDEX_OBJECT_SCHEMA')
        this.#use({ verb: 'ddl', of: 'schema', schema: text(node['name']) })
      else if (isTree(node['relation'])) this.#relation(node['relation'], { ...outside, verb: 'ddl' })
      else this.#rule('REINDEX of a whole database')
    },
    CreateSchemaStmt: (node) => {
      if (node['authrole'] !== undefined) this.#rule('CREATE SCHEMA for another role')
      if (node['schemaElts'] !== undefined) this.#rule('CREATE SCHEMA with what is in it, in one statement')
      if (node['schemaname'] !== undefined)
        this.#use({ verb: 'ddl', of: 'schema', schema: text(node['schemaname']) })
    },
    AlterTableStmt: (node) => {
      const kinds = list(node['cmds']).map((one) => tree(tree(one)['AlterTableCmd'])['subtype'])
      if (kinds.includes('AT_ChangeOwner')) this.#rule('a change of owner')
      for (const one of list(node['cmds'])) this.#cascade(tree(tree(one)['AlterTableCmd']), 'ddl')
      this.#rest(node, { ...outside, verb: 'ddl' })
    },
    AlterObjectSchemaStmt: (node, place) => {
      this.#use({ verb: 'ddl', of: 'schema', schema: text(node['newschema']) })
      this.#handlers['RenameStmt']?.({ ...node, renameType: node['objectType'] }, place)
    },
    RenameStmt: (node, place) => {
      if (isTree(node['relation'])) return this.#rest(node, { ...outside, verb: 'ddl' })
      if (node['renameType'] !== 'OBJECT_SCHEMA') return this.#ofObjects('renameType', 'object')(node, place)
      for (const name of [node['subname'], node['newname']])
        this.#use({ verb: 'ddl', of: 'schema', schema: text(name) })
    },
    DropStmt: (node, place) => {
      this.#cascade(node, 'ddl')
      this.#ofObjects('removeType', 'objects')(node, place)
    },
    CommentStmt: this.#ofObjects('objtype', 'object'),
  }
}

function qualified(parts: readonly string[]): { name: string; schema?: string } {
  const schema = parts.at(-2)
  return { name: parts.at(-1) ?? '', ...(schema === undefined ? {} : { schema }) }
}

/** The name and value that `set_config` is called with; no name where it is no constant. */
function settingIn(args: readonly unknown[]): [string | undefined, string[] | undefined] {
  const name = constant(args[0])
  const value = constant(args[1])
  if (name === undefined || value === undefined) return [name, undefined]
  return [name, name.toLowerCase() === 'search_path' ? schemasIn(value) : [value]]
}

/** `AlterRoleStmt` as people know it. */
function statementName(key: string): string {
  return key
    .replace(/Stmt$/, '')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase()
}
