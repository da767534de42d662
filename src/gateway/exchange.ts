import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable, Transform } from 'node:stream'
import { MayflyError, passableHead, systemClock, type Secret, type StepId } from '../lib/index.ts'
import type { ClientIdentity } from '../broker/index.ts'
import { isMinted, type Connection } from '../connections/index.ts'
import type { Pins } from '../lockfiles/index.ts'
import type { Conditions, Operation } from '../policy/index.ts'
import type { Attestation } from '../provenance/index.ts'
import { answerGrpc, isGrpc } from './grpc.ts'
import type { ByteRange } from './byte-range.ts'
import type { Accepted, Given, PinnedBy } from './downloads/recorded.ts'
import type { Look, LookVerdict, SentPlace } from './look.ts'
import type { Reflection } from './reflection.ts'

/** One HTTP request of a step on one connection, and all that a protocol handler may do with it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly connection: Connection
  /** The host that was asked: the connection's own, or one of its further ones. */
  readonly asked: Connection
  /** The storage host of the connection that was asked, if it was not the connection's own. */
  readonly storage?: Connection
  readonly step: StepId
  /** One object for the whole step, gone with it: what a handler remembers of the step hangs on it. */
  readonly ofStep: object
  /**
   * Below the connection's base path, with its leading slash; plain: no dot segments, no escapes but `%2f`. Of a kind with
   * `rawTargets` path and query are as they came.
   */
  readonly path: string
  readonly query: string
  /**
   * Asks policy, leases the credential and waits for the durable audit receipt. `detail` goes into the entry.
   * `anyRef`: the protocol has not named the ref yet, nor the resource where `path` is empty; nothing can be changed by what follows.
   */
  permit(
    operation: Operation,
    detail: Readonly<Record<string, unknown>>,
    /** `body`: SHA-256 of the request's, where it has been read. */
    options?: {
      anyRef?: true
      again?: boolean
      proven?: (operation: Operation) => Proven
      body?: string | undefined
    },
  ): Promise<Permission>
  /**
   * A permission before it is used after a while, in which its lease may have ended: what was found in what is sent may be the very
   * credential that it was to go with. Then it has another lease, which is recorded.
   */
  renewed(permit: Permit): Promise<Permission>
  /** Whether policy refuses it, which is recorded; asked before a body is read and unpacked. */
  precheck(operation: Operation): Denial | undefined
  /**
   * Whether policy would allow it: nothing is recorded, and nothing is given. To choose which of two operations is asked for:
   * `granted` by a grant, since shadow mode would let the greater one pass where the role holds the lesser.
   */
  would(operation: Operation, options?: { anyRef?: boolean; granted?: true; unasked?: true }): boolean
  /** What the grant that would allow it asks for besides; undefined if nothing. */
  asks(operation: Operation): Conditions | undefined
  /** The commit that the job runs for, by its identity. */
  readonly ownCommit?: string | undefined
  /** Several operations that stand or fall together: one entry, all of them or none. */
  permitAll(
    operations: readonly Operation[],
    detail: Readonly<Record<string, unknown>>,
    /** The same is asked once more before anything is changed: people, where a grant wants them, are asked then. */
    options?: { again?: boolean; proven?: (operation: Operation) => Proven; body?: string | undefined },
  ): Promise<Permission>
  /**
   * The permission to publish a package of this name, with what the registry gives for the job's identity where the connection
   * says so; otherwise as it is. Throws `denied`.
   */
  publisher(permit: Permit, name: string): Promise<Permit>
  /** The body of an answer on its way through a handler, which fails with `denied` where the credential begins. */
  looked(upstream: IncomingMessage): Readable
  /** Whether a text that a handler makes of an answer has the credential in it that was sent for it. */
  holdsCredential(text: string): boolean
  /**
   * Looks at what is sent, as the step's role says; undefined if it does not. `same`: see `Sent`. `warn` takes the lines on what passes
   * although it was found; else the step is told.
   */
  look(
    place: SentPlace,
    what: string,
    same?: () => string | undefined,
    warn?: (line: string) => void,
  ): Look | undefined
  /** A line for the step itself, beside what its tool shows. */
  tell(line: string): void
  /** Ends one that an earlier request has begun. */
  finishLook(look: Look, nameOf?: Parameters<Look['finish']>[0]): Promise<LookVerdict>
  /** Whether `look` would. */
  looksAt(place: SentPlace): boolean
  /** Records a refusal that is the protocol's own, not policy's; returns the text for the step. */
  deny(what: string, reason: string): string
  /** Records a finding beside the refusal of what it is about; `key` tells it from others of its type, which are recorded once. */
  found(type: string, key: string, data: Readonly<Record<string, unknown>>): void
  /** What the step's lockfiles pin; undefined if it has handed none over. */
  pins(): Promise<Pins | undefined>
  /** As `permit`, for a package that these pins hold: its lockfile is recorded as a whole, and each download by `deliver`. */
  permitPinned(operation: Operation, pins: Pins): Promise<Permission>
  /** Passes an answer on while its bytes are held against their digest; the last ones never go if it differs; either is recorded. */
  deliver(upstream: IncomingMessage, download: Download): Promise<void>
  /**
   * The same from what the gateway keeps of earlier steps, of any run: asked before `send`, with the permission for it. False, and
   * nothing is answered, if there is none.
   */
  deliverKept(
    permit: Permit,
    download: Download,
    headers?: Readonly<Record<string, string>>,
  ): Promise<boolean>
  /** Records what the upstream took, once it has said so, apart from the permission to send it. */
  accepted(done: Accepted): void
  /** A registry took an image: what is attested of it is put beside it there. */
  madeImage(image: MadeImage): void
  /** Records what the step is given otherwise, once its digest has held; it may have it when this resolves. */
  gives(given: readonly Given[]): Promise<void>
  /**
   * Passes an answer on that no digest is known of: never with the credential that was sent, which is looked for in head and
   * body; where it is, the answer is cut and that recorded. `headers` replace upstream's, undefined takes one away.
   */
  relay(
    upstream: IncomingMessage,
    headers?: Readonly<Record<string, string | undefined>>,
    /** Is shown what passes, as it came. */
    watch?: (chunk: Buffer) => void,
    /** Answers in the protocol's own words that it was cut; plain text, if it is left out. */
    refused?: (message: string) => void,
    /** What the step is handed in front of the body, which has to be as it is: neither encoded nor a part. */
    before?: Buffer,
  ): Promise<void>
  /**
   * An answer's body as a whole, decoded and looked through in the same way; undefined if it is longer than that. Throws `denied`,
   * which is recorded, and `upstream_unreachable`.
   */
  read(upstream: IncomingMessage, maxBytes: number): Promise<Buffer | undefined>
  /** The step asks for a WebSocket, or SPDY/3.1; only where the kind has an action for it. */
  readonly asksUpgrade?: Upgrade | undefined
  /** Asks the host, with the credential of the permission, on a connection of its own, which ends with the step. Throws as `send`. */
  upgrade(
    permit: Permit,
    request: { method?: string; path: string; headers: Record<string, string> },
  ): Promise<Upgraded>
  /**
   * Sends a request upstream with the credential of the permission. Throws `UpstreamBusy` for 429 and 503, which passes them on; with
   * `relayBusy` they come back as any other answer, for a protocol that relays it whole. Throws it for a 401, too, where the credential
   * was made a moment ago and the body cannot be sent again; what can be is asked again. Throws `upstream_unreachable` and `denied`.
   */
  send(
    permit: Permit,
    request: {
      method: string
      path: string
      headers: Record<string, string>
      body?: Buffer | Readable
      /** By HTTP/2, which the host must speak. */
      http2?: boolean
      relayBusy?: true
      /** A 401 may be the protocol's own question: its handler says by `notTaken` whether the credential was refused. */
      mayChallenge?: true
      /**
       * Its handler has signed it: nothing is written into `Authorization`, and a part may be asked for. Of the credential no more
       * than a token goes, which opens nothing without its key; so the body of a good answer is looked through only if it is
       * `looked`, and not if it is what was `stored`.
       */
      signed?: 'looked' | 'stored'
    },
  ): Promise<IncomingMessage>
  /** The host has said, in its protocol's own way, that it takes the credential no more: the next permission brings another. */
  notTaken(permit: Permit): void
  /**
   * The same to a URL that the upstream named: on its own host; or on a `storage` host of the connection, where no credential
   * goes; or on its token host. Undefined, and nothing is sent, for any other URL.
   */
  sendTo(
    permit: Permit,
    url: URL,
    request: {
      method: string
      headers: Record<string, string>
      body?: Buffer | Readable
      relayBusy?: true
      mayChallenge?: true
    },
    beside?: 'storage' | 'token',
  ): Promise<IncomingMessage> | undefined
}

