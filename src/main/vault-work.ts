import type { Broker } from '../broker/index.ts'
import type { Clock } from '../lib/index.ts'
import type { VaultControl } from '../vault/index.ts'

/** What a server does for the vault each second: fetch a root that is missing, seal on what a rotation has left. */
export function createVaultWork(deps: {
  control: VaultControl
  outbox: Broker['outbox']
  tell: (line: string) => void
}): () => Promise<void> {
  const { control, outbox, tell } = deps
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

  return async () => {
    if (working) return
    working = true
    try {
      await control.tryAgain()
      await rotate()
    } finally {
      working = false
    }
  }
}

const longestMs = 10_000
const pause = () => new Promise((next) => setTimeout(next, 50))

/** Before the vault is sealed: leases are revoked by what is sealed, and names in the log are sealed, too. */
export function createSessionsEnd(broker: Broker, clock: Clock): () => Promise<void> {
  return async () => {
    await broker.revoke({ all: true }, 'vault_sealed')
    const untilMs = clock.nowMs() + longestMs
    for (;;) {
      const { active, ending, undelivered } = await broker.counts()
      if ((active + ending === 0 && undelivered === 0) || clock.nowMs() > untilMs) return
      await pause()
    }
  }
}
