import type { Broker } from '../broker/index.ts'
import type { Clock } from '../lib/index.ts'
import { finishSeal, type EndSessions } from '../server/index.ts'
import type { VaultControl } from '../vault/index.ts'

/**
 * What a server does for the vault each second: fetch a root that is missing, seal on what a rotation has left, finish a seal that
 * another server began and was killed in.
 */
export function createVaultWork(deps: {
  control: VaultControl
  outbox: Broker['outbox']
  endSessions: EndSessions
  clock: Clock
  tell: (line: string) => void
}): () => Promise<void> {
  const { control, outbox, endSessions, clock, tell } = deps
  let working = false
  let told = ''

  async function rotate(): Promise<void> {
    while (control.closed() === undefined) {
      const { more, broken, finish } = await control.rotation.step()
      // A pass comes to them again each second.
      const line = broken.slice(0, 5).join(', ')
      if (line !== '' && line !== told)
        tell(
          `the vault keeps its older key, since this does not open: ${line}: destroy it, or restore it from a backup`,
        )
      told = line === '' ? told : line
      if (finish !== undefined)
        await outbox.write(async (tx, add) => {
          const key = await finish(tx)
          if (key !== undefined) add([{ type: 'vault.rotated', data: { state: 'finished', key } }])
        })
      if (!more) return
    }
  }

  async function sealOn(): Promise<void> {
    if (!control.isSealing()) return
    if (await finishSeal({ vaultControl: control, endSessions, clock })) outbox.deliver()
  }

  return async () => {
    if (working) return
    working = true
    try {
      await sealOn()
      await control.tryAgain()
      await rotate()
    } finally {
      working = false
    }
  }
}

/** As long as an operator waits who seals. */
export const sealMs = 10_000
/** What a killed server was revoking is claimed by it for a minute: whoever finishes its seal has time to revoke that, too. */
export const takenOnMs = 75_000
const pause = () => new Promise((next) => setTimeout(next, 50))

/**
 * Before the vault is sealed: leases are revoked by what is sealed, and names in the log are sealed, too. Gives back how many
 * leases are not revoked after so long.
 */
export function createSessionsEnd(deps: {
  broker: Pick<Broker, 'revoke' | 'counts'>
  control: Pick<VaultControl, 'isSealing'>
  clock: Clock
  longestMs: number
}): EndSessions {
  const { broker, control, clock, longestMs } = deps
  return async () => {
    await broker.revoke({ all: true }, 'vault_sealed')
    const untilMs = clock.nowMs() + longestMs
    for (;;) {
      const { active, ending, undelivered } = await broker.counts()
      const left = active + ending
      if ((left === 0 && undelivered === 0) || clock.nowMs() > untilMs || !control.isSealing()) return left
      await pause()
    }
  }
}
