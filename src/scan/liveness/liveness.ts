import { setTimeout } from 'node:timers/promises'
import { at, type HttpAnswer, type HttpQuestion } from '../../http-client/index.ts'
import { MayflyError, escapeUnseen, messageOf, type Secret } from '../../lib/index.ts'
import { cleaned } from './cleaned.ts'
import { kinds } from './kinds/index.ts'
import type { Answer, Kind, Liveness, Presented, Request, Revoked } from './model.ts'

/** A secret that was found. */
export interface FoundKey {
  /** The id of its rule. */
  readonly rule: string
  readonly secret: Secret
  /** What stood beside it, if its kind needs that. */
  readonly beside?: string | undefined
}

/** A host that a connection names, in place of the vendor's own. */
export interface NamedPlace {
  readonly connection: string
  /** `https://HOST`, perhaps with a path. */
  readonly url: string
}

export interface LivenessDeps {
  /** Follows no redirect. Where there is a `connection`, it goes by its address and certificate. */
  readonly ask: (question: HttpQuestion, connection: string | undefined) => Promise<HttpAnswer>
  readonly nowMs: () => number
  /** Between two looks at what a vendor is to end. */
  readonly pause?: (ms: number) => Promise<unknown>
}

export interface Vendors {
  /** Asks once. Never rejects: what went wrong is `unknown`, and why. */
  ask(key: FoundKey, place?: NamedPlace): Promise<Liveness>
  /** Ends it at its vendor. Before each request it asks whether it `may`, which can take a while. Never rejects. */
  revoke(key: FoundKey, place?: NamedPlace, may?: () => Promise<boolean>): Promise<Revoked>
}

const timeoutMs = 8_000
const maxBytes = 262_144
/** A vendor that only takes a request to end a secret is asked so often whether it has. */
const looksMs = [0, 1_000, 3_000]

const byRule = new Map(kinds.flatMap((kind) => kind.rules.map((rule) => [rule, kind] as const)))

/** Ids of all rules whose secrets can be asked about. */
export const askable: readonly string[] = [...byRule.keys()].toSorted()

/** Ids of those whose vendor lets the holder end them. */
export const revocable: readonly string[] = askable.filter((rule) => byRule.get(rule)?.revoke !== undefined)

/** Ids of those that are asked about only where a connection is named for them. */
export const needingPlace: readonly string[] = askable.filter((rule) => byRule.get(rule)?.host === undefined)

const cores = kinds.flatMap(({ core }) => (core === undefined ? [] : [new RegExp(core, 'g')]))

/**
 * The parts of the secrets in a text by which vendors know them: a webhook has one token, whatever host of its vendor, version or
 * spelling stands in front of it.
 */
export function coresIn(text: string): readonly string[] {
  return cores.flatMap((core) => [...text.matchAll(core)].flatMap(([, part]) => part ?? []))
}

/** The host that a secret goes to, with `beside` only where its kind needs that; or why nobody can be asked. */
export function hostFor(
  key: FoundKey,
  place?: NamedPlace,
): { host: string; beside: string | undefined } | { why: string } {
  const kind = byRule.get(key.rule)
  if (kind === undefined) return { why: 'nobody can be asked about this kind' }
  const base = baseOf(kind, place)
  if (base === undefined)
    return { why: 'its server is not known: name a connection for it under scan.verify.at' }
  if (!kind.form.test(key.secret.reveal())) return { why: 'nothing can be asked about this form of it' }
  const { beside } = kind
  if (beside !== undefined && !beside.form.test(key.beside ?? ''))
    return { why: `${beside.what} does not stand beside it, and nothing can be asked without` }
  return { host: new URL(base).host, beside: beside === undefined ? undefined : key.beside }
}

