import { pemKeyId, trustKeys } from '../sign/index.ts'
import { asUsed, authorityRows, certificateIn, standingOf } from './authorities.ts'
import { rootsHere } from './documents.ts'
import type { TrustDeps, TrustStanding } from './model.ts'
import type { TrustState } from './state.ts'

export function trustStanding(
  state: TrustState,
  nowMs: number,
  outerId: string | undefined,
  outer: NonNullable<TrustDeps['outer']>,
): TrustStanding {
  const { standings } = standingOf(state, nowMs, outerId)
  const here = rootsHere(state).map(({ id }) => id)
  const { document } = state
  return {
    root: (document?.payload.root ?? []).map(pemKeyId).map((key) => ({ key, here: here.includes(key) })),
    authorities: authorityRows(state).map((row) => ({
      key: row.id,
      state: asUsed(standings.get(row.id) ?? 'retired', outer),
      signsFromMs: row.not_before_ms,
      endsMs: certificateIn(row).validToDate.getTime(),
    })),
    lines: document === undefined ? [] : trustKeys(document.payload),
  }
}