/** One file of a package, on its way to a step. */
export interface Download {
  /** Package URL (purl-spec): `pkg:npm/%40octo/core@1.0.0`; none for what its request names by digest, and the log with it. */
  readonly purl?: string
  /** It is read before the package is chosen (go.mod): recorded, and held to what it was first, but no rule of packages is asked. */
  readonly isPart?: true
  /** Which it is of several files of its package URL: those of a source package, or builds for two suites. */
  readonly place?: string
  /** As people name it: `@octo/core@1.0.0`. */
  readonly what: string
  /**
   * Subresource Integrity text (see `Pin`); or what holds the bytes against a digest of the ecosystem's own; undefined where nobody
   * says what it is (`by: 'none'`).
   */
  readonly integrity: string | BodyCheck | undefined
  /** Answers in the protocol's own way that it is refused; plain text, if it is left out. */
  readonly refuse?: (message: string) => void
  /** Asks the registry for attestations of how it was made; none, if there are none. Throws `denied` where that is not known. */
  readonly attestations?: () => Promise<readonly Attestation[]>
  /** When it was published, in milliseconds since the epoch, if the protocol knows it. */
  readonly published?: number
  /** The lockfile, if it is left out. */
  readonly by?: PinnedBy
  /** The bytes that were asked for, of all that are read and held against the digest. */
  readonly range?: ByteRange
}

