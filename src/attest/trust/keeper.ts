import { MayflyError } from '../../lib/index.ts'
import { trustChanges, type Authority } from '../sign/index.ts'
import { verifyBundle } from '../verify/index.ts'
import { createAuthorities, standingOf } from './authorities.ts'
import { draftOf, putInForce } from './documents.ts'
import { createHeld, type Held } from './held.ts'
import { keyIdOf } from './keys.ts'
import type { Published, TrustDeps, TrustKeeper } from './model.ts'
import { doesNotHold, noAuthority, notYet, refuseExpired } from './nothing-attested.ts'
import { revokeKey } from './revoking.ts'
import { refuseOtherKeys } from './root.ts'
import { rotateAuthority, rotateRoot } from './rotating.ts'
import { signingKeys } from './signing-keys.ts'
import { trustStanding } from './standing.ts'
import { storedDocument, type TrustState } from './state.ts'
import { createSweeping, type Sweeping } from './sweeping.ts'

type Authorities = ReturnType<typeof createAuthorities>

/**
 * Keeps the trust document of this server's store: what is to stand in it, who signs it, which CA may sign by it. Every server of the
 * store has one; the store decides which of two was faster.
 */
export function createTrustKeeper(deps: TrustDeps): TrustKeeper {
  const { store, clock, outer = {} } = deps
  const authorities = createAuthorities(deps)
  const held = createHeld(deps)
  const sweeping = createSweeping(deps, held)
  return {
    authority: () => authorityNow(deps, held, sweeping, authorities),
    check: (json) => checkBundle(deps, held, sweeping, json),
    inForce: () => held.state().document,
    async version(version) {
      const row = store.find('trust_documents', { version })
      return row === undefined ? undefined : storedDocument(row).envelope
    },
    async draft(asked) {
      asked.root?.forEach(refuseOtherKeys)
      // A person may carry it to the root key and back: what the log has made a moment ago has to be in it.
      held.doubtLog()
      await sweeping.sweepAnew()
      return draftOf(deps, held.state(), await held.keysOfLog(), asked)
    },
    async publish(envelope, by) {
      await held.refresh()
      const before = held.state()
      const text = typeof envelope === 'string' ? envelope : JSON.stringify(envelope)
      await putInForce(deps, before, text, by)
      return publishedSince(before, deps, held, sweeping)
    },
    rotateAuthority: (asked) => rotateAuthority(deps, held, sweeping, asked),
    async rotateRoot(by) {
      const before = await rotateRoot(deps, held, sweeping, by)
      return publishedSince(before, deps, held, sweeping)
    },
    async revoke(asked) {
      await held.refresh()
      const row = await revokeKey(deps, held.state(), asked)
      authorities.forget(row.key)
      await sweeping.sweepAnew()
      const said = held.state().document?.payload.revoked.find(({ key }) => key === row.key)
      const published =
        said !== undefined && said.treeSize === row.tree_size && Date.parse(said.from) === row.from_ms
      return { key: row.key, fromMs: row.from_ms, treeSize: row.tree_size, published }
    },
    async keys() {
      await held.refresh()
      return await signingKeys(deps, held.state())
    },
    standing: async () => trustStanding(held.state(), clock.nowMs(), await outerId(deps), outer),
    sweep: () => sweeping.sweep(),
    warnings: () => sweeping.warnings(),
  }
}

/** The CA that signs now. Throws `conflict` if the document in force lets none sign. */
async function authorityNow(
  deps: TrustDeps,
  held: Held,
  sweeping: Sweeping,
  authorities: Authorities,
): Promise<Authority> {
  const state = held.state()
  if (state.document === undefined) throw notYet(sweeping.warnings())
  const opened = held.opened()
  if (opened?.ok === false)
    throw new MayflyError('conflict', `nothing is attested: ${doesNotHold(opened.detail)}`)
  refuseExpired(state.document.payload.expires, deps.clock.nowMs())
  const { current, standings } = standingOf(state, deps.clock.nowMs(), await outerId(deps))
  if (current === undefined) throw noAuthority([...standings.values()])
  // Another server may have taken it back since this one has read the store.
  if (deps.store.find('attest_revocations', { key: current.id }) !== undefined) {
    authorities.forget(current.id)
    throw noAuthority(['revoked'])
  }
  return authorities.open(current)
}

function checkBundle(
  { clock }: TrustDeps,
  held: Held,
  sweeping: Sweeping,
  json: string,
): ReturnType<TrustKeeper['check']> {
  const opened = held.opened()
  if (opened === undefined) return { ok: false, detail: notYet(sweeping.warnings()).message }
  if (!opened.ok) return { ok: false, detail: doesNotHold(opened.detail) }
  const verified = verifyBundle(json, opened.trust, { nowMs: clock.nowMs() })
  if (verified.ok) return { ok: true, timeMs: verified.timeMs }
  held.doubtLog()
  return { ok: false, detail: verified.detail }
}

/** What the document in force says that the one before did not, and what waits to be said in the next. */
async function publishedSince(
  before: TrustState,
  deps: TrustDeps,
  held: Held,
  sweeping: Sweeping,
): Promise<Published> {
  await sweeping.sweepAnew()
  const state = held.state()
  const { document } = state
  if (document === undefined || document.version === before.document?.version)
    throw new MayflyError('conflict', 'another server put a document in force at the same time: ask again')
  const open = await draftOf(deps, state, await held.keysOfLog(), {})
  const changes = trustChanges(before.document?.payload, document.payload)
  return { version: document.version, changes, open: open.changes }
}

async function outerId({ outer = {} }: TrustDeps): Promise<string | undefined> {
  return outer.ca === undefined ? undefined : keyIdOf(await outer.ca.publicKey())
}
