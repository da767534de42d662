import { createHash } from 'node:crypto'
import { sha256Hex } from '../lib/index.ts'
import type { Exchange, Permit } from './exchange.ts'
import type { Look, LookVerdict, SentPlace } from './look.ts'

const maxLines = 6

type Content = Buffer | (() => AsyncIterable<Buffer>)

/** `unchanging`: what of it is the same when a client sends the same again, by a text that no other has. */
type SentFile = Content | { readonly bytes: Buffer; readonly unchanging: string }

/**
 * Of what is published in one piece: the permission by which it may go now, or why it is refused, for the step. `files` are all of it, by
 * name: a person's yes is for just these, for what is said beside the file as for the file.
 */
export async function lookAtFiles(
  exchange: Exchange,
  permit: Permit,
  { place, what }: { readonly place: SentPlace; readonly what: string },
  files: Readonly<Record<string, SentFile>>,
): Promise<Permit | string> {
  const digests: string[] = []
  const look = exchange.look(place, what, () => sha256Hex(JSON.stringify(digests)))
  if (look === undefined) return permit
  for (const [name, file] of Object.entries(files))
    if ('unchanging' in file) {
      await look.add(name, file.bytes)
      digests.push(name, sha256Hex(file.unchanging))
    } else digests.push(name, await lookAtOne(look, name, file))
  return permitAfter(exchange, permit, await look.finish())
}

/** Returns its SHA-256. */
async function lookAtOne(look: Look, name: string, content: Content): Promise<string> {
  if (Buffer.isBuffer(content)) {
    await look.add(name, content)
    return sha256Hex(content)
  }
  const hash = createHash('sha256')
  const stream = look.stream(name)
  try {
    for await (const piece of content()) {
      hash.update(piece)
      await stream.write(piece)
    }
    stream.end()
  } catch (error) {
    stream.leave()
    throw error
  }
  return hash.digest('hex')
}

/** The permission by which it may go on, or why not. */
export async function permitAfter(
  exchange: Exchange,
  permit: Permit,
  verdict: LookVerdict,
): Promise<Permit | string> {
  const refusal = refusalOf(verdict)
  if (refusal !== undefined) return refusal
  const renewed = await exchange.renewed(permit)
  return renewed.allow ? renewed : renewed.message.replace(/^mayfly: /, '')
}

export function refusalOf(verdict: LookVerdict): string | undefined {
  if (verdict.ok) return undefined
  const { lines } = verdict
  const more = lines.length > maxLines ? [`${lines.length - maxLines} more lines in the audit log`] : []
  return `secrets were found in it, or it could not be looked at: ${[...lines.slice(0, maxLines), ...more].join('; ')}`
}
