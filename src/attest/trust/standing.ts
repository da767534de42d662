import { pemKeyId, trustKeys } from '../sign/index.ts'
import { authorityRows, certificateIn, standingOf } from './authorities.ts'
import { rootsHere } from './documents.ts'
import type { TrustStanding } from './model.ts'
import type { TrustState } from './state.ts'

export function trustStanding(state: TrustState, nowMs: number, outerId: string | undefined): TrustStanding {
  const { standings } = standingOf(state, nowMs, outerId)
  const here = rootsHere(state).map(({ id }) => id)
  const { document } = state
  return {
    root: (document?.payload.root ?? []).map(pemKeyId).map((key) => ({ key, here: here.includes(key) })),
    authorities: authorityRows(state).map((row) => ({
      key: row.id,
      state: standings.get(row.id) ?? 'retired',
      signsFromMs: row.not_before_ms,
      endsMs: certificateIn(row).validToDate.getTime(),
    })),
    lines: document === undefined ? [] : trustKeys(document.payload),
  }
}
