import type { Change } from './session-names.ts'
import type { Statement } from './statement.ts'
import { ProtocolFault } from '../read-exactly.ts'

/** What was sent to the server and is not answered. */
export interface Asked<S extends Statement> {
  readonly as: 'parse' | 'bind' | 'close' | 'describe' | 'execute' | 'query' | 'call' | 'sync'
  readonly statements?: readonly S[]
  /** It stands for one that is refused, and fails: this is what the client is told in place of the server's words. */
  readonly refusal?: Buffer
  readonly change?: Change
  /** It was the gateway that asked: the client hears nothing of the answer. */
  readonly isOurs?: true
  /** How many copies the client had ended when it was sent. */
  readonly copiesEnded: number
}

/** A client that sends on without reading is made to wait. */
const maxAsked = 10_000

/**
 * The server answers in order, so that each of its messages belongs to one of ours (manual, 55.2). After an error it passes over
 * all that comes until a Sync.
 */
export class Pending<S extends Statement> {
  #asked: Asked<S>[] = []
  #first = 0
  /** It passes over what comes until a Sync. */
  #skips = false
  #wake: (() => void) | undefined
  #isOver = false
  copiesEnded = 0
  /** Counts what the server answers with ReadyForQuery: if it passes something over, then to the end of that turn. */
  turn = 1
  /** The server takes the data of a COPY now, and nothing else. */
  copiesIn = false

  get head(): Asked<S> | undefined {
    return this.#asked[this.#first]
  }

  get skips(): boolean {
    return this.#skips
  }

  /** Nothing may follow a simple query before it is answered, but the data of its COPY. */
  get isClosed(): boolean {
    if (this.#isOver) return false
    const last = this.#asked.at(-1)
    return last?.as === 'query' || last?.as === 'call' || this.#asked.length - this.#first >= maxAsked
  }

  ask(one: Omit<Asked<S>, 'copiesEnded'>): void {
    if (one.as === 'sync') this.#skips = false
    else if (this.#skips) return one.change?.undo()
    this.#asked.push({ ...one, copiesEnded: this.copiesEnded })
    if (one.as === 'sync' || one.as === 'query' || one.as === 'call') this.turn++
    // What comes behind one that will fail is passed over as well; a simple query is no part of a pipeline.
    if (one.refusal !== undefined && one.as !== 'query') this.#skips = true
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Until that may change. */
  changed(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  /** Nothing is answered any more: nobody is to wait for it. */
  over(): void {
    this.#isOver = true
    this.#answer()
  }

  #answer(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** The head is answered. Throws `ProtocolFault` if it is none of these. */
  answered(...as: readonly Asked<S>['as'][]): Asked<S> {
    const { head } = this
    if (head === undefined || !as.includes(head.as))
      throw new ProtocolFault(`it answers ${as[0]} where ${head?.as ?? 'nothing'} was asked`)
    this.#first++
    if (this.#first > 1_000 || this.#first === this.#asked.length) {
      this.#asked = this.#asked.slice(this.#first)
      this.#first = 0
    }
    head.change?.settle()
    this.#answer()
    return head
  }

  /** An error: a simple query goes on to its end, all else is passed over until a Sync. */
  failed(): Asked<S> | undefined {
    const { head } = this
    this.copiesIn = false
    if (head === undefined || head.as === 'query' || head.as === 'call' || head.as === 'sync') return head
    const rest = this.#asked.slice(this.#first)
    const sync = rest.findIndex(({ as }) => as === 'sync')
    const passedOver = sync === -1 ? rest : rest.slice(0, sync)
    for (const one of passedOver.toReversed()) one.change?.undo()
    this.#asked = sync === -1 ? [] : rest.slice(sync)
    this.#first = 0
    this.#skips = sync === -1
    this.#answer()
    return head
  }

  /**
   * The server waits for the data of a COPY. What came before the end of that data is passed over if it is a Sync, and an error
   * otherwise, by which client and server would lose each other: throws `ProtocolFault`.
   */
  copies(): void {
    const { head } = this
    if (head === undefined) throw new ProtocolFault('it wants data that nobody has')
    // Its end may have been sent before it was asked for.
    this.copiesIn = head.copiesEnded === this.copiesEnded
    const rest = this.#asked.slice(this.#first + 1)
    const eaten = rest.filter((one) => one.copiesEnded === head.copiesEnded)
    if (eaten.some(({ as }) => as !== 'sync'))
      throw new ProtocolFault('the client sends another message where the data of a COPY belongs')
    this.#asked = [head, ...rest.slice(eaten.length)]
    this.#first = 0
    this.#answer()
  }
}
