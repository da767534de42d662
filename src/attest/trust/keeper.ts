import { MayflyError, messageOf } from '../../lib/index.ts'
import { trustChanges, type LogKeys } from '../sign/index.ts'
import { openTrustDocument, verifyBundle, type Trust } from '../verify/index.ts'
import { createAuthorities, publishedAuthorities, standingOf } from './authorities.ts'
import { contentNow, draftOf, isDue, putInForce, rootsHere } from './documents.ts'
import { keyIdOf, newRootRow } from './keys.ts'
import { addKey, announceMs, bringForward, makeAuthorityRow, makeMissing, nextNumber } from './making.ts'
import type { By, DraftAsked, Published, TrustDeps, TrustKeeper } from './model.ts'
import { revokeKey } from './revoking.ts'
import { readState, storedDocument, type TrustState } from './state.ts'
import { refuseOtherKeys } from './root.ts'
import { signingKeys } from './signing-keys.ts'
import { trustStanding } from './standing.ts'
import { warningsOf } from './warnings.ts'

const nothing: TrustState = { keys: [], revoked: [], document: undefined }
const maxRounds = 5
const askAgainMs = 30_000
/** A trusted root has at most 100 of each (Sigstore's readers, and ours). */
const maxAuthorities = 90

/**
 * Keeps the trust document of this server's store: what is to stand in it, who signs it, which CA may sign by it. Every server of the
 * store has one; the store decides which of two was faster.
 */
