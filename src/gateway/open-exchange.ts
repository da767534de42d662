import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable, pipeline, type Duplex } from 'node:stream'
import { MayflyError, type Secret } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import type { Connection } from '../connections/index.ts'
import { kindNamed } from '../kinds/index.ts'
import type { Delivery } from './downloads/delivery.ts'
import type { DownloadRecord } from './downloads/record.ts'
import type { Published } from './downloads/recorded.ts'
import type { Asker } from './consent.ts'
import { stepSilenceMs } from './egress/index.ts'
import { busyAnswer, isBusy, UpstreamBusy } from './busy.ts'
import {
  discard,
  plainAnswer,
  type Exchange,
  type MadeImage,
  type Permission,
  type Upgrade,
} from './exchange.ts'
import type { Findings } from './findings.ts'
import { askWhileFresh } from './fresh.ts'
import { hostMeant } from './host-beside.ts'
import type { Inspection } from './look.ts'
import type { Gatekeeper } from './permit.ts'
import type { Pinned } from './pinned.ts'
import { plainTarget, rawTarget } from './plain-target.ts'
import { createReflection, readable, type Reflection } from './reflection.ts'
import { readAnswer, relayAnswer } from './relay-answer.ts'
import { sameRequest } from './same-request.ts'
import type { TrustedPublishing } from './trusted-publishing.ts'
import { askUpgrade, authorityOf, type SocketOpener, type Upstream } from './upstream/index.ts'

/** The request in plain form, with all that a protocol may do with it; or why it has none. */
export type ExchangeOpener = (
  request: IncomingMessage,
  response: ServerResponse,
  step: Step,
  place: Connection,
  asksUpgrade?: Upgrade,
) => Exchange | Misfit

/** A request that belongs to no connection, the answer's status and why. */
export interface Misfit {
  readonly misfit: string
  readonly status: 400 | 421
}

