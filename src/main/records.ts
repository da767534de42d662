import { existsSync } from 'node:fs'
import { createAttestationLog } from '../attest/sign/index.ts'
import { createAuditClient } from '../audit/client/index.ts'
import {
  createAttestationMemory,
  createLogMemory,
  createPeople,
  createStoredRunNumbers,
} from '../broker/index.ts'
import type { Clock } from '../lib/index.ts'
import { openStore, startCheckpoints } from '../store/index.ts'
import { createStoredRing, createVaultControl } from '../vault/index.ts'
import { pinAuditKey, startAuditProcess } from './audit-process.ts'
import type { DataFolder } from './data-folder.ts'
import { compareLogAndStore } from './log-and-store.ts'
import { tryToOpen } from './sealed-start.ts'
import { auditTlsOf, type UpOptions } from './up-options.ts'
import { providersOf } from './vault-file.ts'

/**
 * What everything else stands on: the audit log in its process, the store, the vault's control, held against each other before
 * anything is issued. What it opens, `started` closes. Throws MayflyError if one of them cannot be used.
 */
export async function openRecords(
  options: UpOptions,
  { folder, clock, started }: { folder: DataFolder; clock: Clock; started: AsyncDisposableStack },
) {
  const { tell } = options
  // It holds the lock of the folder. A start that is refused must not have brought the store to a version that the server
  // which is running there does not know.
  const auditProcess = await startAuditProcess({
    command: options.self,
    folder: folder.auditFolder,
    notInside: folder.serverFolders,
    witnessPolicy: options.witnessPolicy,
    host: options.auditHost,
    port: options.auditPort,
    tls: auditTlsOf(options),
    caFile: options.caFile,
    appendToken: folder.appendToken,
    tell,
  })
  started.defer(() => auditProcess.close())
  const { ready: auditLog } = auditProcess
  const logUrl = auditLog.localUrl ?? auditLog.url
  pinAuditKey(folder.auditKeyFile, auditLog.verifierKey)
  pinAuditKey(folder.attestationKeyFile, auditLog.attestationKey, 'the attestation log')
  const isNewStore = !existsSync(folder.database)
  const store = openStore(folder.database)
  started.defer(() => store.close())
  const checkpoints = startCheckpoints(folder.database)
  started.defer(() => checkpoints.close())
  const ring = createStoredRing(store)
  const { keyFile } = folder
  const providers = () => providersOf(options.vault, keyFile)
  const vaultControl = createVaultControl({ store, ring, clock, keyFile, providers })
  const waits = await tryToOpen(vaultControl)
  const numbers = createStoredRunNumbers(store)
  const known = createPeople({ store, vaultKey: ring, clock })
  const memory = createLogMemory(store)
  const compared = await compareLogAndStore({
    logUrl,
    verifierKey: auditLog.verifierKey,
    memory,
    store,
    isNewStore,
    acceptRollback: options.acceptLogRollback,
  })
  started.defer(() => memory.save())
  const audit = createAuditClient({
    remembered: memory.remembered(),
    onReceipt: (receipt) => memory.remember(receipt),
    tell,
    url: logUrl,
    appendToken: folder.appendToken,
    verifierKey: auditLog.verifierKey,
    source: 'mayfly://server',
    clock,
    numbers,
    people: known,
  })
  started.defer(() => audit.close())
  const attestationMemory = createAttestationMemory(store)
  const attestationLog = createAttestationLog({
    ...{ url: logUrl, appendToken: folder.appendToken, verifierKey: auditLog.attestationKey },
    remembered: options.acceptLogRollback ? undefined : attestationMemory.remembered(),
    onHead: (checkpoint) => attestationMemory.remember(checkpoint),
  })
  started.defer(() => attestationLog.close())
  return {
    ...{ auditProcess, auditLog, logUrl, store, ring, vaultControl, waits },
    ...{ numbers, known, memory, compared, audit, attestationLog },
  }
}
