import type { Names, Statement } from './statement.ts'
import type { Fault } from './wire.ts'
import { needsOf, type Need, type Surroundings } from './sql/needs.ts'
import type { Reading, Use } from './sql/reading.ts'

/** A statement of a session that is limited to what its grants say. */
export interface LimitedStatement extends Statement {
  readonly reading: Reading
}

/** What a statement comes to, with all that it does by name. */
export interface Needed {
  readonly needs: readonly Need[]
  /** Of cursors that it reads: what was asked for when they were made has to hold still. */
  readonly held: readonly Need[]
  /** As it is recorded, and shown to people: with what its names stand for. */
  readonly shape: string
  readonly isWhole: boolean
}

const shapeChars = 6_000
/** A text may execute many prepared ones. */
const maxUses = 20_000

/** `problemOf`: why a prepared statement is not to be executed by a text. */
export function neededBy(
  statement: LimitedStatement,
  names: Names<LimitedStatement>,
  surroundings: Surroundings,
  problemOf: (reading: Reading) => Fault | undefined,
): Needed | Fault {
  const seen = new Set<Reading>()
  const cursors = new Set<LimitedStatement>()
  const meanings: string[] = []
  let [isWhole, isFromFunction, uses, chars] = [true, false, 0, statement.shape.length]

  function visit({ reading }: LimitedStatement): Fault | undefined {
    seen.add(reading)
    isWhole &&= reading.isWhole
    uses += reading.uses.length
    if (uses > maxUses) return error('54000', 'mayfly: one text executes too many prepared statements')
    for (const name of reading.fetches) {
      if (names.portal(name) !== undefined)
        return error(
          '42501',
          `mayfly: "${name}" was bound by the protocol: it is done by Execute, not by FETCH`,
        )
      const made = names.cursor(name)
      if (made.length === 0 && names.hasForgotten)
        return error(
          '54000',
          `mayfly: the session has made too many cursors: what "${name}" reads is not known any more`,
        )
      // A function may have made it, on what the function may read.
      if (made.length === 0) isFromFunction = true
      for (const one of made) cursors.add(one)
    }
    for (const name of reading.executes) {
      const prepared = names.prepared(name)
      if (prepared === undefined) return error('26000', `prepared statement "${name}" does not exist`)
      mean(name, prepared)
      for (const one of prepared) {
        const fault = problemOf(one.reading) ?? (seen.has(one.reading) ? undefined : visit(one))
        if (fault !== undefined) return fault
      }
    }
    return undefined
  }

  function mean(name: string, prepared: readonly LimitedStatement[]): void {
    const meaning = `"${name}" is ${prepared.map(({ shape }) => shape).join(' or ')}`
    chars += meaning.length
    if (chars <= shapeChars) meanings.push(meaning)
    else isWhole = false
  }

  const fault = visit(statement)
  if (fault !== undefined) return fault
  const usesOf = (all: Iterable<Reading>) => [...all].flatMap((one) => one.uses)
  const ofCursors = [...cursors].map(({ reading }) => reading)
  const some: Use[] = isFromFunction ? [{ verb: 'read', of: 'session' }] : []
  return {
    needs: needsOf(usesOf(seen), surroundings),
    held: needsOf([...some, ...usesOf(ofCursors)], surroundings),
    shape: meanings.length === 0 ? statement.shape : `${statement.shape} (${meanings.join('; ')})`,
    isWhole,
  }
}

function error(code: string, message: string): Fault {
  return { severity: 'ERROR', code, message }
}