export function createTrustKeeper(deps: TrustDeps): TrustKeeper {
  const { store, clock, log, outer = {} } = deps
  const authorities = createAuthorities(deps)
  let state = nothing
  let trust: Trust | undefined
  let logKeys: LogKeys | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  let warnings: readonly string[] = []
  let sweeping: Promise<void> | undefined

  async function refresh(): Promise<void> {
    const before = state.document?.envelope
    state = await readState(store)
    const { document } = state
    if (document !== undefined && (document.envelope !== before || trust === undefined))
      trust = trustIn(document.envelope, document.payload.root, clock.nowMs())
  }

  /** As long as the log does not answer, what it said before. It is asked now and then: sweeps come every second. */
  async function keysOfLog(): Promise<LogKeys> {
    if (logKeys !== undefined && performance.now() - askedMs < askAgainMs) return logKeys
    try {
      logKeys = await log.keys()
      askedMs = performance.now()
    } catch (error) {
      if (logKeys === undefined) throw error
    }
    return logKeys
  }

  async function sweepNow(): Promise<void> {
    await refresh()
    const problems: string[] = []
    try {
      for (let round = 0; round < maxRounds; round++) {
        const isNew = await makeMissing(deps, state)
        if (isNew) await refresh()
        if (!(await signDue()) && !isNew) break
      }
    } catch (error) {
      problems.push(messageOf(error))
    }
    warnings = await warningsOf(deps, state, logKeys, problems)
  }

  /** True if the store has a newer document now. */
  async function signDue(): Promise<boolean> {
    const keys = await keysOfLog()
    const here = rootsHere(state)
    const root = state.document?.payload.root ?? here.map(({ public_key }) => public_key)
    if (here.length === 0 || !isDue(state, contentNow(deps, state, keys, root), clock.nowMs())) return false
    const { envelope } = await draftOf(deps, state, keys, {})
    await putInForce(deps, state, envelope, { reason: 'due' })
    await refresh()
    return true
  }

  async function outerId(): Promise<string | undefined> {
    return outer.ca === undefined ? undefined : keyIdOf(await outer.ca.publicKey())
  }

  function sweep(): Promise<void> {
    sweeping ??= sweepNow().finally(() => {
      sweeping = undefined
    })
    return sweeping
  }

  /** One that began before does not know yet what has just changed. */
  async function sweepAnew(): Promise<void> {
    await sweeping
    await sweep()
  }

  async function publishedNow(before: TrustState): Promise<Published> {
    await sweepAnew()
    const { document } = state
    if (document === undefined || document.version === before.document?.version)
      throw new MayflyError('conflict', 'another server put a document in force at the same time: ask again')
    const open = await draftOf(deps, state, await keysOfLog(), {})
    const changes = trustChanges(before.document?.payload, document.payload)
    return { version: document.version, changes, open: open.changes }
  }

  return {
    async authority() {
      const { document } = state
      if (document === undefined) throw notYet(warnings)
      refuseExpired(document.payload.expires, clock.nowMs())
      const { current, standings } = standingOf(state, clock.nowMs(), await outerId())
      if (current === undefined) throw noAuthority([...standings.values()])
      // Another server may have taken it back since this one has read the store.
      if (store.find('attest_revocations', { key: current.id }) !== undefined) {
        authorities.forget(current.id)
        throw noAuthority(['revoked'])
      }
      return authorities.open(current)
    },
    check(json) {
      if (trust === undefined) return { ok: false, detail: notYet(warnings).message }
      const verified = verifyBundle(json, trust, { nowMs: clock.nowMs() })
      if (verified.ok) return { ok: true, timeMs: verified.timeMs }
      // Perhaps the log's process has another authority for timestamps by now.
      askedMs = Number.NEGATIVE_INFINITY
      return { ok: false, detail: verified.detail }
    },
    inForce: () => state.document,
    async version(version) {
      const row = store.find('trust_documents', { version })
      return row === undefined ? undefined : storedDocument(row).envelope
    },
    async draft(asked: DraftAsked) {
      asked.root?.forEach(refuseOtherKeys)
      await sweepAnew()
      return draftOf(deps, state, await keysOfLog(), asked)
    },
    async publish(envelope, by) {
      await refresh()
      const before = state
      const text = typeof envelope === 'string' ? envelope : JSON.stringify(envelope)
      await putInForce(deps, before, text, by)
      return publishedNow(before)
    },
    async rotateAuthority({ now, by }) {
      await sweepAnew()
      if (outer.ca !== undefined || outer.signer !== undefined)
        throw new MayflyError(
          'bad_input',
          'the key that signs is not kept here: name the next one in the file of mayfly up --attest (next), start again, and later make it the one that signs (docs/attest-root.md)',
        )
      const before = state
      const asOf = standingOf(before, clock.nowMs(), undefined)
      const waits = before.keys.findLast(({ id }) =>
        ['next', 'unpublished'].includes(asOf.standings.get(id) ?? ''),
      )
      const waiting = waits === undefined || !now ? waits : await bringForward(deps, waits, by)
      const row = waiting ?? (await makeAuthorityRow(deps, before, now ? 0 : announceMs))
      if (waiting === undefined) {
        if (before.keys.filter(({ use }) => use === 'ca').length >= maxAuthorities)
          throw new MayflyError('limit_exceeded', `a trust document takes no more than ${maxAuthorities} CAs`)
        if (!(await addKey(deps, row, { reason: now ? 'compromised' : 'asked', ...by })))
          throw new MayflyError('conflict', 'another server makes a CA at the same time: ask again')
      }
      await sweepAnew()
      const published = publishedAuthorities(state).includes(row.id)
      return { key: row.id, signsFromMs: row.not_before_ms, pending: waiting !== undefined, published }
    },
    async rotateRoot(by: By) {
      await sweepAnew()
      const before = state
      if (rootsHere(before).length === 0)
        throw new MayflyError(
          'bad_input',
          'the root key is offline: make the next one (mayfly attest root init), ask for a document that names it (mayfly attest root next --root FILE.pub), sign it with both, and publish it',
        )
      const created_ms = clock.nowMs()
      const times = { number: nextNumber(before, 'root'), created_ms, not_before_ms: created_ms }
      const row = await newRootRow(deps.vaultKey, times)
      if (!(await addKey(deps, row, { reason: 'asked', ...by })))
        throw new MayflyError('conflict', 'another server makes a root key at the same time: ask again')
      const asked = { root: [row.public_key], alsoBy: [row] }
      const { envelope } = await draftOf(deps, before, await keysOfLog(), asked)
      await putInForce(deps, before, envelope, by)
      return publishedNow(before)
    },
    async revoke(asked) {
      await refresh()
      const row = await revokeKey(deps, state, asked)
      authorities.forget(row.key)
      await sweepAnew()
      const said = state.document?.payload.revoked.find(({ key }) => key === row.key)
      const published =
        said !== undefined && said.treeSize === row.tree_size && Date.parse(said.from) === row.from_ms
      return { key: row.key, fromMs: row.from_ms, treeSize: row.tree_size, published }
    },
    async keys() {
      await refresh()
      return await signingKeys(deps, state)
    },
    standing: async () => trustStanding(state, clock.nowMs(), await outerId(), outer),
    sweep,
    warnings: () => warnings,
  }
}

/** By whatever time it was good: that it has ended is told where something would be signed by it. */
function trustIn(envelope: string, root: readonly string[], nowMs: number): Trust | undefined {
  const opened = openTrustDocument(envelope, root, { nowMs, mayHaveEnded: true })
  return opened.ok ? opened.trust : undefined
}

function notYet(warnings: readonly string[]): MayflyError {
  const why = warnings[0] === undefined ? '' : ` (${warnings[0]})`
  return new MayflyError('conflict', `nothing is attested yet: there is no trust document${why}`)
}

function refuseExpired(expires: string | undefined, nowMs: number): void {
  if (expires === undefined || nowMs <= Date.parse(expires)) return
  throw new MayflyError(
    'conflict',
    `nothing is attested: the trust document ended at ${expires}, and nobody would take what is signed; have the next one signed: mayfly attest root next`,
  )
}

function noAuthority(standings: readonly string[]): MayflyError {
  const waits = standings.includes('unpublished')
  return new MayflyError(
    'conflict',
    waits
      ? 'nothing is attested: the new CA is not in the trust document yet; have it signed: mayfly attest root next'
      : `nothing is attested: no CA may sign (${[...new Set(standings)].join(', ') || 'none was made'}): mayfly attest root rotate ca --now`,
  )
}
