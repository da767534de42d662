import { rmSync } from 'node:fs'
import { systemClock, version, ownUrl } from '../lib/index.ts'
import { createApprovals, createNotifications, createWebhookSender } from '../approval/index.ts'
import {
  createAccessTokens,
  createBroker,
  createStoredArchiveDates,
  createStoredArtifactLists,
  createStoredFirstSeen,
  createStoredProvenance,
  createStoredTreeHeads,
  createStoredLockfiles,
  createStoredRunArtifacts,
  createStoredStepMaterials,
  loadRunKeys,
} from '../broker/index.ts'
import { createEgressGuard, createGateway, createKeptFiles, type EgressGuard } from '../gateway/index.ts'
import { createHoney } from '../honey/index.ts'
import { createHttpClient } from '../http-client/index.ts'
import { cacheBytes, logLimits, recordingLimits } from '../config/index.ts'
import { createFolderStorage, createStepLogs } from '../logs/index.ts'
import { createRecordings } from '../recordings/index.ts'
import { createProofNonces, createProofVerifier, startCheckThread } from '../identity/index.ts'
import {
  createApiTokens,
  createCliLogin,
  createOperatorAccess,
  createOperatorSessions,
  createSignIn,
  scopes,
} from '../operators/index.ts'
import { createIdentityTokens, createRotation, createSigningKeys } from '../oidc-issuer/index.ts'
import { createCommands, createSecretRotation } from '../rotation/index.ts'
import { createRules, type RulesHolder } from '../rules/index.ts'
import { createApiServer, createHealth, createMetrics, missingSecrets } from '../server/index.ts'
import { createVault, openSealed, seal } from '../vault/index.ts'
import { attestDocument } from './attest-file.ts'
import { createAttestSigning } from './attest-signing.ts'
import { createAttestWork } from './attest-work.ts'
import { createFindings } from '../audit/findings/index.ts'
import { httpSource } from '../audit/verify/index.ts'
import { startForwardProcess } from './audit-process.ts'
import { endWork } from './end-work.ts'
import { openDataFolder, writeWhole } from './data-folder.ts'
import { recordCompared, warningsOf } from './log-and-store.ts'
import { createInspectionWork } from './inspection-work.ts'
import { openRecords } from './records.ts'
import { secretsElsewhere } from './kept-elsewhere.ts'
import { certificateOf } from './serving.ts'
import { startSweeps } from './sweeps.ts'
import { waitUntilOpen } from './sealed-start.ts'
import { usesKeyFile } from './vault-file.ts'
import { refuseNamelessUrl, refuseOpenNetwork, type UpOptions } from './up-options.ts'
import { createSessionsEnd, sealMs } from './vault-work.ts'

export interface Up {
  readonly url: string
  readonly gatewayUrl: string
  readonly auditUrl: string
  readonly auditFolder: string
  readonly auditKeyFile: string
  readonly auditPid: number | undefined
  /** Only at the very first start; shown once and kept nowhere. */
  readonly operatorToken: string | undefined
  readonly rules: RulesHolder
  /** Takes no new work, waits for open steps as long as that, then ends them; nothing is lost. */
  close(drainSeconds: number): Promise<void>
}

