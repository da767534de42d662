import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { MayflyError, Secret } from '../lib/index.ts'
import type { Findings } from '../audit/findings/index.ts'
import type { AttestorDeps } from '../attest/attestor/index.ts'
import { attestorOver, fakeSigner } from '../attest/attestor/over.fixture.ts'
import { createTrustKeeper, type TrustDeps } from '../attest/trust/index.ts'
import { createApprovals, createNotifications } from '../approval/index.ts'
import type { Message } from '../approval/message.ts'
import type { SendWebhook } from '../approval/webhook.ts'
import { fakeAudit, issuersFor } from '../broker/broker.fixture.ts'
import {
  createAccessTokens,
  createBroker,
  createPeople,
  createStoredArtifactLists,
  createStoredRunArtifacts,
  createStoredStepMaterials,
  createStoredRunNumbers,
} from '../broker/index.ts'
import { createHoney } from '../honey/index.ts'
import { createGateway } from '../gateway/index.ts'
import {
  type OutputInspection,
  createGivenNames,
  createKnownLook,
  createVaultSecrets,
  createVerifier,
  loadSeed,
} from '../inspection/index.ts'
import { createVendors, type LivenessDeps } from '../scan/liveness/index.ts'
import {
  createProofNonces,
  createProofSigner,
  createProofVerifier,
  type ProofSigner,
} from '../identity/index.ts'
import { fakeIssuer, githubClaims, makeKey, signRaw } from '../identity/issuer.fixture.ts'
import {
  createApiTokens,
  createCliLogin,
  createOperatorAccess,
  createOperatorSessions,
  createSignIn,
  scopes,
} from '../operators/index.ts'
import type { Login } from '../operators/operator.ts'
import { createFolderStorage, createStepLogs } from '../logs/index.ts'
import { createRecordings } from '../recordings/index.ts'
import { createHttpClient } from '../http-client/index.ts'
import { createCommands, createSecretRotation } from '../rotation/index.ts'
import { createRules } from '../rules/index.ts'
import { createIdentityTokens, createSigningKeys, createRotation } from '../oidc-issuer/index.ts'
import { openStore } from '../store/index.ts'
import {
  createStoredRing,
  createVault,
  createVaultControl,
  createVaultKey,
  keyProviders,
} from '../vault/index.ts'
import { createHealth } from './health.ts'
import { createMetrics } from './metrics.ts'
import type { SigningIdentities } from './finish-step.ts'
import { createApiServer } from './server.ts'

export const provider = 'https://people.example.com'

export const anna: Login = { issuer: provider, subject: 'anna-1', groups: [] }
export const ben: Login = { issuer: provider, subject: 'x', email: 'ben@example.com', groups: ['staff'] }
export const cleo: Login = { issuer: provider, subject: 'cleo-1', groups: ['security'] }
/** Triggers the runs of `githubClaims`: actor_id 12. */
export const mona: Login = { issuer: provider, subject: 'mona-1', groups: [] }

export const policyText = (changes: { approval?: string; more?: string } = {}) => `
issuers:
  github: { kind: github-actions }
connections:
  git: { kind: git, url: https://git.example.com }
people:
  anna: { logins: ["sub:anna-1", "email:anna@example.com"], ci: ["github:101"] }
  ben: { logins: ["email:ben@example.com"], ci: ["github:102"] }
  cleo: { logins: ["sub:cleo-1"], ci: ["github:103"] }
  mona: { logins: ["sub:mona-1"], ci: ["github:12"] }
  dora: { logins: ["sub:dora-1"] }
groups:
  managers: { people: [anna, ben, mona, dora] }
  security: { claim: [security] }
  everyone: { people: [anna, ben, cleo, mona, dora] }
  loose: { people: [dora, mona], allow_unlinked: true }
sign_in:
  issuer: ${provider}
  client_id: mayfly
  permissions: { approver: [everyone], admin: [security] }
roles:
  build:
    trust: { issuer: github, repository_id: "1296269" }
    grants: [git:read git/octo-org/app]
  release:
    trust: { issuer: github, repository_id: "1296269", event: push }
    ttl: 10m
    approval: ${changes.approval ?? '{ group: managers }'}
    grants: [git:push git/octo-org/app@refs/tags/v*]
${changes.more ?? ''}`

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Headers
}

