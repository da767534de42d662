import { connectionProblem } from '../../lib/index.ts'
import {
  createTileHashes,
  type LogSource,
  parseCheckpoint,
  parseNote,
  parseSignatureLines,
  parseSize,
  type PolicyWitness,
  proveConsistency,
  signatureLine,
  verifyCosignature,
} from '../verify/index.ts'

/** What a witness made of a checkpoint. */
export type Cosigned =
  | { ok: true; line: string }
  /** It cannot be asked, or gave no sense: nothing is known. */
  | { ok: false; reason: 'unreachable'; message: string }
  /** It names another size with every answer: others show it checkpoints of this log meanwhile. */
  | { ok: false; reason: 'undecided'; message: string }
  /** It has seen more entries than this log has. */
  | { ok: false; reason: 'rolled_back'; size: number }
  /** It has cosigned a history that this one does not extend. */
  | { ok: false; reason: 'forked'; message: string }

export interface WitnessClient {
  readonly name: string
  /** Asks for a cosignature of a signed checkpoint of this log. Never rejects. */
  cosign(note: string, timeoutMs: number): Promise<Cosigned>
  /** The last checkpoint that it cosigned, as it shows it to monitors; `undefined` if it cannot be had. */
  latest(originHash: string, timeoutMs: number): Promise<string | undefined>
}

const maxAnswerBytes = 65_536

/** Our side of tlog-witness. `source` has the tiles of every checkpoint that is handed in. */
export function createWitnessClient(
  witness: PolicyWitness & { url: string },
  source: LogSource,
  fetcher: typeof fetch,
): WitnessClient {
  const prefix = witness.url.endsWith('/') ? witness.url : `${witness.url}/`
  // Asked once with "old 0", a witness that knows more says so (tlog-witness, "add-checkpoint").
  let knownSize = 0

  async function ask(note: string, signal: AbortSignal): Promise<Cosigned> {
    const checkpoint = parseCheckpoint(parseNote(note)?.text ?? '')
    if (checkpoint === undefined) return unreachable('what was to be cosigned is no checkpoint')
    // Twice: a size that the witness corrects is the last word but one.
    for (let attempt = 0; attempt < 3; attempt++) {
      const proof = await proveConsistency(
        createTileHashes(source, checkpoint.size),
        knownSize,
        checkpoint.size,
      )
      const head = [`old ${knownSize}`, ...proof.map((hash) => hash.toBase64())].join('\n')
      const answer = await post(`${head}\n\n${note}`, signal)
      if (answer.status === 200) return await accept(note, checkpoint.size, answer.body)
      if (answer.status !== 409) return refused(answer)
      const size = parseSize(answer.body.trim())
      if (size === undefined) return unreachable('it answered 409 without a size')
      if (size > checkpoint.size) return { ok: false, reason: 'rolled_back', size }
      knownSize = size
    }
    return { ok: false, reason: 'undecided', message: 'it changed its mind about the size three times' }
  }

  async function accept(note: string, size: number, body: string): Promise<Cosigned> {
    const { verifier } = witness
    const lines = (parseSignatureLines(body) ?? []).map(signatureLine)
    for (const line of lines) {
      // Of what it sends only the signature of the key that we know is passed on.
      if ((await verifyCosignature(note + line, verifier)) === undefined) continue
      knownSize = size
      return { ok: true, line }
    }
    return unreachable('its answer is not signed by its key')
  }

  async function post(body: string, signal: AbortSignal): Promise<{ status: number; body: string }> {
    const url = new URL('add-checkpoint', prefix)
    const response = await fetcher(url, { method: 'POST', body, signal, redirect: 'error' })
    return { status: response.status, body: await readText(response) }
  }

  return {
    name: witness.name,
    async cosign(note, timeoutMs) {
      try {
        return await ask(note, AbortSignal.timeout(timeoutMs))
      } catch (error) {
        return unreachable(connectionProblem(error))
      }
    },
    async latest(originHash, timeoutMs) {
      try {
        const url = new URL(`${originHash}/checkpoint`, prefix)
        const response = await fetcher(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
        return response.ok ? await readText(response) : undefined
      } catch {
        return undefined
      }
    },
  }
}

function refused(answer: { status: number; body: string }): Cosigned {
  // It is shown on terminals: one line, and nothing in it that moves a cursor.
  const message = answer.body.replaceAll(/[\s\p{C}]+/gu, ' ').slice(0, 200)
  return answer.status === 422
    ? { ok: false, reason: 'forked', message }
    : unreachable(`it answered ${answer.status}: ${message}`)
}

function unreachable(message: string): Cosigned {
  return { ok: false, reason: 'unreachable', message }
}

async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  let bytes = Buffer.alloc(0)
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    bytes = Buffer.concat([bytes, next.value])
    if (bytes.length <= maxAnswerBytes) continue
    await reader?.cancel()
    throw new Error(`it sent more than ${maxAnswerBytes} bytes`)
  }
  return bytes.toString()
}
