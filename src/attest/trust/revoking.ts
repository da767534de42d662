import { MayflyError } from '../../lib/index.ts'
import { certificateKeyId, leafId, logKeyId, logSpkiId, pemKeyId } from '../sign/index.ts'
import { certificateIn } from './authorities.ts'
import type { RevokeAsked, TrustDeps } from './model.ts'
import type { RevokedRow, TrustState } from './state.ts'

/** Every key that a trust document can take back: of CAs, of signers, of logs and of timestamp authorities. */
function knownKeys({ keys, document }: TrustState): Set<string> {
  const { trustedRoot, keys: signing = [] } = document?.payload ?? {}
  return new Set([
    ...keys.filter(({ use }) => use !== 'root').map(({ id }) => id),
    ...keys.filter(({ use }) => use === 'ca').map((row) => certificateKeyId(certificateIn(row))),
    ...signing.map(({ publicKey }) => pemKeyId(publicKey)),
    ...(trustedRoot?.certificateAuthorities ?? []).map(leafId),
    ...(trustedRoot?.timestampAuthorities ?? []).map(leafId),
    ...(trustedRoot?.tlogs ?? []).map(logSpkiId),
  ])
}

function keyMeant(state: TrustState, asked: string): string {
  const start = asked.toLowerCase()
  if (!/^[0-9a-f]{8,64}$/.test(start))
    throw new MayflyError(
      'bad_input',
      'a key is named by its SHA-256 in hex, or at least the first 8 digits of it',
    )
  if (state.document?.payload.root.some((pem) => pemKeyId(pem).startsWith(start)) === true)
    throw new MayflyError(
      'bad_input',
      'that is the root key: nothing stands above it. Hand on to another one (mayfly attest root rotate root), and tell everybody who pinned it',
    )
  const [id, ...more] = [...knownKeys(state)].filter((one) => one.startsWith(start))
  if (id === undefined)
    throw new MayflyError('not_found', `no key ${asked} is trusted: mayfly attest root show lists them`)
  if (more.length > 0) throw new MayflyError('bad_input', `several keys begin with ${asked}: say more digits`)
  return id
}

/**
 * Takes a key back: nothing that it signs counts from a moment on, by the clock and by the log's length now. What is revoked earlier
 * than before stays at the earlier moment. Its private part is destroyed, if it is here.
 */
export async function revokeKey(deps: TrustDeps, state: TrustState, asked: RevokeAsked): Promise<RevokedRow> {
  const { clock, log, records } = deps
  const key = keyMeant(state, asked.key)
  const nowMs = clock.nowMs()
  const fromMs = asked.fromMs ?? nowMs
  if (fromMs > nowMs)
    throw new MayflyError('bad_input', 'a key is revoked from a moment on that has passed, or from now on')
  const known = state.revoked.find((one) => one.key === key)
  const row = {
    ...{ key, from_ms: Math.min(known?.from_ms ?? fromMs, fromMs), ...(await placeOf(log, known)) },
    ...{ reason: asked.reason, created_ms: known?.created_ms ?? nowMs },
  }
  await records.write(async (tx, add) => {
    const { from_ms, tree_size, log_id, reason } = row
    await tx
      .insertInto('attest_revocations')
      .values(row)
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ from_ms, tree_size, log_id, reason }))
      .execute()
    await tx
      .updateTable('attest_keys')
      .set({ sealed: null, retired_ms: nowMs })
      .where('id', '=', key)
      .where('retired_ms', 'is', null)
      .execute()
    const from = new Date(from_ms).toISOString()
    add([{ type: 'trust.revoked', data: { ...asked.by, key, from, tree_size, log: log_id, reason } }])
  })
  return row
}

/** Where the log ends now; if it was revoked before, where it ended then: of another log, that was the earlier one. */
async function placeOf(
  log: TrustDeps['log'],
  known: RevokedRow | undefined,
): Promise<Pick<RevokedRow, 'tree_size' | 'log_id'>> {
  const log_id = logKeyId((await log.keys()).verifierKey).toString('base64')
  const tree_size = await log.size()
  if (known === undefined) return { tree_size, log_id }
  if (known.log_id !== log_id) return { tree_size: known.tree_size, log_id: known.log_id }
  return { tree_size: Math.min(known.tree_size, tree_size), log_id }
}
