import type { Reading } from '../sql/reading.ts'
import type { Touched, TouchedColumn } from '../sql/touched.ts'

/** A table, or a view, with columns whose values a step is not to see. */
export interface MaskedTable {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** By their number. */
  readonly masked: ReadonlyMap<number, string>
  /** All others, by their name. */
  readonly open: ReadonlySet<string>
  /** A view that does more with masked columns than to show them. */
  readonly isClosed: boolean
}

/** Statements that may name such a table at all; of what others do with its columns nothing is known here. */
const known: ReadonlySet<string> = new Set([
  ...['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CopyStmt', 'TruncateStmt'],
  ...['ExplainStmt', 'PrepareStmt', 'DeclareCursorStmt', 'CreateTableAsStmt', 'ViewStmt'],
  ...['LockStmt', 'VacuumStmt', 'RefreshMatViewStmt'],
])
const ofEveryTable = ['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']

/**
 * The masked columns of a database, as they are when a session begins. A statement may name one as a plain column of its result, where
 * the server says which column it is; wherever else it would be read, the statement is refused.
 */
export class Masks {
  readonly #byOid: ReadonlyMap<number, MaskedTable>
  readonly #byName = new Map<string, MaskedTable[]>()

  constructor(tables: readonly MaskedTable[]) {
    this.#byOid = new Map(tables.map((one) => [one.oid, one]))
    for (const one of tables) this.#byName.set(one.name, [...(this.#byName.get(one.name) ?? []), one])
  }

  isMasked(oid: number, column: number): boolean {
    return this.#byOid.get(oid)?.masked.has(column) === true
  }

  /** Why a text is refused. */
  problemOf({ touched, uses, hidesCatalog }: Reading): string | undefined {
    const called = uses.find(({ of }) => of === 'function')
    if (called !== undefined)
      return `${called.name ?? 'a function'} is not PostgreSQL’s own, and could read them`
    if (hidesCatalog === true) return 'functions of another schema would hide PostgreSQL’s own'
    for (const one of touched) {
      const problem = this.problemIn(one)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  problemIn(touched: Touched): string | undefined {
    if (touched.relations.some(({ schema = '' }) => schema.startsWith('pg_toast')))
      return 'in pg_toast are their values, too'
    if (touched.kind === 'RenameStmt' && touched.hiding.length > 0) return touched.hiding[0]
    const found = this.#tablesOf(touched)
    const closed = found.flatMap(({ tables }) => tables).find(({ isClosed }) => isClosed)
    if (closed !== undefined)
      return `the view ${closed.schema}.${closed.name} does more with them than to show them`
    return found.length === 0 ? undefined : new Use(touched, found).problem()
  }

  /** Whether one of them is in its result. */
  areShownBy({ touched }: Reading): boolean {
    return touched.some((one) => {
      const found = this.#tablesOf(one)
      return found.length > 0 && new Use(one, found).shows()
    })
  }

  /** What a query shows as it is: the names of its columns that are masked. */
  shownBy(touched: Touched): string[] {
    const found = this.#tablesOf(touched)
    return found.length === 0 ? [] : new Use(touched, found).shown()
  }

  #tablesOf({ relations }: Touched): Found[] {
    return relations.flatMap(({ schema, name, aliases }) => {
      const named = this.#byName.get(name) ?? []
      const tables = named.filter((one) => schema === undefined || schema === one.schema)
      return tables.length === 0 ? [] : [{ tables, aliases }]
    })
  }
}

interface Found {
  readonly tables: readonly MaskedTable[]
  readonly aliases: readonly string[]
}

/** One statement that names tables with masked columns. */
class Use {
  readonly #touched: Touched
  readonly #masked: ReadonlySet<string>
  /** The tables that a name in front of a column may mean. */
  readonly #tables = new Map<string, Set<MaskedTable>>()
  /** Lists of tables that stars may mean, and whether there is one of these in it. */
  readonly #amongs = new Map<readonly string[], boolean>()

  constructor(touched: Touched, found: readonly Found[]) {
    this.#touched = touched
    this.#masked = new Set(
      found.flatMap(({ tables }) => tables.flatMap(({ masked }) => [...masked.values()])),
    )
    for (const { tables, aliases } of found)
      for (const one of aliases) {
        const all = this.#tables.get(one) ?? new Set()
        this.#tables.set(one, all)
        for (const table of tables) all.add(table)
      }
  }

  shown(): string[] {
    const { columns } = this.#touched
    return columns.filter((one) => this.#isShown(one)).map(({ parts, as }) => as ?? parts.at(-1) ?? '')
  }

  shows(): boolean {
    const { columns, stars } = this.#touched
    return columns.some((one) => this.#isShown(one)) || stars.some(({ plain }) => plain === true)
  }

  problem(): string | undefined {
    const { kind, columns, stars, names, hiding, ofResult } = this.#touched
    if (!known.has(kind)) return `${kind.replace(/Stmt$/, '')} of a table that has some`
    if (hiding[0] !== undefined) return hiding[0]
    if (this.shows() && ofResult[0] !== undefined) return `${ofResult[0]} where they are in the result`
    const others = new Set(
      columns.flatMap((one) => (this.#isShown(one) && one.as !== undefined ? one.as : [])),
    )
    for (const one of columns) {
      const problem = this.#problemOf(one, others)
      if (problem !== undefined) return problem
    }
    for (const { of, plain, among } of stars) {
      if (plain === true) continue
      const isOf = of === undefined ? among === undefined || this.#hasSome(among) : this.#tables.has(of)
      if (isOf) return `${of === undefined ? '' : `${of}.`}* in another place of the statement`
    }
    const named = names.find((one) => this.#masked.has(one))
    return named === undefined ? undefined : otherwise(named)
  }

  #hasSome(among: readonly string[]): boolean {
    const known = this.#amongs.get(among) ?? among.some((one) => this.#tables.has(one))
    this.#amongs.set(among, known)
    return known
  }

  #isShown({ parts, plain }: TouchedColumn): boolean {
    const of = parts.at(-2)
    const isOf = of === undefined || this.#tables.has(of)
    return plain === true && isOf && this.#masked.has(parts.at(-1) ?? '')
  }

  #problemOf({ parts, plain }: TouchedColumn, others: ReadonlySet<string>): string | undefined {
    const name = parts.at(-1) ?? ''
    const of = parts.at(-2)
    const tables = of === undefined ? undefined : this.#tables.get(of)
    if (tables !== undefined) {
      if (this.#masked.has(name)) return plain === true ? undefined : otherwise(parts.join('.'))
      // What is no column of it calls a function of that name with the whole row (manual, 4.2.6).
      const isOpen = ofEveryTable.includes(name) || [...tables].every(({ open }) => open.has(name))
      return isOpen ? undefined : `${parts.join('.')} is no column of it that is known here`
    }
    // A table's name stands for the whole row.
    if (this.#tables.has(name)) return `${parts.join('.')} as a whole row`
    if (of !== undefined) return undefined
    if (plain !== true && (this.#masked.has(name) || others.has(name))) return otherwise(name)
    return undefined
  }
}

function otherwise(name: string): string {
  return `${name} in another place of the statement`
}
