import { messageOf } from '../../lib/index.ts'
import { createBudget } from './budget.ts'
import { flowOf, flowOfBytes, flowOfPlaced, type Flow, type Placed } from './flow.ts'
import type { UnpackOptions } from './model.ts'
import { createPieces, visitFlow } from './pieces.ts'
import { utf16Of, utf8From } from './utf-16.ts'
import { say, type Walk } from './walk.ts'

/** A file: in memory, read where it is needed, or as it comes. */
export type Input = Buffer | Placed | AsyncIterable<Buffer>

/**
 * Hands to `options.visit` all that the file holds, itself included unless it is an archive through and through. Resolves when all was
 * visited, or said to be unseen. Throws what the visitor throws; of what the file says, nothing.
 */
export async function unpack(name: string, input: Input, options: UnpackOptions): Promise<void> {
  const walk = { name, options, budget: createBudget(options.limits), depth: 0, decoded: [] }
  const flow = flowOfInput(input, (error) =>
    say(walk, 'unreadable', `it could not be read to its end: ${messageOf(error)}`),
  )
  await unpackFlow(walk, flow)
}

function flowOfInput(input: Input, failed: (error: unknown) => void): Flow {
  if (Buffer.isBuffer(input)) return flowOfBytes(input)
  return 'readAt' in input ? flowOfPlaced(input, failed) : flowOf(input, failed)
}

/** What is looked at to tell what a file is; as many bytes as git takes to tell whether it is a text. */
const headBytes = 8_000

async function unpackFlow(walk: Walk, flow: Flow): Promise<void> {
  await flow.fill(headBytes)
  const head = flow.held.subarray(0, headBytes)
  const encoding = utf16Of(head)
  if (encoding !== undefined) return visitUtf16(walk, flow, encoding)
  await visitFlow(walk, flow, head.includes(0))
}

/** Its bytes are looked at as they are, too: two bytes in front make no text of UTF-16. */
async function visitUtf16(walk: Walk, flow: Flow, encoding: 'utf-16le' | 'utf-16be'): Promise<void> {
  const raw = createPieces(walk, true)
  const text = createPieces({ ...walk, decoded: [...walk.decoded, 'utf-16'] }, false)
  for await (const bytes of utf8From(flow, encoding, (piece) => raw.add(piece))) await text.add(bytes)
  await raw.end()
  await text.end()
}
