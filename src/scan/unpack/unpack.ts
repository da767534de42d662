import { messageOf } from '../../lib/index.ts'
import { unpackAr } from './ar.ts'
import { createBudget } from './budget.ts'
import { flowOf, flowOfBytes, flowOfPlaced, type Flow, type Placed } from './flow.ts'
import { endsAsZip, formOf } from './form.ts'
import { unpackCompressed } from './gzip.ts'
import { lfsPointerIn } from './lfs.ts'
import type { UnpackOptions } from './model.ts'
import { visitFlow, visitWhole } from './pieces.ts'
import { unpackTar } from './tar.ts'
import { visitUtf16 } from './utf-16.ts'
import { say, type Walk } from './walk.ts'
import { unpackXz } from './xz.ts'
import { unpackZip } from './zip.ts'

/** A file: in memory, read where it is needed, or as it comes. */
export type Input = Buffer | Placed | AsyncIterable<Buffer>

/**
 * Hands to `options.visit` all that the file holds, itself included unless it is an archive through and through. Resolves when all was
 * visited, or said to be unseen. Throws what the visitor throws; of what the file says, nothing.
 */
export async function unpack(name: string, input: Input, options: UnpackOptions): Promise<void> {
  const budget = createBudget(options.limits)
  const walk: Walk = {
    name,
    options,
    budget,
    depth: 0,
    encodings: 0,
    decoded: [],
    open,
    member: options.member,
  }
  const failed = (error: unknown) =>
    say(walk, 'unreadable', `it could not be read to its end: ${messageOf(error)}`)
  if (Buffer.isBuffer(input) && (options.isText === true || isPlainText(input))) {
    budget.packed(input.length)
    sayPointer(walk, input)
    return visitWhole(walk, input, false)
  }
  await open(walk, flowOfInput(input, budget.packed, failed))
}

/** Most files are such: nothing has to be taken from them piece by piece. */
function isPlainText(bytes: Buffer): boolean {
  const head = bytes.subarray(0, headBytes)
  return formOf(head) === 'plain' && !head.includes(0) && !isScript(head)
}

function isScript(head: Buffer): boolean {
  return head[0] === 0x23 && head[1] === 0x21
}

function flowOfInput(input: Input, count: (bytes: number) => void, failed: (error: unknown) => void): Flow {
  if (Buffer.isBuffer(input)) {
    count(input.length)
    return flowOfBytes(input)
  }
  if (!('readAt' in input)) return flowOf(counted(input, count), failed)
  count(input.bytes)
  return flowOfPlaced(input, failed)
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    count(chunk.length)
    yield chunk
  }
}

/** What is looked at to tell what a file is; as many bytes as git takes to tell whether it is a text. */
const headBytes = 8_000

const lfsWhy =
  'a pointer of Git LFS: what it stands for is not here; fetch it (`git lfs pull`; of a history `git lfs fetch --all`)'

function sayPointer(walk: Walk, file: Buffer): void {
  if (lfsPointerIn(file) !== undefined) say(walk, 'absent', lfsWhy)
}

async function open(walk: Walk, flow: Flow): Promise<void> {
  await flow.fill(headBytes)
  const head = flow.held.subarray(0, headBytes)
  const form = formOf(head)
  switch (form) {
    case 'gzip':
    case 'zlib':
    case 'zstd':
      return unpackCompressed(walk, flow, form)
    case 'xz':
      return unpackXz(walk, flow)
    case 'zip':
      return unpackZip(walk, flow)
    case 'tar':
      return unpackTar(walk, flow)
    case 'ar':
      return unpackAr(walk, flow)
    case 'utf-16le':
    case 'utf-16be':
      return visitUtf16(walk, flow, form)
    case 'plain': {
      if (flow.isWhole) sayPointer(walk, flow.held)
      const isBinary = head.includes(0)
      const isProgram = isBinary || isScript(head)
      return isProgram && (await endsAsZip(flow)) ? unpackZip(walk, flow) : visitFlow(walk, flow, isBinary)
    }
    default:
      say(
        walk,
        'unknown_form',
        `it is packed as ${form.unread}, which is not read: unpack it, and scan what is in it`,
      )
      return visitFlow(walk, flow, true)
  }
}
