import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Step } from '../broker/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Honey, Planted } from '../honey/index.ts'
import { createMasker, type Masker } from '../mask/index.ts'
import type { Findings } from './findings.ts'

/**
 * Looks for planted credentials in what steps send. It changes nothing: the request goes on, or is refused, as any other is, and
 * the step is told nothing of it.
 */
export interface HoneyLook {
  /** In the address, the headers and the beginning of the body, whatever the connection. */
  request(step: Step, connection: Connection, request: IncomingMessage, response: ServerResponse): void
  /** Is it a host that only planted files name? */
  host(step: Step, host: string, port: number): void
}

/** What of a body is looked at. */
const bodyBytes = 65_536

type Where = 'address' | 'headers' | 'body'

export function createHoneyLook(deps: { honey: Honey; findings: Findings }): HoneyLook {
  const { honey, findings } = deps
  const maskers = new WeakMap<Step, Promise<Masker | undefined>>()

  /** Finds the step's own values in every form in which the masker knows them. */
  function maskerOf(step: Step): Promise<Masker | undefined> {
    const known = maskers.get(step) ?? makeMasker(step)
    maskers.set(step, known)
    return known
  }

  async function makeMasker(step: Step): Promise<Masker | undefined> {
    const planting = await honey.plant(step)
    return planting && createMasker(planting.secrets.map(({ value }) => value))
  }

  function touched(
    step: Step,
    planted: Pick<Planted, 'place'> & Partial<Planted>,
    how: Readonly<Record<string, unknown>>,
  ): void {
    const whose = { run: step.session.runId, step: step.id, name: step.name, role: step.role, ...planted }
    const key = `${whose.step} ${whose.place} ${JSON.stringify(how)}`
    findings.found(step, 'honey.touched', key, { planted: whose, ...how })
  }

  async function look(step: Step, host: string, where: Where, text: string): Promise<void> {
    const how = { how: 'sent', where, host }
    const masker = await maskerOf(step)
    const own = new Set<string>()
    const stream = masker?.stream((place) => own.add(place))
    stream?.write(Buffer.from(text, 'latin1'))
    stream?.end()
    for (const place of own) touched(step, { place }, how)
    // What another step was planted with, and this one has: it came by files, or from outside.
    for (const planted of await honey.find(`${text}\n${basicIn(text)}`))
      if (planted.step !== step.id) touched(step, planted, how)
  }

  // What cannot be looked at now is no reason to stop the step's work.
  const start = (...asked: Parameters<typeof look>) => void look(...asked).catch(() => undefined)

  return {
    request(step, { host }, request, response) {
      if (honey.config() === undefined) return
      start(step, host, 'address', plain(request.url ?? ''))
      start(step, host, 'headers', request.rawHeaders.join('\n'))
      watchBody(request, response, (head) => start(step, host, 'body', head))
    },
    host(step, host, port) {
      if (honey.config()?.hosts.includes(host) !== true) return
      touched(step, { place: `host:${host}` }, { how: 'asked', host, port })
    },
  }
}

/**
 * Reads along: whoever handles the request gets every byte as it comes, at its own pace. The beginning is looked at once it is there,
 * or once nothing more comes.
 */
function watchBody(request: IncomingMessage, response: ServerResponse, seen: (head: string) => void): void {
  const pieces: Buffer[] = []
  let left = bodyBytes
  let isDone = false
  const done = () => {
    if (isDone) return
    isDone = true
    if (pieces.length > 0) seen(Buffer.concat(pieces).toString('latin1'))
  }
  const push = request.push.bind(request)
  request.push = (chunk: unknown, encoding) => {
    if (!isDone && Buffer.isBuffer(chunk)) {
      // A copy: what is passed on may be reused.
      pieces.push(Buffer.from(chunk.subarray(0, left)))
      left -= Math.min(left, chunk.length)
    }
    if (left === 0 || chunk === null) done()
    return push(chunk, encoding)
  }
  response.once('close', done)
}

function plain(url: string): string {
  try {
    return `${url}\n${decodeURIComponent(url)}`
  } catch {
    return url
  }
}

/** What `Basic` headers of a text hold (RFC 7617). */
function basicIn(text: string): string {
  return [...text.matchAll(/\bBasic\s+([A-Za-z0-9+/=_-]{4,4000})/gi)]
    .slice(0, 10)
    .map(([, value = '']) => Buffer.from(value, 'base64').toString('latin1'))
    .join('\n')
}