/**
 * The API over a real store, broker, gateway and policy, listening; the audit log is the one in memory, the CI's issuer
 * is in this process, and no webhook leaves it. Time stands still but for `clock.aheadMs`; it passes for `ticking`, where the
 * other side is a process of its own.
 */
export async function openServer(
  t: TestContext,
  options: {
    policy?: string
    gatewayListens?: true
    fetch?: typeof fetch
    secrets?: Record<string, string>
    url?: string
    ticking?: true
    issuers?: Parameters<typeof issuersFor>[3]
    signingIdentities?: SigningIdentities
    attestationLog?: TrustDeps['log']
    attestor?: Partial<AttestorDeps>
    /** Vendors that are asked about secrets; without it none answers. */
    vendors?: LivenessDeps['ask']
    findings?: Findings
    /** Looks at what steps write. */
    output?: OutputInspection
  } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-server-'))
  const startedMs = Date.now()
  const clock = {
    aheadMs: 0,
    nowMs: () => (options.ticking === true ? Date.now() : startedMs) + clock.aheadMs,
  }
  const audit = fakeAudit()
  const store = openStore(join(folder, 'mayfly.db'))
  const keyFile = join(folder, 'vault.key')
  createVaultKey(keyFile)
  const vaultKey = createStoredRing(store)
  const vaultControl = createVaultControl({
    ...{ store, ring: vaultKey, clock, keyFile },
    providers: () => keyProviders(keyFile),
  })
  await vaultControl.open()
  const vault = createVault({ store, key: vaultKey, clock })
  for (const [name, value] of Object.entries(options.secrets ?? {})) await vault.set(name, new Secret(value))
  let url = ''
  const ci = fakeIssuer()
  const key = makeKey('ci')
  ci.keys.push(key.jwk)
  const fetcher: typeof fetch = async (input, init) => {
    const target = input instanceof Request ? input.url : String(input)
    return target.startsWith(ci.url) || options.fetch === undefined
      ? ci.fetch(input, init)
      : options.fetch(input, init)
  }
  const signingKeys = await createSigningKeys({ store, vaultKey, clock })
  const tokens = createAccessTokens({
    signingKeys,
    issuer: () => url,
    clock,
  })
  const proofs = createProofVerifier({ clock, nonces: createProofNonces({ clock }) })
  const numbers = createStoredRunNumbers(store)
  const auditPeople = createPeople({ store, vaultKey, clock })
  const logLimits = { keepSeconds: 86_400, maxTotalBytes: 10_000_000, maxStepBytes: 2_000_000 }
  const storage = createFolderStorage(join(folder, 'logs'))
  const logs = await createStepLogs({ store, storage, clock, limits: () => logLimits })
  const recordings = await createRecordings({
    ...{ store, clock, folder: join(folder, 'recordings') },
    limits: () => ({ keepSeconds: 86_400, maxTotalBytes: 10_000_000 }),
  })
  const fake = fakeSigner()
  const published = { public: false }
  const attestor = attestorOver(
    { store, clock, entries: audit.entries, outbox: () => broker.outbox, fake },
    { people: auditPeople, ...options.attestor },
  )
  const broker = await createBroker({
    store,
    vault,
    audit: audit.client,
    numbers,
    clock,
    heartbeatSeconds: 1_000_000,
    logOf: (step) => logs.digest(step),
    atEnd: attestor.atEnd,
    signerOf: ({ issuerUrl }) => ({ san: `${issuerUrl}/w`, issuer: issuerUrl, claims: {} }),
    issuers: issuersFor(vault, vaultKey, clock, options.issuers),
  })
  const rules = await createRules({ store, audit: audit.client, clock, fetch: fetcher, audience: () => url })
  const rotation = createRotation({ signingKeys, records: broker.outbox, vaultKey, clock })
  const honey = createHoney({
    store,
    vaultKey,
    config: () => (rules.loaded ? rules.current().document.honey : undefined),
  })
  const sent: { message: Message; addresses: readonly string[] }[] = []
  const hook = { fails: false }
  const send: SendWebhook = async (message, addresses) => {
    sent.push({ message, addresses })
    if (hook.fails) throw new Error('it answered 500')
  }
  const people = {
    rules,
    clock,
    url: () => url,
    fetch: fetcher,
    openSecret: (name: string) => vault.open(name),
  }
  const notifications = createNotifications({ ...people, store, outbox: broker.outbox, send })
  const approvals = createApprovals({
    store,
    audit: audit.client,
    outbox: broker.outbox,
    clock,
    rules,
    notifications,
  })
  const gateway = createGateway({
    honey,
    recordings,
    approvers: approvals.operations,
    artifacts: createStoredRunArtifacts({ store, clock }),
    materials: createStoredStepMaterials({ store, clock }),
    tokens,
    proofs,
    broker,
    audit: audit.client,
    clock,
    policy: () => rules.current().policy,
    targets: () => rules.current().targets,
    ...(options.gatewayListens === true ? {} : { publicUrl: 'http://127.0.0.1:1' }),
  })
  if (options.gatewayListens === true) await gateway.listen('127.0.0.1', 0)
  const apiTokens = createApiTokens({ store, clock })
  const sessions = createOperatorSessions({ store, clock })
  const errors: string[] = []
  const secretRotation = createSecretRotation({
    ...{ store, vault, broker, notifications, rules, clock },
    tools: {
      clock,
      http: createHttpClient(),
      runCommand: createCommands(new Map()),
      openSecret: (name) => vault.open(name),
    },
  })
  const noLog = () => Promise.reject(new MayflyError('audit_unavailable', 'no attestation log is here'))
  const trust = createTrustKeeper({
    ...{ store, records: broker.outbox, vaultKey, clock, url: () => url },
    log: options.attestationLog ?? { keys: noLog, size: noLog },
  })
  const seed = () => loadSeed(store, vaultKey, { row: 'asked_seed', context: 'seed' })
  const secrets = createVaultSecrets({ store, vault, vaultKey, nowMs: () => clock.nowMs() })
  const server = createApiServer({
    ...people,
    trust,
    people: auditPeople,
    broker,
    logs,
    recordings,
    gateway,
    vault,
    vaultControl,
    async endSessions() {
      await broker.revoke({ all: true }, 'vault_sealed')
      return 0
    },
    store,
    audit: audit.client,
    apiTokens,
    tokens,
    signingKeys,
    rotation,
    honey,
    proofs,
    sessions,
    approvals,
    operators: createOperatorAccess({ ...people, apiTokens, sessions }),
    signIn: createSignIn(people),
    cliLogin: createCliLogin({ apiTokens, audit: audit.client, clock }),
    secretRotation,
    attestor,
    attestationsArePublic: () => published.public,
    artifactLists: createStoredArtifactLists({ store }),
    known: createKnownLook({ secrets }),
    verifier: createVerifier({
      ...{ store, clock, secrets, audit: audit.client, outbox: broker.outbox },
      vendors: createVendors({
        ask: options.vendors ?? (() => Promise.reject(new MayflyError('upstream_unreachable', 'nobody'))),
        nowMs: () => clock.nowMs(),
      }),
      ...{ seed, given: createGivenNames({ store, clock, seed }) },
      config: () => rules.current().document.scan?.verify,
      placeOf: () => undefined,
      alert: (tx, event, data) => notifications.add(tx, event, data),
    }),
    ...(options.output === undefined ? {} : { output: options.output }),
    findings: options.findings ?? { page: async () => ({ findings: [], more: false, forgotten: 0 }) },
    signingIdentities: options.signingIdentities,
    health: createHealth({
      ...{ store, audit: audit.client, broker, rotation: secretRotation, vaultControl, trust, attestor },
    }),
    metrics: createMetrics({ broker, gateway, rotation: secretRotation, attestor, clock }),
    heartbeatSeconds: 10,
    log: { error: (fields, message) => errors.push(`${message} ${JSON.stringify(fields)}`) },
  })
  const base = `http://127.0.0.1:${(await server.listen('127.0.0.1', 0)).port}`
  url = options.url ?? base
  t.after(async () => {
    await attestor.close()
    await server.close()
    await gateway.close()
    await broker.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await rules.apply({ text: options.policy ?? policyText(), file: 'mayfly.yaml', by: 'test', dryRun: false })
  const admin = (await apiTokens.create({ name: 'root', scopes, expiresMs: null })).token

  async function call(
    method: string,
    path: string,
    request: {
      json?: unknown
      form?: Record<string, string>
      bytes?: Buffer<ArrayBuffer>
      headers?: Record<string, string>
    } = {},
  ): Promise<Answer> {
    const { json, form, bytes, headers = {} } = request
    const response = await fetch(`${base}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(bytes === undefined ? {} : { 'content-type': 'application/octet-stream' }),
        ...headers,
      },
      ...(bytes === undefined ? {} : { body: bytes }),
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const body = isJson ? (JSON.parse(text) as Record<string, unknown>) : { text }
    return { status: response.status, body, headers: response.headers }
  }

  /** A request with a proof; asked for a nonce, it is sent again with one. */
  async function prove(
    signer: ProofSigner,
    path: string,
    request: {
      form?: Record<string, string>
      json?: unknown
      bytes?: Buffer<ArrayBuffer>
      token?: string
      method?: string
    } = {},
  ): Promise<Answer> {
    const { token, method = 'POST', ...body } = request
    for (let round = 0; ; round++) {
      const expected = { method, uri: `${url}${path.split('?')[0]}` }
      const dpop = await signer.sign(token === undefined ? expected : { ...expected, accessToken: token })
      const headers = { dpop, ...(token === undefined ? {} : { authorization: `DPoP ${token}` }) }
      const answer = await call(method, path, { ...body, headers })
      signer.learnNonce(answer.headers.get('dpop-nonce'))
      const code = answer.body['error'] ?? answer.body['code']
      if (code !== 'use_dpop_nonce' || round > 0) return answer
    }
  }

  const personToken = async (login: Login) =>
    (await apiTokens.create({ name: login.subject, scopes: [], expiresMs: null, login })).token

  return {
    url,
    clock,
    audit,
    store,
    attestor,
    fakeSigner: fake,
    published,
    vault,
    vaultKey,
    vaultControl,
    signingKeys,
    rotation,
    honey,
    tokens,
    signIdentity: createIdentityTokens({
      signingKeys,
      clock,
      url: () => url,
      document: () => rules.current().document,
    }),
    broker,
    gateway,
    logs,
    logLimits,
    rules,
    approvals,
    trust,
    notifications,
    sessions,
    apiTokens,
    sent,
    hook,
    errors,
    admin,
    call,
    prove,
    signer: () => createProofSigner({ clock }),
    identityToken: (claims: Record<string, unknown> = {}) =>
      signRaw(key, JSON.stringify({ ...githubClaims(clock.nowMs()), aud: url, ...claims })),
    exchange(signer: ProofSigner, identityToken: string, scope = 'release') {
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: identityToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        scope,
      }
      return prove(signer, '/oauth/token', { form })
    },
    poll(signer: ProofSigner, code: unknown) {
      const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: String(code) }
      return prove(signer, '/oauth/token', { form })
    },
    async asPerson(
      login: Login,
      method: string,
      path: string,
      json: unknown = method === 'GET' ? undefined : {},
    ) {
      return call(method, path, { json, headers: { authorization: `Bearer ${await personToken(login)}` } })
    },
    asAdmin: (method: string, path: string, json?: unknown) =>
      call(method, path, { json, headers: { authorization: `Bearer ${admin}` } }),
    apply: (text: string) => rules.apply({ text, file: 'mayfly.yaml', by: 'test', dryRun: false }),
  }
}

export type TestServer = Awaited<ReturnType<typeof openServer>>
