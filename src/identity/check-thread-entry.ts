import { parentPort } from 'node:worker_threads'
import { checksHere, type Checks } from './checks.ts'

/** What the thread is asked: which check, and with what. */
export type Question =
  | { readonly id: number; readonly check: 'proof'; readonly asked: Parameters<Checks['proof']> }
  | { readonly id: number; readonly check: 'token'; readonly asked: Parameters<Checks['token']> }

export interface Answer {
  readonly id: number
  readonly found: unknown
}

const port = parentPort
if (port === null) throw new Error('this is the thread that checks signatures, and does nothing alone')

/** Answers that are ready in the same turn go together: a message costs as much as a check. */
let ready: Answer[] = []
/** With more the other thread would wait for the last of them, and have the whole of them at once then. */
const maxTogether = 4

let turn: Promise<void> = Promise.resolve()
port.on('message', (questions: readonly Question[]) => {
  turn = turn.then(async () => {
    for (const question of questions) await answer(question)
  })
})

// A check that threw would end the thread, and whoever waits is told: there is no answer that could be taken for a yes.
async function answer(question: Question): Promise<void> {
  const found =
    question.check === 'proof'
      ? await checksHere.proof(...question.asked)
      : await checksHere.token(...question.asked)
  ready.push({ id: question.id, found })
  if (ready.length === 1) setImmediate(send)
  if (ready.length === maxTogether) send()
}

function send(): void {
  if (ready.length === 0) return
  port?.postMessage(ready)
  ready = []
}
