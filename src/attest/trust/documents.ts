import { MayflyError, sha256Hex } from '../../lib/index.ts'
import { isDuplicate } from '../../store/index.ts'
import {
  envelopeOf,
  isSameTrust,
  pemKeyId,
  trustChanges,
  trustContent,
  type Envelope,
  type LogKeys,
  type TrustContent,
  type TrustPayload,
} from '../sign/index.ts'
import { openTrustDocument, preAuthEncoding, trustDocumentType } from '../verify/index.ts'
import { authorityRows, certificateIn } from './authorities.ts'
import { openKeyRow } from './keys.ts'
import type { By, Draft, DraftAsked, TrustDeps } from './model.ts'
import { payloadIn, type KeyRow, type StoredDocument, type TrustState } from './state.ts'

const dayMs = 86_400_000
/** A document that is signed here is signed anew in time; one that a person signs is good for longer. */
export const goodForMs = { here: 90 * dayMs, offline: 400 * dayMs } as const
/** Clocks differ, and a timestamp has whole seconds. */
const earlierMs = 300_000
export const renewMs = 45 * dayMs

const iso = (ms: number) => new Date(ms).toISOString()

/** What the next document has to say. */
export function contentNow(
  { url, clock }: Pick<TrustDeps, 'url' | 'clock'>,
  state: TrustState,
  log: LogKeys,
  root: readonly string[],
): TrustContent {
  const facts = {
    ...{ url: url(), log, root },
    authorities: authorityRows(state).map((row) => ({
      certificate: certificateIn(row).raw,
      retiredMs: row.retired_ms ?? undefined,
    })),
    keys: state.keys
      .filter(({ use }) => use === 'signing')
      .map(({ public_key, created_ms }) => ({ publicKey: public_key, sinceMs: created_ms - earlierMs })),
    revoked: state.revoked.map(({ key, from_ms, tree_size, log_id, reason }) => ({
      ...{ key, from: iso(from_ms), treeSize: tree_size, reason },
      ...(log_id === null ? {} : { log: log_id }),
    })),
  }
  return trustContent(facts, state.document?.payload, clock.nowMs())
}

/** Root keys of the document in force (before the first one, of the store) that can sign here. */
export function rootsHere(state: TrustState): KeyRow[] {
  const inForce = state.document?.payload.root.map(pemKeyId)
  return state.keys.filter(
    ({ id, use, sealed, retired_ms }) =>
      use === 'root' && sealed !== null && retired_ms === null && (inForce?.includes(id) ?? true),
  )
}

export function isDue(state: TrustState, content: TrustContent, nowMs: number): boolean {
  const { document } = state
  if (document === undefined || !isSameTrust(document.payload, content)) return true
  const { expires } = document.payload
  return expires !== undefined && Date.parse(expires) - nowMs < renewMs
}

/** The next document, signed by those root keys that are here: of those in force, and `alsoBy`, which are to follow. */
export async function draftOf(
  deps: TrustDeps,
  state: TrustState,
  log: LogKeys,
  asked: DraftAsked & { readonly alsoBy?: readonly KeyRow[] },
): Promise<Draft> {
  const { document } = state
  const inForce = document?.payload.root ?? []
  const by = [...rootsHere(state), ...(asked.alsoBy ?? [])]
  const ids = by.map(({ id }) => id)
  const root = asked.root ?? (document === undefined ? by.map(({ public_key }) => public_key) : inForce)
  const nowMs = deps.clock.nowMs()
  const isHere = root.some((pem) => ids.includes(pemKeyId(pem)))
  const expiresMs = asked.expiresMs ?? nowMs + (isHere ? goodForMs.here : goodForMs.offline)
  const payload: TrustPayload = {
    ...{ version: (document?.version ?? 0) + 1, issued: iso(nowMs), expires: iso(expiresMs) },
    ...contentNow(deps, state, log, root),
  }
  // One of the keys in force hands on to one of those that come.
  const needed = [inForce, root].map((keys) => keys.map(pemKeyId)).filter((keys) => keys.length > 0)
  const missing = needed.filter((keys) => !keys.some((id) => ids.includes(id))).flat()
  return {
    payload,
    envelope: JSON.stringify(await signedBy(deps, by, payload)),
    previous: document?.envelope,
    changes: trustChanges(document?.payload, payload),
    missing: [...new Set(missing)],
  }
}

async function signedBy(
  { vaultKey }: Pick<TrustDeps, 'vaultKey'>,
  rows: readonly KeyRow[],
  payload: TrustPayload,
): Promise<Envelope> {
  const bytes = Buffer.from(JSON.stringify(payload))
  const message = preAuthEncoding(trustDocumentType, bytes)
  const signatures = rows.map(async (row) => ({
    signature: await openKeyRow(vaultKey, row).sign(message),
    keyId: row.id,
  }))
  return envelopeOf(trustDocumentType, bytes, await Promise.all(signatures))
}

/**
 * Puts a document in force that the root in force signed, and the root that it names. Root keys that it names no more are destroyed
 * here. False if another server was faster. Throws `denied` and `conflict`, saying what is wrong with it.
 */
export async function putInForce(
  deps: TrustDeps,
  state: TrustState,
  envelope: string,
  by: By,
): Promise<boolean> {
  const { document } = state
  const payload = checkedPayload(envelope, document, deps.clock.nowMs())
  const nowMs = deps.clock.nowMs()
  const rootIds = payload.root.map(pemKeyId)
  const event = {
    type: 'trust.published',
    data: {
      ...{ ...by, version: payload.version, document: sha256Hex(envelope), root: rootIds },
      ...(payload.expires === undefined ? {} : { expires: payload.expires }),
      changes: trustChanges(document?.payload, payload).slice(0, maxChanges),
    },
  }
  try {
    await deps.records.write(async (tx, add) => {
      const row = { version: payload.version, envelope, created_ms: nowMs }
      await tx.insertInto('trust_documents').values(row).execute()
      await tx
        .updateTable('attest_keys')
        .set({ sealed: null, retired_ms: nowMs })
        .where('use', '=', 'root')
        .where('id', 'not in', rootIds)
        .where('retired_ms', 'is', null)
        .execute()
      add([event])
    })
    return true
  } catch (error) {
    if (isDuplicate(error)) return false
    throw error
  }
}

/** Of a document that changes everything; the document itself says the rest. */
const maxChanges = 50

function checkedPayload(envelope: string, before: StoredDocument | undefined, nowMs: number): TrustPayload {
  const pinned = before?.payload.root ?? payloadIn(envelope).root
  const opened = openTrustDocument(envelope, pinned, { nowMs })
  if (!opened.ok)
    throw new MayflyError(
      'denied',
      `the trust document is not put in force: ${opened.detail}; mayfly attest root next gives the one to sign`,
    )
  if (before !== undefined && opened.version <= before.version)
    throw new MayflyError('conflict', whyNotNewer(opened.version, envelope, before))
  return payloadIn(envelope)
}

function whyNotNewer(version: number, envelope: string, before: StoredDocument): string {
  const [payload, inForce] = [envelope, before.envelope].map((one) => (JSON.parse(one) as Envelope).payload)
  // Signed once more it is the same document.
  if (payload === inForce)
    return `version ${version} of the trust document is in force already: there is nothing to publish`
  return `version ${version} of the trust document is not put in force, since version ${before.version} is: mayfly attest root next gives the one to sign`
}
