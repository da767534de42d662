import { flushPacket, packetLine } from './pkt-line.ts'
import type { PushRequest } from './push-request.ts'

/**
 * The answer to a push that changes nothing: a report-status in which every ref is `ng`, and the message on the side
 * band, which git shows as `remote: ...` (gitprotocol-pack, "Report Status"); without a side band in the lines
 * themselves. `reasons` are those of the refs that were refused.
 */
export function refusedPush(
  push: PushRequest,
  reasons: ReadonlyMap<string, string>,
  message: string,
): Buffer {
  const sideBand = push.capabilities.has('side-band-64k')
  const more = sideBand ? '' : `: ${message.replaceAll(/\s+/g, ' ').slice(0, maxReasonChars)}`
  const statuses = push.updates.map(({ ref }) => {
    const reason = reasons.get(ref)
    const line =
      reason === undefined ? 'not pushed: another ref of this push was refused' : `${reason}${more}`
    // A ref of any length that came in one packet goes back in one.
    return packetLine(`${Buffer.from(`ng ${ref} ${line}`).subarray(0, 65_500).toString('utf8')}\n`)
  })
  const report = Buffer.concat([packetLine('unpack ok\n'), ...statuses, flushPacket])
  if (!sideBand) return report
  return Buffer.concat([...sideBands(2, Buffer.from(`${message}\n`)), ...sideBands(1, report), flushPacket])
}

/** A message that git shows as `remote: ...`, to stand before the server's own answer; undefined without a side band. */
export function sideMessage(push: PushRequest, lines: readonly string[]): Buffer | undefined {
  if (lines.length === 0 || !push.capabilities.has('side-band-64k')) return undefined
  return Buffer.concat([...sideBands(2, Buffer.from(lines.map((line) => `${line}\n`).join('')))])
}

const maxReasonChars = 1000

function* sideBands(band: 1 | 2, bytes: Buffer): Generator<Buffer> {
  const most = 65_515
  for (let at = 0; at < bytes.length; at += most) {
    yield packetLine(Buffer.concat([Buffer.of(band), bytes.subarray(at, at + most)]))
  }
}
