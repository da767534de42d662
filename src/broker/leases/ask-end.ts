import type { Clock } from '../../lib/index.ts'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { UpstreamBusy, type Held, type IssuerTools } from '../../credentials/index.ts'
import { graceMs, type Ender } from './held.ts'
import type { Answer } from './judge.ts'

/** What was asked for and never answered may come to be that much later. */
export const settleMs = 60_000
/** After so many tries a probe that cannot be made keeps no lease open: its upstream has confirmed. */
const probeTries = 3

interface Asked {
  readonly means: string
  readonly attempts: number
  readonly asked_ms: number | null
  readonly revoking_ms: number | null
}

/**
 * Asks an upstream to end a credential, and whether it is dead. Never throws. What was asked for and not heard of is looked for
 * by its plan, and is believed to be not there once it has had the time to come.
 */
export async function askEnd(
  issuer: Ender,
  held: Held,
  row: Asked,
  { tools, clock }: { tools: IssuerTools; clock: Clock },
): Promise<Answer> {
  try {
    const unheard = row.asked_ms ?? undefined
    const known = held.handle === undefined ? undefined : await endKnown(issuer, held, tools)
    const askedMs = clock.nowMs()
    // Without a handle there is nothing else to ask by.
    const planned =
      unheard === undefined && known !== undefined
        ? undefined
        : await issuer.revoke({ ...held, handle: undefined }, tools)
    if (known === 'nothing_to_do' || planned === 'nothing_to_do') return { said: 'nothing_to_do' }
    if (unheard !== undefined && askedMs < unheard + settleMs && askedMs >= unheard)
      return {
        said: 'not_yet',
        why: 'its upstream may still make what it was asked for',
        againMs: unheard + settleMs,
        wasThere: known === 'revoked' || planned === 'revoked',
      }
    const found = known ?? planned
    if (held.handle === undefined || issuer.probe === undefined)
      return { said: 'gone', proof: found === 'not_found' ? 'not_found' : 'confirmed' }
    const probed = await probe(issuer, held, row, tools)
    if (probed === 'alive') return stillAlive(row, clock.nowMs())
    return { said: 'gone', proof: probed === 'dead' ? 'probed' : 'confirmed' }
  } catch (error) {
    const why = messageOf(error).slice(0, 500)
    return error instanceof UpstreamBusy
      ? { said: 'failed', why, retryAfterMs: error.retryAfterMs }
      : { said: 'failed', why }
  }
}

/** One that is dead may not even end itself: where its end is refused, whether it lives decides. */
async function endKnown(issuer: Ender, held: Held, tools: IssuerTools) {
  try {
    return await issuer.revoke(held, tools)
  } catch (error) {
    const isRefused = error instanceof MayflyError && error.code === 'credential_failed'
    const said = isRefused ? await issuer.probe?.(held, tools).catch(() => 'unknown') : 'unknown'
    if (said === 'dead') return 'not_found'
    throw error
  }
}

async function probe(issuer: Ender, held: Held, row: Asked, tools: IssuerTools) {
  try {
    return await issuer.probe?.(held, tools)
  } catch (error) {
    if (row.attempts + 1 < probeTries) throw error
    return 'unknown'
  }
}

/** Where revoking takes its time, that is what was said of it; elsewhere it has not worked. */
function stillAlive({ means, revoking_ms }: Asked, nowMs: number): Answer {
  const untilMs = (revoking_ms ?? nowMs) + graceMs(means)
  if (nowMs >= untilMs)
    return { said: 'failed', why: 'its upstream says that it was revoked, and it still works' }
  const againMs = Math.min(untilMs, nowMs + 15_000)
  return { said: 'not_yet', why: 'it still works, as it may for a while', againMs, wasThere: true }
}
