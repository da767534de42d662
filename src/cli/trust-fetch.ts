import { MayflyError } from '../lib/index.ts'
import type { Envelope } from '../attest/sign/index.ts'
import { openTrustDocument, type OpenedTrust } from '../attest/verify/index.ts'
import { callServer } from './operator-api.ts'
import { readText } from './text-file.ts'
import { payloadOf } from './trust-file.ts'
import type { TrustPins } from './trust-pins.ts'

export interface FetchedTrust {
  readonly opened: OpenedTrust
  readonly envelope: Envelope
  /** Nobody had said whom to trust: it is the one that answered. */
  readonly isFirstUse: boolean
}

/** Of one server over its life: a document every few weeks. */
export const maxVersions = 1_000

/**
 * The trust document of a server, by the root key that is pinned: of `rootFile`, or the one that was met before. Where the root key was
 * handed on in between, it is followed from version to version. Throws `denied` for whatever is not signed so, is older than what was
 * seen before, or has ended.
 */
export async function fetchTrust(
  server: string,
  pins: TrustPins,
  rootFile: string | undefined,
  nowMs = Date.now(),
): Promise<FetchedTrust> {
  const kept = pins.read(server)
  const envelope = await callServer<Envelope>(server, 'GET', '/.well-known/mayfly/trust.json', {})
  const pinned = rootFile === undefined ? kept?.root : [...pemsIn(rootFile)]
  const { version, root } = payloadOf(envelope)
  refuseOther(server, envelope, kept?.envelope)
  const minVersion = kept?.version ?? 0
  const known = pinned ?? root
  let opened = openTrustDocument(envelope, known, { nowMs, minVersion })
  if (!opened.ok && opened.reason === 'wrong_root' && version <= maxVersions) {
    const followed = await followRoot(server, known, { from: minVersion, to: version })
    opened = openTrustDocument(envelope, followed, { nowMs, minVersion })
  }
  if (!opened.ok)
    throw new MayflyError('denied', `the trust document of ${server} is not taken: ${opened.detail}`)
  pins.write(server, { root: opened.root, version: opened.version, envelope: JSON.stringify(envelope) })
  return { opened, envelope, isFirstUse: pinned === undefined }
}

/** The root keys that the pinned ones handed on to. What ended in between was good then. */
export async function followRoot(
  server: string,
  pinned: readonly string[],
  { from, to }: { from: number; to: number },
): Promise<readonly string[]> {
  let root = pinned
  for (let version = from + 1; version < to; version++) {
    const path = `/.well-known/mayfly/trust/${version}`
    const envelope = await callServer<Envelope>(server, 'GET', path, {}).catch(() => undefined)
    const opened = openTrustDocument(envelope, root, { nowMs: 0 })
    if (opened.ok && opened.version === version) root = opened.root
  }
  return root
}

/** Two documents of one number: one of them was not meant for everybody. */
function refuseOther(server: string, envelope: Envelope, kept: string | undefined): void {
  if (kept === undefined) return
  const known = JSON.parse(kept) as Envelope
  if (known.payload === envelope.payload || payloadOf(known).version !== payloadOf(envelope).version) return
  throw new MayflyError(
    'denied',
    `${server} shows another version ${payloadOf(known).version} of its trust document than before: somebody is told something else; ask its operators`,
  )
}

function pemsIn(path: string): string[] {
  const keys = readText(path).match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\r?\n?/g)
  if (keys === null) throw new MayflyError('bad_input', `${path} holds no public key in PEM`)
  return [...keys]
}
