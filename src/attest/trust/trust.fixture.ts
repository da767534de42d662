import { generateKeyPairSync } from 'node:crypto'
import type { TestContext } from 'node:test'
import { setup } from '../../broker/broker.fixture.ts'
import { createTestLog } from '../sign/attestation-log.fixture.ts'
import { createKeylessSigner, createKeySigner, envelopeOf, type Envelope } from '../sign/index.ts'
import { preAuthEncoding, trustDocumentType } from '../verify/index.ts'
import { createTrustKeeper, type TrustDeps } from './index.ts'

export const day = 86_400_000
export const who = {
  san: 'https://github.com/octo/app/.github/workflows/x.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: { sourceRepositoryIdentifier: '74' },
}

export const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: 'a'.repeat(64) } }],
    predicateType: 'https://example.com/said',
    predicate: {},
  }),
)

/** One store, a log in memory, and as many servers as are asked for; the clock begins now, since openssl's timestamps do. */
export async function setupTrust(
  t: TestContext,
  { servers = 1, outer }: { servers?: number; outer?: NonNullable<TrustDeps['outer']> } = {},
) {
  const it = await setup(t)
  it.clock.ms = Date.now()
  const log = await createTestLog()
  t.after(() => log[Symbol.dispose]())
  let isLogDown = false
  const guarded = {
    keys: () => (isLogDown ? Promise.reject(new Error('the log is down')) : log.keys()),
    size: () => (isLogDown ? Promise.reject(new Error('the log is down')) : Promise.resolve(log.size())),
  }
  const deps = (clock = it.clock): TrustDeps => ({
    ...{ store: it.store, records: it.broker.outbox, vaultKey: it.vaultKey, clock, log: guarded },
    url: () => 'https://mayfly.example.com',
    ...(outer === undefined ? {} : { outer }),
  })
  const keepers = Array.from({ length: servers }, () => createTrustKeeper(deps()))
  const [keeper] = keepers
  if (keeper === undefined) throw new TypeError('no server')
  const signing = (one = keeper) =>
    createKeylessSigner({ log, check: one.check, authority: () => one.authority(), clock: it.clock })
  const entries = async (type: string) => {
    while ((await it.broker.counts()).undelivered > 0) await new Promise((next) => setImmediate(next))
    return it.audit.ofType(type)
  }
  return {
    ...{ it, log, deps, keeper, keepers, signing, entries },
    logDown: (is: boolean) => {
      isLogDown = is
    },
    rows: () => it.store.read.selectFrom('attest_keys').selectAll().orderBy('number').execute(),
  }
}

/** A root key that is nowhere in the store. */
export function offlineRoot() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = createKeySigner(privateKey, 'root')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
    sign: (envelope: string) => signEnvelope(envelope, signer),
  }
}

async function signEnvelope(text: string, signer: ReturnType<typeof createKeySigner>): Promise<string> {
  const { payload, signatures } = JSON.parse(text) as Envelope
  const bytes = Buffer.from(payload, 'base64')
  const signature = await signer.sign(preAuthEncoding(trustDocumentType, bytes))
  const added = envelopeOf(trustDocumentType, bytes, [{ signature, keyId: 'offline' }])
  return JSON.stringify({ ...added, signatures: [...signatures, ...added.signatures] })
}
