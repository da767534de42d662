import { pemKeyId } from '../attest/sign/index.ts'
import { openTrustDocument, type OpenedTrust } from '../attest/verify/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { readRootKeys } from './root-keys.ts'
import { createTrustPins, type TrustPin, type TrustPins } from './trust-pins.ts'

export interface FetchedTrust {
  readonly opened: OpenedTrust
  /** The envelope, as it came. */
  readonly document: unknown
  /** In words. */
  readonly whose: string
  /** What a person should know beside. */
  readonly notes: readonly string[]
  /** Nobody had said whom to trust: it is the one that answered. */
  readonly isFirstUse: boolean
  /** Why the newest document that was seen stands in for the server's. */
  readonly unanswered?: string
}

interface Asking {
  /** The root key, in a file. */
  readonly root?: string | undefined
  readonly pins?: TrustPins
  readonly nowMs?: number
}

/** Of one server over its life: a document every few weeks. */
const maxVersions = 1_000
const maxDocumentBytes = 4_194_304

/**
 * The trust document of a server, by the root key of a file, or else by the one that is pinned: from its first use on. Where the root key
 * was handed on in between, it is followed from version to version. A server that does not answer is believed by its newest document
 * that was seen. Throws `denied` for whatever is not signed so, is older than what was seen before, is another document of the same
 * version, or has ended; `upstream_unreachable` where nothing was seen yet.
 */
export async function fetchTrust(
  server: string,
  { root, pins = createTrustPins(), nowMs = Date.now() }: Asking = {},
): Promise<FetchedTrust> {
  const given = root === undefined ? undefined : readRootKeys(root)
  const kept = pins.read(server)
  const answer = await askDocument(server, '/.well-known/mayfly/trust.json', AbortSignal.timeout(10_000))
  if (!answer.ok && kept === undefined)
    throw new MayflyError(
      'upstream_unreachable',
      `${server} does not say whom to trust (${answer.why}): name a file with --trust-document or --trusted-root`,
    )
  const document = answer.ok ? answer.document : kept?.document
  const known = { root: given ?? kept?.root, version: given === undefined ? (kept?.version ?? 0) : 0 }
  const opened = await openFollowing(server, document, known, { nowMs, minVersion: kept?.version ?? 0 })
  if (!opened.ok)
    throw new MayflyError('denied', `the trust document of ${server} is refused: ${opened.detail}`)
  refuseOther(server, opened.version, document, kept)
  const pin = { root: opened.root, version: opened.version, document }
  const unwritten = answer.ok ? unwrittenIn(pins, server, pin) : []
  const isFirstUse = known.root === undefined
  const isKept = pins.isKept && unwritten.length === 0
  const { notes, ...said } = told(server, opened, { isFirstUse, isKept, answer })
  return { opened, document, isFirstUse, ...said, notes: [...notes, ...unwritten] }
}

/** In a container whose home is for reading only, what is verified is verified all the same. */
function unwrittenIn(pins: TrustPins, server: string, pin: TrustPin): string[] {
  try {
    pins.write(server, pin)
    return []
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'data_folder') throw error
    return [`what ${server} said is not remembered here: ${error.message}`]
  }
}

function told(
  server: string,
  { root, version }: OpenedTrust,
  { isFirstUse, isKept, answer }: { isFirstUse: boolean; isKept: boolean; answer: Answer },
): Pick<FetchedTrust, 'whose' | 'notes' | 'unanswered'> {
  const key = `root key ${root.map(pemKeyId).join(', ')}`
  const first = isKept
    ? `${key} is trusted from now on, since nobody said which: compare it with what its operators say, or give it with --root FILE`
    : `${key} is trusted this once, since nobody said which, and is not remembered here: give it with --root FILE`
  return {
    whose: `${isFirstUse ? 'pinned by this first use' : 'pinned'}: ${key} of ${server}, version ${version}`,
    notes: [
      ...(isFirstUse ? [first] : []),
      ...(answer.ok
        ? []
        : [
            `${server} does not answer (${answer.why}): its newest trust document that was seen, version ${version}, is taken`,
          ]),
    ],
    ...(answer.ok ? {} : { unanswered: answer.why }),
  }
}

async function openFollowing(
  server: string,
  document: unknown,
  known: { readonly root: readonly string[] | undefined; readonly version: number },
  options: { readonly nowMs: number; readonly minVersion: number },
): Promise<ReturnType<typeof openTrustDocument>> {
  const claimed = claimedBy(document)
  const opened = openTrustDocument(document, known.root ?? claimed.root, options)
  const mayFollow = known.root !== undefined && claimed.version <= maxVersions
  if (opened.ok || opened.reason !== 'wrong_root' || !mayFollow) return opened
  const versions = { from: known.version, to: claimed.version }
  const followed = await followRoot(server, known.root, versions, options.nowMs)
  return openTrustDocument(document, followed, options)
}

/** The root keys that the pinned ones handed on to. What ended in between was good then. */
async function followRoot(
  server: string,
  pinned: readonly string[],
  { from, to }: { from: number; to: number },
  nowMs: number,
): Promise<readonly string[]> {
  let root = pinned
  const signal = AbortSignal.timeout(30_000)
  for (let version = from + 1; version < to; version++) {
    const answer = await askDocument(server, `/.well-known/mayfly/trust/${version}`, signal)
    const options = { nowMs, mayHaveEnded: true }
    const opened = answer.ok ? openTrustDocument(answer.document, root, options) : undefined
    if (opened?.ok === true && opened.version === version) root = opened.root
  }
  return root
}

/** Two documents of one number: one of them was not meant for everybody. */
function refuseOther(server: string, version: number, document: unknown, kept: TrustPin | undefined): void {
  if (kept?.version !== version || payloadOf(document) === payloadOf(kept.document)) return
  throw new MayflyError(
    'denied',
    `${server} shows another version ${version} of its trust document than before: somebody is told something else; ask its operators`,
  )
}

const payloadOf = (document: unknown) => (document as { payload?: unknown } | null | undefined)?.payload

/** What a document says of itself, which nobody has verified: its keys are believed once, at the first use. */
function claimedBy(document: unknown): { readonly root: readonly string[]; readonly version: number } {
  try {
    const { payload } = document as { payload: string }
    const { root, version } = JSON.parse(Buffer.from(payload, 'base64').toString()) as {
      root: unknown[]
      version: unknown
    }
    const keys = root.filter((key) => typeof key === 'string')
    return { root: keys, version: typeof version === 'number' ? version : 0 }
  } catch {
    return { root: [], version: 0 }
  }
}

type Answer = { readonly ok: true; readonly document: unknown } | { readonly ok: false; readonly why: string }

async function askDocument(server: string, path: string, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(`${server}${path}`, { redirect: 'error', signal })
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      return { ok: false, why: `it answered ${response.status}` }
    }
    let text = ''
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
      text += part
      if (text.length > maxDocumentBytes) return { ok: false, why: 'its trust document is too long' }
    }
    return { ok: true, document: JSON.parse(text) as unknown }
  } catch (error) {
    return { ok: false, why: messageOf(error) }
  }
}