export function createExchangeOpener(deps: {
  readonly gatekeeper: Gatekeeper
  readonly delivery: Delivery
  readonly downloads: DownloadRecord
  /** What a registry took from a step. */
  readonly published: (step: Step, item: Published) => void
  readonly madeImage: (step: Step, connection: Connection, image: MadeImage) => void
  readonly findings: Findings
  readonly inspection: Inspection | undefined
  /** What it asks is about to be judged. What is found may be the credential that it goes with, whose end is not to cut its answer. */
  readonly judging: (response: ServerResponse) => void
  /** A line for the step. */
  readonly tell: (step: Step, line: string) => void
  readonly pinned: Pinned
  readonly publishing: TrustedPublishing
  /** The connections of a step, gone with it. Throws `revoked`. */
  readonly upstreamOf: (step: Step) => Upstream
  readonly openSocket: SocketOpener
  /** A host took the credential of a step no more (401). */
  readonly refusedByHost: (step: Step, authorization: Secret) => void
  /** A host said 403: the credential may be dead, or may not do what was asked. */
  readonly doubtedByHost: (step: Step, authorization: Secret) => void
  /** It was made for the step a moment ago. */
  readonly isFresh: (step: Step, authorization: Secret) => boolean
  /** Remembers a socket so that the end of the step destroys it. Throws `revoked`. */
  readonly track: (step: Step, socket: Duplex) => void
}): ExchangeOpener {
  const { gatekeeper, delivery, downloads, findings, pinned, publishing } = deps

  /** By the answer that it is about; made once for each credential. */
  const reflections = new WeakMap<IncomingMessage, Reflection>()
  const ofCredential = new WeakMap<Secret, Reflection>()
  const reflectionOf = (connection: Connection, authorization: Secret): Reflection => {
    const known = ofCredential.get(authorization) ?? createReflection(connection, authorization)
    ofCredential.set(authorization, known)
    return known
  }

  return (request, response, step, place, asksUpgrade) => {
    const host = (request.headers.host ?? '').toLowerCase()
    const authority = authorityOf(place)
    if (host !== authority && host !== `${authority}:${place.port}`)
      // No coalescing: a client may take our certificate for other hosts', too (RFC 9113, section 9.1.1; 421: RFC 9110, section 15.5.20).
      return { status: 421, misfit: `the Host header names another host than the tunnel (${authority})` }
    const kind = kindNamed(place.kind)
    const target =
      kind.rawTargets === true
        ? rawTarget(request.url ?? '')
        : plainTarget(request.url ?? '', place.basePath, kind)
    if (target === undefined)
      return {
        status: 400,
        misfit: `the path is not plain: ${unplain(request.url ?? '', place)}`,
      }
    const connection = place.storageOf ?? place.hostOf ?? place
    /** Its own host, or the one of its further hosts that was asked. */
    const asked = place.hostOf === undefined ? connection : place
    const abandoned = whenAbandoned(response)
    /** Of what was sent for this request. */
    const sent = new Set<Reflection>()
    /** No answer's head has the credential that was sent, whoever reads it. Throws `denied`. */
    const remember = (
      answer: IncomingMessage,
      at: Connection,
      authorization: Secret | undefined,
      mayChallenge?: true,
    ) => {
      if (authorization === undefined) return answer
      if (answer.statusCode === 401 && mayChallenge !== true) deps.refusedByHost(step, authorization)
      if (answer.statusCode === 403) deps.doubtedByHost(step, authorization)
      const reflection = reflectionOf(at, authorization)
      sent.add(reflection)
      reflections.set(answer, reflection)
      try {
        reflection.head(answer.headers)
      } catch (error) {
        answer.destroy()
        return tell(error)
      }
      return answer
    }
    const holdsCredential = (text: string) => [...sent].some((one) => one.holds(text))
    /** A server's own words in a reason are not to bring it either. */
    const clean = (text: string) =>
      holdsCredential(text)
        ? `the answer holds the credential of connection "${connection.name}", which no step may have: it is not told`
        : text
    /** Records that an answer was not handed on; the error is in the words that the step is told. */
    const tell = (error: unknown): never => {
      if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
      const what = `${connection.name} ${request.method} ${target.path}`
      throw new MayflyError('denied', gatekeeper.deny(step, what, clean(error.message)))
    }
    const whileFresh = <T extends { readonly answer: IncomingMessage }>(
      authorization: Secret | undefined,
      { body, mayChallenge }: { readonly body?: Buffer | Readable; readonly mayChallenge?: true },
      ask: () => Promise<T>,
    ): Promise<T> =>
      authorization === undefined || mayChallenge === true
        ? ask()
        : askWhileFresh(ask, {
            connection: connection.name,
            isFresh: () => deps.isFresh(step, authorization),
            canRepeat: body === undefined || Buffer.isBuffer(body),
            abandoned,
          })
    const reflectionSent = (upstream: IncomingMessage) => reflections.get(upstream)
    const answered = { step, connection, response, ...target, reflectionOf: reflectionSent }
    /** A host that did not answer: once that stands in the log, the step's tool is told. */
    const tellUnreached =
      (body?: Buffer | Readable) =>
      (error: unknown): never => {
        const isUnreached = error instanceof MayflyError && error.code === 'upstream_unreachable'
        // It may be us who broke off: the step has ended, its tool has left, or what is sent could not be read.
        const isOurs = abandoned.aborted || (body instanceof Readable && body.errored !== null)
        throw isUnreached && !isOurs && step.endReason === undefined
          ? gatekeeper.unreached(step, connection, error)
          : error
      }
    const askerOf = (body?: string): Asker => ({
      gone: () => abandoned.aborted,
      // While people think it is silent, and not for its client's fault.
      waits: (isWaiting) => void response.setTimeout(isWaiting ? 0 : stepSilenceMs(connection)),
      same: sameRequest(request, body),
    })
    const exchange: Exchange = {
      request,
      response,
      connection,
      ...(place.storageOf === undefined ? {} : { storage: place }),
      asked,
      step: step.id,
      ofStep: deps.upstreamOf(step),
      ...target,
      permit: async (operation, detail, options) =>
        unlessLater(
          await gatekeeper.permit(step, connection, [operation], detail, options?.anyRef === true, {
            asker: options?.again === true ? 'later' : askerOf(options?.body),
            proven: options?.proven,
          }),
        ),
      renewed: async (permit) => unlessLater(await gatekeeper.renewed(permit)),
      precheck: (operation) => gatekeeper.precheck(step, connection, operation),
      asks: (operation) => gatekeeper.asks(step, operation),
      ownCommit: step.session.subject.attributes['commit'],
      would: (operation, options) => gatekeeper.would(step, operation, options),
      permitAll: async (operations, detail, { again = false, proven, body } = {}) =>
        unlessLater(
          await gatekeeper.permit(step, connection, operations, detail, false, {
            asker: again ? 'later' : askerOf(body),
            proven,
          }),
        ),
      deny: (what, reason) => gatekeeper.deny(step, clean(what), clean(reason)),
      look(place, what, same, warn) {
        const look = deps.inspection?.open(step, {
          ...askerOf(),
          ...{ place, what, same, warn, connection: connection.name },
          tell: (line) => deps.tell(step, line),
        })
        return (
          look && {
            ...look,
            finish(nameOf, by) {
              deps.judging(response)
              return look.finish(nameOf, by)
            },
          }
        )
      },
      tell: (line) => deps.tell(step, line),
      finishLook(look, nameOf) {
        deps.judging(response)
        return look.finish(nameOf, askerOf())
      },
      looksAt: (place) => deps.inspection?.looksAt(step, place) === true,
      holdsCredential,
      looked(upstream) {
        const body = reflections.get(upstream)?.body()
        // Each ends the other, and how it ended shows where the body is read.
        return body === undefined ? upstream : pipeline(upstream, body, () => undefined)
      },
      found: (type, key, data) => findings.found(step, type, key, { connection: connection.name, ...data }),
      publisher: (permit, name) => publishing.permit(step, permit, name, exchange),
      pins: () => pinned.of(step.id),
      permitPinned: async (operation, pins) =>
        unlessLater(await gatekeeper.permitPinned(step, connection, operation, pins, askerOf())),
      deliver: (upstream, download) => delivery.deliver(answered, upstream, download),
      deliverKept: (_permit, download, headers) => delivery.deliverKept(answered, download, headers),
      accepted(done) {
        if (done.type === 'packages.published') deps.published(step, done.item)
        downloads.accepted(step, connection.name, done)
      },
      madeImage: (image) => deps.madeImage(step, connection, image),
      gives: (given) => downloads.give(step, connection.name, given),
      relay: (
        upstream,
        headers = {},
        watch,
        refused = (message) => plainAnswer(response, 502, message),
        before,
      ) =>
        relayAnswer(upstream, response, reflections.get(upstream), {
          ...{ headers, opaque: connection.opaque, range: partAsked(request) },
          ...(watch === undefined ? {} : { watch }),
          ...(before === undefined ? {} : { before }),
        })
          .catch(tell)
          .catch((error: unknown) => {
            if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
            refused(error.message)
          }),
      read: (upstream, maxBytes) => readAnswer(upstream, reflections.get(upstream), maxBytes).catch(tell),
      asksUpgrade,
      async upgrade(permit, { method = 'GET', path, headers }) {
        const { authorization, clientIdentity } = permit
        const asking = {
          method,
          path: `${asked.basePath}${path}`,
          headers,
          authorization,
          clientIdentity,
          abandoned,
        }
        const upgraded = await whileFresh(authorization, {}, () =>
          askUpgrade(deps.openSocket, asked, asking, (socket) => {
            if (step.endReason !== undefined) socket.destroy()
            deps.track(step, socket)
          }).catch(tellUnreached()),
        )
        remember(upgraded.answer, connection, authorization)
        return { ...upgraded, reflection: reflections.get(upgraded.answer) }
      },
      notTaken({ authorization }) {
        if (authorization !== undefined) deps.refusedByHost(step, authorization)
      },
      async send(permit, { signed, ...outgoing }) {
        const { authorization, clientIdentity } = permit
        const asking = {
          ...outgoing,
          headers:
            authorization === undefined
              ? outgoing.headers
              : readable(outgoing.headers, connection.opaque || signed !== undefined),
          path: `${asked.basePath}${outgoing.path}`,
          authorization: signed === undefined ? authorization : undefined,
          clientIdentity,
          abandoned,
        }
        const { answer } = await whileFresh(authorization, outgoing, async () => ({
          answer: await deps.upstreamOf(step).send(asked, asking).catch(tellUnreached(outgoing.body)),
        }))
        remember(answer, connection, authorization, outgoing.mayChallenge)
        if (signed === 'stored' && (answer.statusCode === 200 || answer.statusCode === 206))
          reflections.delete(answer)
        return passed(answer, connection, outgoing)
      },
      sendTo(permit, url, outgoing, beside) {
        const meant = hostMeant(connection, url, beside)
        if (meant === undefined) return undefined
        const { host, path, withCredential } = meant
        const authorization = withCredential ? permit.authorization : undefined
        const asking = {
          ...outgoing,
          ...{ path, authorization, abandoned },
          clientIdentity: host === connection ? permit.clientIdentity : undefined,
        }
        return whileFresh(authorization, outgoing, async () => ({
          answer: await deps.upstreamOf(step).send(host, asking).catch(tellUnreached(outgoing.body)),
        }))
          .then(({ answer }) => remember(answer, connection, authorization, outgoing.mayChallenge))
          .then((answer) => passed(answer, connection, outgoing))
      },
    }
    return exchange
  }
}

