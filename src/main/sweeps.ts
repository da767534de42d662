import type { Approvals, Notifications } from '../approval/index.ts'
import type { Attestor } from '../attest/attestor/index.ts'
import type { TrustKeeper } from '../attest/trust/index.ts'
import type { Broker, LogMemory } from '../broker/index.ts'
import { messageOf, type Clock } from '../lib/index.ts'
import type { StepLogs } from '../logs/index.ts'
import type { Recordings } from '../recordings/index.ts'
import { rotateAfterMs, type Rotation } from '../oidc-issuer/index.ts'
import type { SecretRotation } from '../rotation/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store } from '../store/index.ts'
import type { VaultControl } from '../vault/index.ts'
import type { InspectionWork } from './inspection-work.ts'
import { createSessionsEnd, createVaultWork, takenOnMs } from './vault-work.ts'

const sweepMs = 1000

/** What a server does every second, of its own accord. What fails is told, and tried again a second later. */
export function startSweeps(deps: {
  vaultControl: VaultControl
  outbox: Broker['outbox']
  notifications: Pick<Notifications, 'deliver'>
  secretRotation: Pick<SecretRotation, 'sweep'>
  logs: Pick<StepLogs, 'sweep'>
  recordings: Pick<Recordings, 'sweep'>
  attestor: Pick<Attestor, 'work'>
  inspecting: Pick<InspectionWork, 'sweep' | 'forget'>
  rotation: Pick<Rotation, 'sweep'>
  trust: Pick<TrustKeeper, 'sweep'>
  rules: RulesHolder
  broker: Pick<Broker, 'sweep' | 'revoke' | 'counts'>
  approvals: Pick<Approvals, 'sweep'>
  store: Pick<Store, 'tryAgain'>
  memory: Pick<LogMemory, 'save'>
  clock: Clock
  tell: (line: string) => void
}): { close(): void } {
  const { vaultControl, outbox, notifications, secretRotation, logs, recordings, rotation, rules, tell } =
    deps
  const { broker, approvals, store, memory, clock, trust } = deps
  const control = vaultControl
  const endSessions = createSessionsEnd({ broker, control, clock, longestMs: takenOnMs })
  const workOnVault = createVaultWork({ control, outbox, endSessions, clock, tell })
  const told = (what: string) => (error: unknown) => tell(`${what}: ${messageOf(error)}`)
  const sweeping = setInterval(() => {
    workOnVault().catch(told('the vault waits'))
    // What ends and delivers opens what is sealed: it has been done before the vault was, or is done afterwards.
    if (!vaultControl.hasKeys()) return deps.inspecting.forget()
    notifications.deliver().catch(told('notifications wait'))
    secretRotation.sweep().catch(told('rotations wait'))
    logs.sweep().catch(told('logs of steps wait'))
    recordings.sweep().catch(told('recordings wait'))
    deps.attestor.work().catch(told('attestations wait'))
    deps.inspecting.sweep().catch(told('what secrets look like is not known'))
    trust.sweep().catch(told('the trust document waits'))
    rotation
      .sweep(rotateAfterMs(rules.loaded ? rules.current().document.identity_tokens : undefined))
      .catch(told('new signing keys wait'))
    Promise.all([broker.sweep(), approvals.sweep(), store.tryAgain(), memory.save()]).catch(
      told('revoking what has expired failed and is tried again'),
    )
  }, sweepMs)
  return { close: () => clearInterval(sweeping) }
}
