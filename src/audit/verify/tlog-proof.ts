import { base64Of, parseBase64 } from './bytes.ts'
import { parseSize } from './checkpoint.ts'
import { hashBytes } from './hash.ts'
import { parseNote } from './note.ts'

/** A proof that an entry stands in a log, verifiable offline (c2sp.org/tlog-proof). */
export interface TlogProof {
  index: number
  /** From the leaf's sibling up (RFC 6962, section 2.1.1). */
  hashes: Uint8Array[]
  /** The signed checkpoint, cosignatures included, verbatim. */
  checkpoint: string
  /** Opaque and not authenticated: nothing may be trusted for standing here. */
  extra?: Uint8Array
}

const header = 'c2sp.org/tlog-proof@v1'
const maxProofHashes = 63

export function formatTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const lines = [
    header,
    ...(extra === undefined ? [] : [`extra ${base64Of(extra)}`]),
    `index ${index}`,
    ...hashes.map((hash) => base64Of(hash)),
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** The parts of a proof, nothing verified; `undefined` for what is not exactly one. */
export function parseTlogProof(text: string): TlogProof | undefined {
  const split = text.indexOf('\n\n')
  const checkpoint = text.slice(split + 2)
  const [first, ...lines] = text.slice(0, Math.max(split, 0)).split('\n')
  if (first !== header || parseNote(checkpoint) === undefined) return undefined
  const extraText = lines[0]?.startsWith('extra ') === true ? lines.shift()?.slice(6) : undefined
  const extra = extraText === undefined ? undefined : parseBase64(extraText)
  if (extraText !== undefined && extra === undefined) return undefined
  const index = parseSize(/^index (.*)$/.exec(lines.shift() ?? '')?.[1] ?? '')
  const hashes = lines.map(parseBase64)
  if (index === undefined || hashes.length > maxProofHashes || !hashes.every(isHash)) return undefined
  return { index, hashes, checkpoint, ...(extra === undefined ? {} : { extra }) }
}

function isHash(hash: Uint8Array | undefined): hash is Uint8Array {
  return hash?.length === hashBytes
}
