import type { LoggedEntry } from '../sign/index.ts'
import { jsonIn, objectIn, post, unusable, type Json, type Service } from './services.ts'

/**
 * Puts a `hashedrekord` entry into a log of Rekor v2 (`POST /api/v2/log/entries`), which answers when a checkpoint is out that has it.
 * `entry` is what has to stand in the log. Whether the proof holds, and who signed the checkpoint, is looked at elsewhere.
 */
export async function addToRekor(rekor: Service, entry: Uint8Array): Promise<Omit<LoggedEntry, 'timestamp'>> {
  const answer = await post(rekor, '/api/v2/log/entries', {
    ...{ type: 'application/json', bytes: JSON.stringify({ hashedRekordRequestV002: requestOf(entry) }) },
  })
  const said = jsonIn(answer)
  const proof = objectIn(said['inclusionProof'])
  const { envelope } = objectIn(proof['checkpoint'])
  const body = bytesIn(said['canonicalizedBody'])
  if (body === undefined || !body.equals(entry))
    throw unusable(rekor.name, 'another entry than the one that it was given')
  const index = countIn(said['logIndex'] ?? '0')
  const hashes = Array.isArray(proof['hashes']) ? (proof['hashes'] as unknown[]).map(bytesIn) : undefined
  const head = typeof envelope === 'string' && envelope.length < 65_536 ? headOf(envelope) : undefined
  if (index === undefined || hashes === undefined || hashes.length > 64 || head === undefined)
    throw unusable(rekor.name, 'no index, proof and checkpoint')
  const whole = hashes.filter((hash) => hash?.length === 32).filter((hash) => hash !== undefined)
  if (whole.length !== hashes.length) throw unusable(rekor.name, 'a proof that is none')
  return { index, ...head, hashes: whole, checkpoint: String(envelope) }
}

/** The entry's digest, signature and verifier, as the request has them. */
function requestOf(entry: Uint8Array): Json {
  const { spec } = JSON.parse(Buffer.from(entry).toString('utf8')) as {
    spec: { hashedRekordV002: { data: { digest: string }; signature: unknown } }
  }
  const { data, signature } = spec.hashedRekordV002
  return { digest: data.digest, signature }
}

/**
 * Size and root from the checkpoint itself: beside it, Rekor's documentation says, they are not to be relied on (CLIENTS.md).
 */
function headOf(checkpoint: string): { treeSize: number; rootHash: Buffer } | undefined {
  const [, size, root] = checkpoint.split('\n')
  const treeSize = countIn(size)
  const rootHash = bytesIn(root)
  return treeSize === undefined || rootHash?.length !== 32 ? undefined : { treeSize, rootHash }
}

/** A whole number; JSON of protocol buffers has 64-bit numbers as text. */
function countIn(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || !/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined
  return Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

function bytesIn(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || value.length > 65_536) return undefined
  const bytes = Buffer.from(value, 'base64')
  return bytes.toString('base64') === value ? bytes : undefined
}