/** Throws `UpstreamBusy`, which each protocol says in its own form, for what only time is in the way of: tools try that again. */
function unlessLater(permission: Permission): Permission {
  if (permission.allow || permission.retryAfterSeconds === undefined) return permission
  // Whoever shows it writes whose message it is.
  const message = permission.message.replace(/^mayfly: /, '')
  throw new UpstreamBusy(message, 503, String(permission.retryAfterSeconds))
}

/** An answer for its handler. Throws `UpstreamBusy`. */
function passed(
  answer: IncomingMessage,
  connection: Connection,
  { relayBusy }: { readonly relayBusy?: true },
): IncomingMessage {
  if (!isBusy(answer) || relayBusy === true) return answer
  discard(answer)
  throw busyAnswer(connection.name, answer)
}

/** Which of the things that a plain path has not it is. */
function unplain(target: string, { name, url, basePath }: Connection): string {
  const [path = ''] = target.split('?')
  if (/\/\.{1,2}(?:\/|$)/.test(path)) return 'it has dot segments'
  if (path !== basePath && !path.startsWith(`${basePath}/`))
    return `it is outside of the URL of connection "${name}" (${url})`
  return 'it has escapes or characters that its protocol does not need'
}

/** A condition is the host's to judge, who was asked for the whole. */
function partAsked({ headers }: IncomingMessage): string | undefined {
  return headers['if-range'] === undefined ? headers.range : undefined
}

/** Fires when the client leaves before its answer was whole: what was asked upstream for it ends too. */
function whenAbandoned(response: ServerResponse): AbortSignal {
  const abandoned = new AbortController()
  const look = () => {
    if (!response.writableFinished) abandoned.abort()
  }
  if (response.closed) look()
  else response.once('close', look)
  return abandoned.signal
}