export interface MadeImage {
  readonly repository: string
  /** Of its manifest, or index. */
  readonly digest: string
  readonly isTagged: boolean
}

/** Holds a body against a digest that is not one of its bytes. */
export interface BodyCheck {
  /** Passes bytes on and keeps the last ones back; fails with `denied` if the digest differs. Destroyed, it holds nothing any more. */
  readonly body: Transform
  /** The digest of what passed, as it is recorded; only after `body` has ended. */
  digest(): string
}

/** A request to change the protocol: the step's connection, and what it has sent beyond the request. */
export interface Upgrade {
  readonly socket: Duplex
  readonly head: Buffer
}

/** What a host said to such a request; with its socket, if it does. */
export interface Upgraded {
  readonly answer: IncomingMessage
  readonly socket?: Duplex
  /** To look for the credential that was sent with it. */
  readonly reflection?: Reflection | undefined
}

export interface Permit {
  readonly allow: true
  readonly authorization: Secret | undefined
  /** All that there is of what was minted, by name, for a protocol that has no place for `authorization`. */
  readonly fields?: Readonly<Record<string, Secret>> | undefined
  /** For the connection's own host, if that asks for a client certificate. */
  readonly clientIdentity?: ClientIdentity | undefined
  /** A person said yes to this operation alone: a handler that remembers what was permitted does not remember this. */
  readonly once?: true
}

export interface Denial {
  readonly allow: false
  /** For the step: what is missing and the request id. */
  readonly message: string
  readonly refused: readonly Operation[]
  /** The policy allows it, and by then it may be had: its issuer or the log is away, or busy. */
  readonly retryAfterSeconds?: number
}

/** What a handler knows of what an operation brings; what it does not say is not so. */
export interface Proven {
  /** `own`: the commit of the job's identity, or one that descends from it; else why it is not known to be. */
  readonly commit?: 'own' | { readonly why: string }
  /** Digests of all that it brings, `sha256:HEX`; else why they are not known. */
  readonly artifact?: readonly string[] | { readonly why: string }
  /** Of images as they are named, `registry.example.com/octo/app`, by digest: attestations may stand beside them there. */
  readonly images?: ReadonlyMap<string, string>
  /**
   * Where what is sent says beside its file what the file is (npm's document of a version): why that is not what the file itself says.
   * Asked only where a grant demands something of the file, and has it: else a file that is attested would vouch for any document.
   */
  readonly beside?: () => Promise<string | undefined>
  /** Of images that are being pushed, by digest: their registry does not have them yet. */
  readonly manifests?: ReadonlyMap<string, { readonly bytes: Buffer; readonly type: string }>
}

