import { flushPacket, packetLine } from './pkt-line.ts'
import type { PushRequest } from './push-request.ts'

/**
 * The answer to a push that upstream never sees: a report-status in which every ref is `ng`, and the message on
 * the side band, which git shows as `remote: ...` (gitprotocol-pack, "Report Status").
 */
export function refusedPush(push: PushRequest, refused: ReadonlySet<string>, message: string): Buffer {
  const statuses = push.updates.map(({ ref }) =>
    packetLine(
      `ng ${ref} ${refused.has(ref) ? 'not granted' : 'not pushed: another ref of this push was refused'}\n`,
    ),
  )
  const report = Buffer.concat([packetLine('unpack ok\n'), ...statuses, flushPacket])
  if (!push.capabilities.has('side-band-64k')) return report
  return Buffer.concat([...sideBand(2, Buffer.from(`${message}\n`)), ...sideBand(1, report), flushPacket])
}

function* sideBand(band: 1 | 2, bytes: Buffer): Generator<Buffer> {
  const most = 65_515
  for (let at = 0; at < bytes.length; at += most) {
    yield packetLine(Buffer.concat([Buffer.of(band), bytes.subarray(at, at + most)]))
  }
}
