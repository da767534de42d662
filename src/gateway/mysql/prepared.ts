import type { Judged } from './judge.ts'

const maxPrepared = 10_000
/** MariaDB, COM_STMT_EXECUTE: the statement that was prepared last. */
const lastOne = 0xffffffff

/** Statements that were prepared in a session, by the server's numbers: none is done that was not judged. */
export interface Prepared {
  isFull(): boolean
  /** From here on the last one is another, or none if it fails. */
  begins(): void
  add(statement: number, judged: Judged): void
  /** What a command is about. In its packet the number is written out, so that the server means the same one. Undefined for an unknown one. */
  find(body: Buffer): Judged | undefined
  delete(body: Buffer): void
  clear(): void
}

export function createPrepared(): Prepared {
  const all = new Map<number, Judged>()
  let last: number | undefined
  const numberIn = (body: Buffer) => {
    const number = body.length < 5 ? undefined : body.readUInt32LE(1)
    return number === lastOne ? last : number
  }
  return {
    isFull: () => all.size >= maxPrepared,
    begins: () => void (last = undefined),
    add(statement, judged) {
      all.set(statement, judged)
      last = statement
    },
    find(body) {
      const number = numberIn(body)
      const judged = number === undefined ? undefined : all.get(number)
      if (judged !== undefined && number !== undefined) body.writeUInt32LE(number, 1)
      return judged
    },
    delete: (body) => void all.delete(numberIn(body) ?? lastOne),
    clear() {
      all.clear()
      last = undefined
    },
  }
}
