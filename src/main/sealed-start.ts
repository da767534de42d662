import { setTimeout as pause } from 'node:timers/promises'
import type { AuditClient } from '../audit/client/index.ts'
import { MayflyError, messageOf, ownUrl, type Clock, type ServedCertificate } from '../lib/index.ts'
import { createOperatorAccess, createOperatorSessions, type ApiTokens } from '../operators/index.ts'
import { finishSeal, startSealedServer } from '../server/index.ts'
import type { Store } from '../store/index.ts'
import type { VaultControl } from '../vault/index.ts'
import { sealMs } from './vault-work.ts'

/** May be mended while we run: by somebody who unseals, or by a provider that comes back. Anything else ends the start. */
const waitsFor: ReadonlySet<string> = new Set(['vault_sealed', 'upstream_unreachable', 'credential_failed'])

/**
 * Opens the vault. Gives back why it is not open, where that may change; throws what will not change by itself. One that was being
 * sealed when its server was killed opens once more: what was issued is revoked by its keys, then it is sealed.
 */
export async function tryToOpen(control: VaultControl): Promise<string | undefined> {
  try {
    await control.open()
  } catch (error) {
    if (error instanceof MayflyError && waitsFor.has(error.code)) return messageOf(error)
    throw error
  }
  return control.hasKeys() ? undefined : control.closed()
}

const pollMs = 250

/** Serves what opens the vault until it is open. Gives back at which port. Throws `server_stopping` if `signal` comes first. */
export async function waitUntilOpen(deps: {
  control: VaultControl
  store: Store
  audit: AuditClient
  apiTokens: ApiTokens
  clock: Clock
  host: string
  port: number
  certificate: ServedCertificate | undefined
  signal: AbortSignal | undefined
  tell: (line: string) => void
  /** Once it is served. */
  announce: (at: { url: string; reason: string }) => void
}): Promise<number> {
  const { control, store, clock, certificate, signal, tell } = deps
  const sessions = createOperatorSessions({ store, clock })
  const none = {
    loaded: false,
    current: (): never => {
      throw new MayflyError('vault_sealed', 'no policy is in force while the vault is sealed')
    },
  }
  const server = await startSealedServer({
    ...{ host: deps.host, port: deps.port, vaultControl: control, audit: deps.audit, clock, tell },
    operators: createOperatorAccess({ apiTokens: deps.apiTokens, sessions, rules: none, url: () => '' }),
    ...(certificate === undefined ? {} : { certificate }),
  })
  try {
    const url = ownUrl({ host: deps.host, port: server.port, certificate })
    deps.announce({ url, reason: control.closed() ?? 'sealed' })
    let isOurs = false
    const beganMs = clock.nowMs()
    while (!control.hasKeys()) {
      if (signal?.aborted === true)
        throw new MayflyError('server_stopping', 'stopped while the vault was sealed')
      await pause(pollMs)
      // Nobody gives the keys by which what was issued could be revoked.
      if (control.isSealing() && clock.nowMs() > beganMs + sealMs) await sealWithoutKeys(deps)
      const isClosed = control.closed() !== undefined
      await control.tryAgain()
      isOurs = isClosed && control.closed() === undefined
    }
    // An operator who opened it has an entry of his own.
    if (isOurs) await deps.audit.append({ type: 'vault.unsealed', data: { by: 'mayfly up' } })
    return server.port
  } finally {
    await server.close()
  }
}

async function sealWithoutKeys({ control, clock }: { control: VaultControl; clock: Clock }): Promise<void> {
  await finishSeal({ vaultControl: control, endSessions: () => Promise.resolve(undefined), clock })
}
