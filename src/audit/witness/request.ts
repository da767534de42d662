import { parseBase64, parseCheckpoint, parseNote, parseSize, type Checkpoint } from '../verify/index.ts'

/** `add-checkpoint` as it came, nothing verified. */
export interface AddCheckpoint {
  oldSize: number
  proof: Uint8Array[]
  /** The signed note. */
  note: string
  checkpoint: Checkpoint
}

const maxProofLines = 63

/** The parts of a request body (tlog-witness, "add-checkpoint"), or what is wrong with it. */
export function parseAddCheckpoint(body: string): AddCheckpoint | string {
  const split = body.indexOf('\n\n')
  if (split === -1) return 'an empty line has to stand before the checkpoint'
  const [first = '', ...lines] = body.slice(0, split).split('\n')
  const oldSize = parseSize(/^old (.*)$/.exec(first)?.[1] ?? '')
  if (oldSize === undefined) return 'the first line has to be "old" and a size'
  if (lines.length > maxProofLines) return `at most ${maxProofLines} lines of proof`
  const proof: Uint8Array[] = []
  for (const line of lines) {
    const hash = parseBase64(line)
    if (hash?.length !== 32) return 'a line of the proof is not the base64 of a hash'
    proof.push(hash)
  }
  const note = body.slice(split + 2)
  const text = parseNote(note)?.text
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text)
  if (checkpoint === undefined) return 'the checkpoint is malformed'
  if (oldSize > checkpoint.size)
    return `the old size ${oldSize} is greater than the checkpoint's ${checkpoint.size}`
  return { oldSize, proof, note, checkpoint }
}
