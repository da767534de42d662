import { isTree, list, names, text, tree, type Tree } from './tree.ts'

/** Which tables and columns one statement names, and where: whether a masked column is read by it can be told from that alone. */
export interface Touched {
  /** As the parser calls it: `SelectStmt`. */
  readonly kind: string
  readonly relations: readonly TouchedRelation[]
  readonly columns: readonly TouchedColumn[]
  readonly stars: readonly TouchedStar[]
  /** Columns that are named without an expression: in USING, ON CONFLICT, the list of a COPY TO. */
  readonly names: readonly string[]
  /** What gives columns other names, or compares them without naming them, in words for a denial. */
  readonly hiding: readonly string[]
  /** What is said of columns of the result by their number, or by all of them, in words for a denial. */
  readonly ofResult: readonly string[]
}

export interface TouchedRelation {
  readonly schema?: string
  readonly name: string
  /** By which names its columns can be meant. */
  readonly aliases: readonly string[]
}

export interface TouchedColumn {
  /** `users.email` has two. */
  readonly parts: readonly string[]
  /** It is a column of the result as it is, by the name `as` if that is another. */
  readonly plain?: true
  readonly as?: string
}

export interface TouchedStar {
  /** `u` of `u.*`. */
  readonly of?: string
  readonly plain?: true
  /** The tables that it can mean; without it any of the statement. */
  readonly among?: readonly string[]
}

interface Among {
  readonly list: number
  readonly names: readonly string[]
}

/** Rows before and after a change (RETURNING), and those that would have been inserted. */
const rowNames = ['old', 'new', 'excluded']

/** `spend` is told of each step, and throws once there were too many. */
export function touchedBy(statement: Tree, spend: (steps: number) => void): Touched {
  const [kind = '', node] = Object.entries(statement)[0] ?? []
  const finder = new Finder(spend)
  const top = tree(node)
  // The result of INTO is a table, and a set operation compares its rows: what those read is no plain column.
  if (kind === 'SelectStmt' && top['intoClause'] === undefined && top['op'] === 'SETOP_NONE')
    finder.select(top, true)
  else finder.walk(statement)
  return { kind, ...finder.found() }
}

class Finder {
  readonly #spend: (steps: number) => void
  /** Each list of tables that a star may mean, by its number. */
  #lists = 0
  readonly #relations = new Map<string, TouchedRelation>()
  readonly #columns = new Map<string, TouchedColumn>()
  readonly #stars = new Map<string, TouchedStar>()
  readonly #names = new Set<string>()
  readonly #hiding = new Set<string>()
  readonly #ofResult = new Set<string>()
  /** Names of the rows before and after a change, where RETURNING gives some. */
  readonly #rowNames = new Set(rowNames)

  constructor(spend: (steps: number) => void) {
    this.#spend = spend
  }