export function createVendors({ ask, nowMs, pause = setTimeout }: LivenessDeps): Vendors {
  function presentedOf(key: FoundKey, kind: Kind, place: NamedPlace | undefined): Presented {
    return {
      secret: key.secret.reveal(),
      beside: key.beside ?? '',
      base: baseOf(kind, place) ?? '',
      nowMs: nowMs(),
    }
  }

  async function answerTo(request: Request, place: NamedPlace | undefined): Promise<Answer> {
    return read(await ask({ ...request, timeoutMs, maxBytes }, place?.connection))
  }

  async function stateNow(kind: Kind, key: FoundKey, place: NamedPlace | undefined, may: May) {
    if (!(await may())) throw new TooMuch()
    const answer = await answerTo(await kind.request(presentedOf(key, kind, place)), place)
    return { state: meaningIn(kind, answer)?.state, status: answer.status }
  }

  async function isRefusedNow(
    kind: Kind,
    key: FoundKey,
    place: NamedPlace | undefined,
    may: May,
  ): Promise<boolean> {
    for (const ms of looksMs) {
      await pause(ms)
      if ((await stateNow(kind, key, place, may)).state === 'dead') return true
    }
    return false
  }

  return {
    async ask(key, place) {
      const kind = byRule.get(key.rule)
      const to = hostFor(key, place)
      if (kind === undefined || 'why' in to)
        return { state: 'unknown', at: '', why: 'why' in to ? to.why : '' }
      try {
        const request = await kind.request(presentedOf(key, kind, place))
        return meant(kind, key, to.host, await answerTo(request, place), place !== undefined)
      } catch (error) {
        return { state: 'unknown', at: to.host, ...failureOf(error, to.host) }
      }
    },
    async revoke(key, place, may = async () => true) {
      const kind = byRule.get(key.rule)
      const to = hostFor(key, place)
      if (kind?.revoke === undefined || 'why' in to)
        return { state: 'failed', at: '', why: 'why' in to ? to.why : 'its vendor ends none by itself' }
      if (kind.revoke.form?.test(key.secret.reveal()) === false)
        return { state: 'failed', at: to.host, why: 'its vendor ends no secret of this form' }
      const failed = (why: string, later = false): Revoked => ({
        ...{ state: 'failed', at: to.host, why },
        ...(later ? { later } : {}),
      })
      const { request, done, isOnlyTaken = false } = kind.revoke
      try {
        // Refused before, it would be refused afterwards, whatever was done.
        const before = isOnlyTaken ? await stateNow(kind, key, place, may) : undefined
        if (before !== undefined && before.state !== 'alive')
          return failed(
            `${to.host} does not say that it is alive, so nothing would show that it was ended`,
            isOfNow(before.status),
          )
        if (!(await may())) throw new TooMuch()
        const answer = await answerTo(request(presentedOf(key, kind, place)), place)
        if (!done(answer))
          return failed(`${to.host} answers with status ${answer.status}`, isOfNow(answer.status))
        if (isOnlyTaken && !(await isRefusedNow(kind, key, place, may)))
          return failed(
            `${to.host} has taken the request, and does not refuse the secret yet: ask again in a minute`,
            true,
          )
        return { state: 'revoked', at: to.host }
      } catch (error) {
        if (error instanceof TooMuch)
          return failed(`too much is asked at ${to.host}: ask again in a minute whether it is ended`, true)
        return { state: 'failed', at: to.host, ...failureOf(error, to.host) }
      }
    },
  }
}

type May = () => Promise<boolean>

/** It was not allowed to ask once more. */
class TooMuch extends Error {}

function baseOf({ host }: Kind, place: NamedPlace | undefined): string | undefined {
  if (place !== undefined) return place.url.replace(/\/+$/, '')
  return host === undefined ? undefined : `https://${host}`
}

function read({ status, headers, body }: HttpAnswer): Answer {
  const text = body.toString('utf8')
  return { status, headers, text, json: jsonOf(text) }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function meaningIn({ meanings }: Kind, answer: Answer) {
  return meanings.find((one) => one.status === answer.status && one.if(answer))
}

function meant(kind: Kind, key: FoundKey, host: string, answer: Answer, isNamed: boolean): Liveness {
  const meaning = meaningIn(kind, answer)
  if (meaning === undefined)
    return {
      ...{ state: 'unknown', at: host, why: oddOf(answer.status, host) },
      ...(isOfNow(answer.status) ? { later: true } : {}),
    }
  if (meaning.state === 'dead') {
    const why =
      meaning.isKnown === true && kind.beside === undefined ? undefined : doubtOf(kind, host, isNamed)
    return why === undefined ? { state: 'dead', at: host } : { state: 'unknown', at: host, why }
  }
  const secret = key.secret.reveal()
  const known = coresIn(secret)
  const { whose, can } = cleaned(known.length > 0 ? known : [secret], {
    whose: kind.whose.map((path) => at(answer.json, path)),
    can: kind.can?.(answer) ?? [],
  })
  return {
    ...{ state: 'alive', at: host },
    ...(whose === undefined ? {} : { whose }),
    ...(can.length === 0 ? {} : { can }),
  }
}

/** Why a vendor that does not know it says nothing of whether it lives. */
function doubtOf({ elsewhere, beside }: Kind, host: string, isNamed: boolean): string | undefined {
  // What stood there is the word of whoever sent it, or of a text: with another one the same secret may live.
  if (beside !== undefined)
    return `${host} does not know it together with ${beside.what} that stood beside it, which may be another's`
  if (elsewhere === undefined || (elsewhere === 'host' && isNamed)) return undefined
  return `${host} does not know it; it may be of another server, region or sort${elsewhere === 'host' ? ' (scan.verify.at)' : ''}`
}

/** Nothing of the answer: it may repeat the secret. */
function oddOf(status: number, host: string): string {
  if (status === 429) return `${host} asks for patience (429)`
  if (status >= 300 && status < 400) return `${host} sends on elsewhere (${status}), which is not followed`
  return `${host} answers as its documentation does not say (${status})`
}

/** A limit, or a failure of the vendor's own. */
function isOfNow(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

/** What the client says names the host alone; what else fails may have been made from the secret. */
function failureOf(error: unknown, host: string): { readonly why: string; readonly later?: true } {
  if (error instanceof MayflyError && clientCodes.has(error.code))
    return {
      why: escapeUnseen(messageOf(error)).slice(0, 300),
      ...(error.code === 'upstream_unreachable' ? { later: true } : {}),
    }
  return { why: `what ${host} is to be asked cannot be written` }
}

const clientCodes: ReadonlySet<string> = new Set(['upstream_unreachable', 'denied', 'limit_exceeded'])
