import type { Exchange } from './exchange.ts'
import type { LookVerdict, SentPlace } from './look.ts'

const maxLines = 6

/** Of what is published in one piece: why it is refused, for the step; undefined if it may go, or is not looked at. */
export async function lookAtFiles(
  exchange: Exchange,
  { place, what, same }: { readonly place: SentPlace; readonly what: string; readonly same?: string },
  files: Readonly<Record<string, Buffer | (() => AsyncIterable<Buffer>)>>,
): Promise<string | undefined> {
  const look = exchange.look(place, what, same)
  if (look === undefined) return undefined
  for (const [name, content] of Object.entries(files)) {
    if (Buffer.isBuffer(content)) {
      await look.add(name, content)
      continue
    }
    const stream = look.stream(name)
    try {
      for await (const piece of content()) await stream.write(piece)
      stream.end()
    } catch (error) {
      stream.leave()
      throw error
    }
  }
  return refusalOf(await look.finish())
}

export function refusalOf(verdict: LookVerdict): string | undefined {
  if (verdict.ok) return undefined
  const { lines } = verdict
  const more = lines.length > maxLines ? [`${lines.length - maxLines} more lines in the audit log`] : []
  return `secrets were found in it, or it could not be looked at: ${[...lines.slice(0, maxLines), ...more].join('; ')}`
}