  found(): Omit<Touched, 'kind'> {
    const all = [...this.#relations.values()]
    const isChange = (aliases: readonly string[]) => aliases.includes('old')
    return {
      relations: all.map((one) =>
        isChange(one.aliases) ? { ...one, aliases: [...one.aliases, ...this.#rowNames] } : one,
      ),
      columns: [...this.#columns.values()],
      stars: [...this.#stars.values()],
      names: [...this.#names],
      hiding: [...this.#hiding],
      ofResult: [...this.#ofResult],
    }
  }

  walk(value: unknown): void {
    this.#spend(1)
    if (Array.isArray(value)) for (const one of value) this.walk(one)
    else if (isTree(value)) this.#node(value)
  }

  /** `isResult`: its rows go to the client as they are. */
  select(node: Tree, isResult: boolean): void {
    const { targetList, ...beside } = node
    let among: Among | undefined
    const amongOf = () => (among ??= { list: this.#lists++, names: this.#relationsIn(node['fromClause']) })
    for (const one of list(targetList)) {
      const { name, val } = tree(tree(one)['ResTarget'])
      const column = tree(val)['ColumnRef']
      if (isResult && isTree(column)) this.#column(column, { plain: true, as: text(name) })
      else if (isTree(column)) this.#column(column, {}, amongOf)
      else this.walk(val)
    }
    if (isResult) this.#said(node)
    this.walk(Object.values(beside))
  }

  /** Tables of a FROM, those within its queries, too. */
  #relationsIn(from: unknown): string[] {
    const found = new Set<string>()
    const visit = (one: unknown): void => {
      this.#spend(1)
      if (Array.isArray(one)) for (const each of one) visit(each)
      else if (!isTree(one)) return
      else if ('relpersistence' in one) found.add(text(one['relname']))
      else for (const each of Object.values(one)) visit(each)
    }
    visit(from)
    return [...found]
  }

  #said({ distinctClause, groupClause, sortClause }: Tree): void {
    const distinct = list(distinctClause)
    if (distinct.length > 0) this.#ofResult.add('DISTINCT')
    const sorted = list(sortClause).map((one) => tree(tree(one)['SortBy'])['node'])
    if (hasNumber([...distinct, ...sorted])) this.#ofResult.add('ORDER BY of a number')
    if (hasNumber(list(groupClause))) this.#ofResult.add('GROUP BY of a number')
  }

  #node(node: Tree): void {
    // In a field of a fixed type a node has no key that says its type.
    if ('relpersistence' in node) return this.#relation(node)
    if ('limitOption' in node) return this.select(node, false)
    for (const [key, child] of Object.entries(node)) {
      const handle = isTree(child) ? this.#handlers[key] : undefined
      if (handle === undefined) this.walk(child)
      else handle(tree(child))
    }
  }

  #relation({ relname, schemaname, alias }: Tree, isChanged = false): void {
    const { aliasname, colnames } = tree(alias)
    if (colnames !== undefined) this.#hiding.add('other names for the columns of a table')
    const found = {
      ...(schemaname === undefined ? {} : { schema: text(schemaname) }),
      name: text(relname),
      aliases: [
        text(relname),
        ...(aliasname === undefined ? [] : [text(aliasname)]),
        ...(isChanged ? rowNames : []),
      ],
    }
    this.#relations.set(JSON.stringify(found), found)
  }

  #column({ fields }: Tree, how: Omit<TouchedColumn, 'parts'>, amongOf?: () => Among): void {
    const all = list(fields)
    const parts = all.map((one) => text(tree(tree(one)['String'])['sval']))
    const { plain, as = '' } = how
    const isPlain = plain === undefined ? {} : { plain }
    if ('A_Star' in tree(all.at(-1))) {
      const of = parts.at(-2)
      const among = amongOf?.()
      const star = {
        ...(of === undefined ? {} : { of }),
        ...isPlain,
        ...(among === undefined ? {} : { among: among.names }),
      }
      this.#stars.set(JSON.stringify([of, plain, among?.list]), star)
    } else {
      const column = { parts, ...isPlain, ...(as === '' ? {} : { as }) }
      this.#columns.set(JSON.stringify(column), column)
    }
  }

  #changes = (node: Tree): void => {
    if (isTree(node['relation'])) this.#relation(node['relation'], true)
    const { relation: _, ...rest } = node
    this.walk(rest)
  }

  readonly #handlers: Readonly<Record<string, (node: Tree) => void>> = {
    SelectStmt: (node) => this.select(node, false),
    RangeVar: (node) => this.#relation(node),
    ColumnRef: (node) => this.#column(node, {}),
    InsertStmt: this.#changes,
    UpdateStmt: this.#changes,
    DeleteStmt: this.#changes,
    MergeStmt: this.#changes,
    ReturningOption: ({ value }) => void this.#rowNames.add(text(value)),
    JoinExpr: (node) => {
      if (node['isNatural'] === true) this.#hiding.add('NATURAL JOIN')
      if (node['alias'] !== undefined || node['join_using_alias'] !== undefined)
        this.#hiding.add('a name for a join')
      for (const one of names(node['usingClause']) ?? []) this.#names.add(one)
      this.walk(Object.values(node))
    },
    IndexElem: (node) => {
      if (node['name'] !== undefined) this.#names.add(text(node['name']))
      this.walk(Object.values(node))
    },
    CopyStmt: (node) => {
      const columns = names(node['attlist']) ?? []
      if (node['is_from'] !== true && isTree(node['relation'])) {
        for (const one of columns) this.#names.add(one)
        if (columns.length === 0) this.#column({ fields: [{ A_Star: {} }] }, {})
      }
      this.walk(Object.values(node))
    },
    RenameStmt: (node) => {
      if (node['renameType'] === 'OBJECT_SCHEMA') this.#hiding.add('another name for a schema')
      this.walk(Object.values(node))
    },
  }
}

function hasNumber(items: readonly unknown[]): boolean {
  return items.some((one) => {
    const { A_Const: constant, GroupingSet: sets, RowExpr: row } = tree(one)
    if (constant !== undefined) return true
    return hasNumber([...list(tree(sets)['content']), ...list(tree(row)['args'])])
  })
}