export type Permission = Permit | Denial

/** Handles every request of its kind of connection. */
export type HttpHandler = (exchange: Exchange) => Promise<void>

/** Of several connections on one host the one whose stand-in a request shows; undefined if it shows none of theirs. */
export type Chooser = (
  request: IncomingMessage,
  at: readonly [Connection, ...Connection[]],
) => Connection | undefined

/** Copies the named request headers. What is not named is not sent: no credential of the step's own rides along. */
export function pickHeaders(request: IncomingMessage, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) {
    const value = request.headers[name]
    if (typeof value === 'string') picked[name] = value
  }
  return picked
}

/** What to do about an upstream's 401 or 403, to be added to what it answered; empty for another status. */
export function refusedHint({ credential }: Connection, statusCode: number | undefined): string {
  if (statusCode !== 401 && statusCode !== 403) return ''
  if (credential === undefined)
    return ': the connection has no credential, and without one it does not give this'
  if (isMinted(credential) && statusCode === 401)
    return ': it was made for this step, and its upstream does not take it (any more): the next request gets another'
  return statusCode === 401
    ? ': an operator must renew its secret'
    : ': an operator must see to its secret, and to what that may do'
}

/** Whether a body follows the head: HTTP/1.1 says so in the head (RFC 9112, section 6.3), HTTP/2 by not ending the stream. */
export function hasBody({ httpVersionMajor, headers, complete }: IncomingMessage): boolean {
  if (httpVersionMajor === 2) return !complete
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Cookies, challenges and advice of other hosts are not the step's to have. */
const dropped: ReadonlySet<string> = new Set([
  'alt-svc',
  'set-cookie',
  'strict-transport-security',
  'www-authenticate',
])

/** Status and headers of an upstream answer, without hop-by-hop headers, cookies and other hosts' advice. */
export function copyHead(upstream: IncomingMessage, response: ServerResponse): void {
  const head = passableHead(upstream)
  // `send` gives none without; what is set here and cannot be written would throw while the body is piped.
  if (typeof head === 'string') throw new MayflyError('upstream_unreachable', head)
  response.statusCode = head.status
  for (const [name, value] of Object.entries(head.headers)) {
    if (!dropped.has(name)) response.setHeader(name, value)
  }
  const retryAfter = retryAfterOf(upstream.headers['retry-after'], systemClock.nowMs())
  if (retryAfter === undefined) response.removeHeader('retry-after')
  else response.setHeader('retry-after', retryAfter)
}

/** A tool would wait as long as a host tells it to. */
const maxRetryAfterSeconds = 3_600

/** Retry-After, seconds or a date (RFC 9110, 10.2.3), in seconds; undefined for anything else. */
export function retryAfterOf(value: string | undefined, nowMs: number): string | undefined {
  const isDate = value !== undefined && /^[A-Z][a-z]{2}, [\dA-Za-z: ]{10,30}$/.test(value)
  const dateMs = isDate ? Date.parse(value) : Number.NaN
  const seconds = /^\d{1,10}$/.test(value ?? '') ? Number(value) : Math.ceil((dateMs - nowMs) / 1000)
  return Number.isNaN(seconds) ? undefined : String(Math.min(Math.max(0, seconds), maxRetryAfterSeconds))
}

/** Leaves of an answer's headers only these: what is passed on says nothing else about itself. */
export function keepOnly(upstream: IncomingMessage, names: readonly string[]): void {
  for (const name of Object.keys(upstream.headers)) if (!names.includes(name)) delete upstream.headers[name]
}

const discardedBytes = 65_536

/** Reads an answer that nobody wants, so that its connection can be used again; one that is long ends its connection. */
export function discard(upstream: IncomingMessage): void {
  let bytes = 0
  upstream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > discardedBytes) upstream.destroy()
  })
}

/** A refusal or failure that curl, git and npm show as it is; where the head was sent already, the connection is cut. */
export function plainAnswer(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  // What was copied of an upstream's head does not go with our own answer.
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
  if (isGrpc(response.req)) return answerGrpc(response, status, message)
  const body = `${message}\n`
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}
