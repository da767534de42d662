import { createInterface } from 'node:readline/promises'
import { MayflyError } from '../lib/index.ts'

/** One thing that the files do not show. */
export interface Question {
  /** What it is, for a person. */
  readonly text: string
  /** The option that answers it without asking. */
  readonly option: string
  readonly isAnswer: (text: string) => boolean
}

/**
 * Asks a person at a terminal, again until the answer can be one. Throws `bad_input`, with the option that would have answered, where
 * nobody is there to be asked, and `denied` where they left.
 */
export async function ask(question: Question, isAsking: boolean): Promise<string> {
  if (!isAsking || !process.stdin.isTTY)
    throw new MayflyError('bad_input', `say ${question.option}: ${question.text}`)
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new AbortController()
  lines.once('SIGINT', () => gone.abort()).once('close', () => gone.abort())
  try {
    for (;;) {
      const answer = await lines.question(`${question.text} (${question.option}): `, { signal: gone.signal })
      if (question.isAnswer(answer.trim())) return answer.trim()
    }
  } catch (cause) {
    throw new MayflyError('denied', 'nothing was done', { cause })
  } finally {
    lines.close()
  }
}
