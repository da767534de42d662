import { z } from 'zod'
import type { AuditClient } from '../../audit/client/index.ts'
import type { KnownLook, KnownPlace } from '../../inspection/index.ts'
import { MayflyError, limits, type Clock } from '../../lib/index.ts'
import { createGuessBrake } from '../guess-brake.ts'
import { createKnownMeter } from '../known-meter.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Call, type Route } from '../route.ts'
import { whoAsks } from '../who-asks.ts'
import { HttpProblem } from '../wire-error.ts'

const place = z.object({
  start: z.int().describe('In the bytes that were sent.'),
  end: z.int(),
  fingerprint: z.string().describe('By which scan.allow of mayfly.yaml names it.'),
  secret: z.string().optional(),
  version: z.int().optional(),
  connection: z.string().optional().describe('A credential that a step was given for it.'),
  step: z.string().optional(),
})

const longestFile = 300

/**
 * An operator sends what they scan, and is told which secrets of the vault stand where in it: neither a value nor what proves one leaves the
 * server, and nothing of what was sent is kept. What could be guessed is not answered; who sends what begins as secrets do, over and over,
 * waits.
 */
export function knownScanRoute(deps: { known: KnownLook; audit: AuditClient; clock: Clock }): Route {
  const { known, audit, clock } = deps
  const meter = createKnownMeter(clock)
  const brake = createGuessBrake(clock)

  function refuseTooMuch(who: string, bytes: number): void {
    const seconds = brake.waits(who) || meter.take(who, bytes)
    if (seconds > 0) throw tooMuch('this is more than one operator may ask about at once', seconds)
  }

  /** Before it is answered: what nobody can look up later is not told. */
  async function record(call: Call, who: string, places: readonly KnownPlace[]): Promise<void> {
    const file = fileOf(call)
    const news = new Map(
      places
        .map((one) => [`${one.fingerprint} ${file}`, one] as const)
        .filter(([what]) => !meter.isRecorded(who, what)),
    )
    const bytes = meter.unrecorded(who)
    const events = [
      ...(bytes === undefined ? [] : [operatorEvent(call, 'scan.asked', { bytes })]),
      ...(news.size === 0 ? [] : [operatorEvent(call, 'scan.known', knownEntry(file, [...news.values()]))]),
    ]
    for (const event of events) await audit.append(event)
    meter.recorded(who, bytes, [...news.keys()])
  }

  return {
    method: 'POST',
    path: '/v1/scan/known',
    summary:
      'Which secrets of the vault stand in these bytes, and where; with ?file= as whoever scans names it. `whole`: all could be looked at',
    auth: 'secret:scan',
    bodyType: 'bytes',
    response: z.object({ places: z.array(place), whole: z.boolean() }),
    ...withBody(z.unknown(), async (call, bytes) => {
      if (!Buffer.isBuffer(bytes) || bytes.length > limits.apiBodyBytes)
        throw new MayflyError('bad_input', 'what is scanned is application/octet-stream')
      const who = whoAsks(call)
      refuseTooMuch(who, bytes.length)
      const looked = await known.look(bytes, who)
      if (looked === undefined) throw tooMuch('too many scans ask at once', 2)
      const { places, isWhole, tries } = looked
      meter.tried(who, tries)
      if (!isWhole) brake.wrong(who)
      await record(call, who, places)
      return {
        whole: isWhole,
        places: places.map((one) => ({
          ...{ start: one.start, end: one.end, fingerprint: one.fingerprint },
          ...ownerOf(one),
        })),
      }
    }),
  }
}

function tooMuch(what: string, seconds: number): HttpProblem {
  return new HttpProblem({
    ...{ status: 429, code: 'denied', headers: { 'retry-after': String(seconds) } },
    detail: `${what}: try again in ${seconds} s`,
  })
}

function knownEntry(file: string, places: readonly KnownPlace[]): Record<string, unknown> {
  return {
    ...(file === '' ? {} : { file }),
    secrets: places.map((one) => ({ ...ownerOf(one), fingerprint: one.fingerprint })),
  }
}

function ownerOf({ owner }: KnownPlace): Record<string, unknown> {
  return owner.kind === 'secret'
    ? { secret: owner.secret, version: owner.version }
    : { connection: owner.connection, step: owner.step }
}

/** The operator's own word. */
function fileOf({ query }: Call): string {
  const { file } = query
  return typeof file === 'string' ? file.slice(0, longestFile).toWellFormed() : ''
}
