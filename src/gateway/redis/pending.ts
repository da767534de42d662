import type { Frame } from './reply-frames.ts'

/** A question that has no answer yet. */
export type Question =
  | { readonly is: 'passes' }
  | { readonly is: 'hello' }
  | { readonly is: 'instead'; readonly instead: Buffer }
  | { readonly is: 'subscription'; isAnswered: boolean }

/** What one costs in memory beside its text. */
const overhead = 64

/** What the server says of subscriptions, in RESP2 as arrays among the answers (redis.io/docs/latest/develop/pubsub). */
const confirmations: ReadonlySet<string> = new Set(
  ['', 'p', 's'].flatMap((mark) => [`${mark}subscribe`, `${mark}unsubscribe`]),
)
const errors: ReadonlySet<string> = new Set(['-', '!'])
const messages: ReadonlySet<string> = new Set(['message', 'pmessage', 'smessage'])

export type Pending = ReturnType<typeof createPending>

/** Questions in their order, and which reply is for which. Those whose answers pass are counted only: there may be millions. */
export function createPending() {
  const questions: (Exclude<Question, { is: 'passes' }> | { readonly is: 'passes'; count: number })[] = []
  let head = 0
  let held = 0
  let protocol = 2
  /** Channels and patterns, as the server counts them. */
  let subscriptions = 0
  let isOver = false
  let waiting: { readonly isSo: () => boolean; readonly resolve: () => void }[] = []

  const first = () => questions[head]

  function wake(): void {
    const [now, later] = [waiting.filter(({ isSo }) => isOver || isSo()), waiting]
    waiting = later.filter((one) => !now.includes(one))
    for (const { resolve } of now) resolve()
  }

  function shift(): void {
    const one = first()
    if (one === undefined) return
    if (one.is === 'passes' && --one.count > 0) return
    if (one.is === 'instead') held -= one.instead.length + overhead
    head++
    // Taking them off one by one would cost the length of the queue each time.
    if (head > 1_000 && head * 2 > questions.length) {
      questions.splice(0, head)
      head = 0
    }
    if (waiting.length > 0) wake()
  }

  /** Nobody asked for it: in RESP2 it looks like an answer, and comes only to whoever has subscribed, or is about to. */
  function isUnasked({ mark, word }: Frame): boolean {
    if (mark === '>') return true
    if (protocol !== 2 || mark !== '*') return false
    return (
      (subscriptions > 0 || first()?.is === 'subscription') && (confirmations.has(word) || messages.has(word))
    )
  }

  return {
    add(question: Question): void {
      const last = questions.at(-1)
      if (question.is === 'instead') held += question.instead.length + overhead
      if (question.is !== 'passes') questions.push(question)
      else if (last?.is === 'passes' && head < questions.length) last.count++
      else questions.push({ is: 'passes', count: 1 })
    },
    /** Whether the client does not get the reply that begins with this byte. */
    isDropped(byte: number | undefined): boolean {
      const one = first()
      const mark = byte === undefined ? '' : String.fromCodePoint(byte)
      return errors.has(mark) && (one?.is === 'instead' || (one?.is === 'subscription' && one.isAnswered))
    },
    /** Takes the question that it answers off; returns what the client is told in its place. Throws `RangeError`. */
    answeredBy(frame: Frame): Buffer | undefined {
      const one = first()
      if (isUnasked(frame)) {
        if (!confirmations.has(frame.word)) return undefined
        subscriptions = Number(/^:([0-9]{1,9})\r\n$/.exec(frame.last)?.[1] ?? subscriptions)
        if (one?.is === 'subscription') one.isAnswered = true
        return undefined
      }
      if (one?.is === 'subscription' && !one.isAnswered) {
        one.isAnswered = true
        return undefined
      }
      if (one?.is === 'hello' && !errors.has(frame.mark)) protocol = frame.mark === '%' ? 3 : 2
      const mustFail = one?.is === 'instead' || one?.is === 'subscription'
      if (mustFail && !errors.has(frame.mark)) throw new RangeError('what must fail does not')
      shift()
      return one?.is === 'instead' ? one.instead : undefined
    },
    /** Of answers that stand in for others. */
    heldBytes: () => held,
    isEmpty: () => head >= questions.length,
    async until(isSo: () => boolean): Promise<void> {
      if (isOver || isSo()) return
      await new Promise<void>((resolve) => waiting.push({ isSo, resolve }))
    },
    /** No more answers come. */
    end(): void {
      isOver = true
      wake()
    },
  }
}