/** Server and gateway in this process, the audit log in its own. Throws MayflyError if one of them cannot start. */
export async function startUp(options: UpOptions): Promise<Up> {
  const { clock = systemClock, tell } = options
  refuseOpenNetwork(options)
  // A mistake in it ends the start before there is anything to take back.
  const attested = attestDocument(options.attest)
  const folder = openDataFolder(options.dataFolder, usesKeyFile(options.vault))
  await using started = new AsyncDisposableStack()
  const certificate = certificateOf(options, tell)
  if (certificate !== undefined) started.defer(() => certificate.close())
  refuseNamelessUrl(options, certificate)
  const records = await openRecords(options, { folder, clock, started })
  const { auditProcess, auditLog, logUrl, store, ring, vaultControl, waits } = records
  const { numbers, known, memory, compared, audit, attestationLog } = records
  // As an issuer it is compared letter by letter, and addresses are written behind it.
  let url = options.url?.replace(/\/+$/, '') ?? ''
  // A server that was killed may number an entry twice: whoever looks for gaps sees where it began anew.
  await audit.append({ type: 'server.started', data: { version, node: process.version } })
  const apiTokens = createApiTokens({ store, clock })
  // Where people must open the vault they need it now.
  const earlyToken = waits === undefined ? undefined : await firstOperator()
  // Who opened it goes on where he asked, also if any port would have done.
  const apiPort =
    waits === undefined
      ? options.port
      : await waitUntilOpen({
          ...{ control: vaultControl, store, audit, apiTokens, clock, certificate, tell },
          ...{ host: options.host, port: options.port, signal: options.signal },
          announce: (at) => options.sealed?.({ ...at, operatorToken: earlyToken }),
        })
  const signingKeys = await createSigningKeys({ store, vaultKey: ring, clock })
  let inForce: RulesHolder | undefined
  const http = createHttpClient({ tunnel: (host, port) => tunnelOf(guard, rules, host, port) })
  const identityToken = createIdentityTokens({
    signingKeys,
    clock,
    url: () => url,
    document: () => rules.current().document,
  })
  const openSecret = (name: string, by?: string) => vault.open(name, by === undefined ? {} : { by })
  const external = secretsElsewhere(options, { rules: () => inForce, http, clock, openSecret, identityToken })
  const vault = createVault({ store, key: ring, clock, external })
  await vault.check()
  const tokens = createAccessTokens({ signingKeys, issuer: () => url, clock })
  const checks = startCheckThread()
  started.defer(() => checks.close())
  const proofs = createProofVerifier({ clock, nonces: createProofNonces({ clock }), checks })
  const logs = await createStepLogs({
    store,
    storage: createFolderStorage(folder.logsFolder),
    clock,
    limits: () => logLimits(rules.loaded ? rules.current().document.logs : undefined),
  })
  const recordings = await createRecordings({
    ...{ store, clock, folder: folder.recordingsFolder },
    limits: () => recordingLimits(rules.loaded ? rules.current().document.recordings : undefined),
  })
  const guard = createEgressGuard({
    proxy: () => (rules.loaded ? rules.current().targets.proxy : undefined),
    openSecret,
  })
  const signing = createAttestSigning({
    ...{ document: attested, store, vaultKey: ring, clock, openSecret, http, url: () => url },
    records: { write: (work) => broker.outbox.write(work) },
    auditHealth: () => audit.health(),
    ...{ logUrl, logKey: auditLog.attestationKey, log: attestationLog },
  })
  const { trust } = signing
  const attest = createAttestWork({
    ...{ signer: signing.signer, identities: signing.identities, trust },
    ...{ document: attested, store, clock, people: known, logUrl, logKey: auditLog.verifierKey },
    url: () => url,
    rules: () => inForce,
    broker: () => broker,
    gateway: () => gateway,
  })
  const { attestor } = attest
  const broker = await createBroker({
    store,
    vault,
    audit,
    numbers,
    clock,
    heartbeatSeconds: options.heartbeatSeconds,
    logOf: (step) => logs.digest(step),
    atEnd: attestor.atEnd,
    signerOf: (identity) => attest.signerOf(identity),
    issuers: {
      sealing: {
        seal: (context, value) => seal(ring, context, value),
        open: (context, sealed) => openSealed(ring, context, sealed),
      },
      grantsOf: (role, connection) => grantsOn(rules, role, connection),
      tools: { clock, http, openSecret, identityToken },
    },
  })
  started.defer(() => broker.close())
  started.defer(() => attestor.close())
  const rotation = createRotation({ signingKeys, records: broker.outbox, vaultKey: ring, clock })
  await recordCompared(compared, { audit, broker, memory, store, clock, tell })
  const issuedSince = () => memory.tokensSinceSeconds()
  const rules = await createRules({ store, audit, clock, fetch, audience: () => url, issuedSince, checks })
  inForce = rules
  const honey = createHoney({
    store,
    vaultKey: ring,
    config: () => (rules.loaded ? rules.current().document.honey : undefined),
  })
  const { outbox } = broker
  // What was done before there was a broker: the vault was opened, or a server before us ended.
  outbox.deliver()
  const people = { rules, clock, url: () => url, fetch, openSecret }
  const sessions = createOperatorSessions({ store, clock })
  const notifications = createNotifications({ ...people, store, outbox, send: createWebhookSender() })
  const approvals = createApprovals({ store, audit, outbox, clock, rules, notifications })
  // A yes that was used since the copy was made must not be good a second time.
  if (compared.restored !== undefined) await approvals.voidMatching({ all: true }, 'store_restored')
  const inspecting = createInspectionWork({
    ...{ store, vault, vaultKey: ring, broker, audit, clock, rules, approvals },
    ...{ guard, notifications },
    rotation: () => secretRotation,
  })
  started.defer(() => inspecting.close())
  const gateway = createGateway({
    honey,
    inspection: inspecting.inspection,
    given: (...given) => inspecting.given(...given),
    recordings,
    approvers: approvals.operations,
    guard,
    tokens,
    proofs,
    broker,
    audit,
    clock,
    policy: () => rules.current().policy,
    targets: () => rules.current().targets,
    openSecret,
    ...(options.gatewayUrl === undefined ? {} : { publicUrl: options.gatewayUrl }),
    ...(certificate === undefined ? {} : { certificate }),
    runKeys: await loadRunKeys({ store, vaultKey: ring }),
    artifacts: createStoredRunArtifacts({ store, clock }),
    attestations: attest.attestations,
    materials: createStoredStepMaterials({ store, clock }),
    lockfiles: createStoredLockfiles(store),
    kept: createKeptFiles(folder.cacheFolder, () =>
      rules.loaded ? cacheBytes(rules.current().document.cache) : 0,
    ),
    firstSeen: createStoredFirstSeen({ store, clock }),
    treeHeads: createStoredTreeHeads({ store }),
    archiveDates: createStoredArchiveDates({ store }),
    provenance: createStoredProvenance({ store }),
  })
  const secretRotation = createSecretRotation({
    ...{ store, vault, broker, notifications, rules, clock },
    tools: {
      clock,
      http: createHttpClient({ tunnel: (host, port) => tunnelOf(guard, rules, host, port) }),
      runCommand: createCommands(options.rotators),
      openSecret: (name) => vault.open(name),
    },
  })
  started.defer(() => secretRotation.close())
  const health = createHealth({
    ...{ store, audit, broker, rotation: secretRotation, vaultControl, attestor, trust },
    atStart: warningsOf(compared),
  })
  const metrics = createMetrics({ broker, gateway, rotation: secretRotation, attestor, clock })
  const server = createApiServer({
    rules,
    broker,
    logs,
    recordings,
    gateway,
    vault,
    vaultControl,
    endSessions: createSessionsEnd({ broker, control: vaultControl, clock, longestMs: sealMs }),
    people: known,
    audit,
    apiTokens,
    store,
    sessions,
    approvals,
    secretRotation,
    attestor,
    attestationsArePublic: attest.isPublic,
    signingIdentities: signing.identities,
    artifactLists: createStoredArtifactLists({ store }),
    output: inspecting.output,
    verifier: inspecting.verifier,
    known: inspecting.known,
    findings: createFindings({ source: httpSource(logUrl), verifierKey: auditLog.verifierKey }),
    operators: createOperatorAccess({ ...people, apiTokens, sessions }),
    signIn: createSignIn(people),
    cliLogin: createCliLogin({ apiTokens, audit, clock }),
    tokens,
    signingKeys,
    rotation,
    trust,
    honey,
    proofs,
    health,
    metrics,
    clock,
    heartbeatSeconds: options.heartbeatSeconds,
    url: () => url,
    ...(certificate === undefined ? {} : { certificate }),
    log: { error: (fields, message) => tell(`${message}: ${JSON.stringify(fields)}`) },
  })
  const { port } = await server.listen(options.host, apiPort)
  started.defer(() => server.close())
  if (options.url === undefined) url = ownUrl({ host: options.host, port, certificate })
  // Its address is known now: it stands in the trust document.
  await trust.sweep()
  for (const warning of trust.warnings()) tell(warning)
  await gateway.listen(options.host, options.gatewayPort)
  started.defer(() => gateway.close())
  const sweeping = startSweeps({
    ...{ vaultControl, outbox, notifications, secretRotation, logs, rotation, rules, broker, approvals },
    ...{ recordings, attestor, inspecting },
    ...{ store, memory, clock, tell, trust },
  })
  started.defer(() => sweeping.close())
  if (options.forward !== undefined) {
    const forwarder = await startForwardProcess({
      command: options.self,
      config: options.forward,
      logUrl,
      logKey: auditLog.verifierKey,
      state: folder.forwardFolder,
      tell,
    })
    started.defer(() => forwarder.close())
  }
  if (options.policy !== undefined)
    await rules.apply({ ...options.policy, by: 'mayfly up --config', dryRun: false })
  if (rules.loaded) for (const line of await missingSecrets(rules.current().document, vault)) tell(line)
  writeWhole(
    folder.readyFile,
    `${JSON.stringify({ url, gateway: gateway.url, audit: logUrl, pid: process.pid, auditPid: auditProcess.pid })}\n`,
  )
  // Last of all: it is shown once, and a start that fails shows nothing.
  const operatorToken = await firstOperator()
  const running = started.move()

  async function firstOperator(): Promise<string | undefined> {
    if ((await apiTokens.list()).length > 0) return undefined
    await audit.append({
      type: 'token.created',
      data: { by: 'mayfly up (first start)', name: 'operator', scopes },
    })
    return (await apiTokens.create({ name: 'operator', scopes, expiresMs: null })).token
  }

  return {
    url,
    gatewayUrl: gateway.url,
    auditUrl: auditLog.url,
    auditFolder: folder.auditFolder,
    auditKeyFile: folder.auditKeyFile,
    get auditPid() {
      return auditProcess.pid
    },
    operatorToken,
    rules,
    async close(drainSeconds) {
      health.drain()
      await endWork({ broker, server, clock, tell, heartbeatSeconds: options.heartbeatSeconds }, drainSeconds)
      rmSync(folder.readyFile, { force: true })
      await running.disposeAsync()
    },
  }
}

/** By the company's proxy, if there is one that this host is not left out of. What configuration names may be at a private address. */
function tunnelOf(guard: EgressGuard, rules: RulesHolder, host: string, port: number) {
  const proxy = rules.loaded ? rules.current().targets.proxy : undefined
  if (proxy === undefined || proxy.isDirect(host)) return undefined
  return guard.dial({ host, port, private: true })
}

/** What the role may do there, as it is written. */
function grantsOn(rules: RulesHolder, role: string, connection: string): string[] {
  const grants = rules.loaded ? (rules.current().policy.roles.get(role)?.grants ?? []) : []
  return grants.filter((grant) => grant.connection === connection).map(({ source }) => source)
}
