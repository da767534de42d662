import { sha256Hex, type Clock } from '../../lib/index.ts'
import { createSigner, signNote } from '../../audit/sign/index.ts'
import type { AuditEvent } from '../../audit/client/index.ts'
import { formatCheckpoint, formatEntry, utf8, type LogSource } from '../../audit/verify/index.ts'
import { filesOf, memorySource } from '../../audit/verify/vectors.fixture.ts'
import { startMs } from '../../broker/broker.fixture.ts'
import type { Broker } from '../../broker/index.ts'
import type { Store } from '../../store/index.ts'
import type { BundleSigner, SignerIdentity } from '../sign/index.ts'
import { provenanceOf } from '../statements/index.ts'
import type { CheckedReceipt } from '../verify/index.ts'
import { createAttestor, type Attestor, type AttestorDeps } from './index.ts'

export const digestOf = (digit: string) => digit.repeat(64)

/** The key of the test's audit log. */
export const logKey = createSigner('log.example', new Uint8Array(32).fill(1))

export interface FakeSigner {
  signed: { readonly statement: Record<string, unknown>; readonly who: SignerIdentity }[]
  before(): Promise<void>
  after(): Promise<void>
  readonly signer: BundleSigner
}

/** Stands for keys and attestation log: keeps what it signs, and waits or fails as it is told. */
export function fakeSigner(): FakeSigner {
  const fake: FakeSigner = {
    signed: [],
    before: async () => undefined,
    after: async () => undefined,
    signer: {
      async statement(bytes, who) {
        await fake.before()
        const statement = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
        const logIndex = fake.signed.push({ statement, who }) - 1
        await fake.after()
        return signed(bytes, { mediaType: 'bundle', logIndex, statement }, logIndex)
      },
      async message(bytes) {
        await fake.before()
        await fake.after()
        return signed(bytes, { mediaType: 'message' }, 99)
      },
    },
  }
  return fake
}

function signed(bytes: Uint8Array, bundle: object, logIndex: number) {
  const statementSha256 = sha256Hex(Buffer.from(bytes))
  return { json: JSON.stringify(bundle), statementSha256, logIndex, timeMs: startMs, by: digestOf('b') }
}

export const fakePeople: AttestorDeps['people'] = {
  find: async (who) => ({ person: `per_${sha256Hex(who).slice(0, 24)}`, key: new Uint8Array(32) }),
}

/** An attestor whose keys and logs are the test's. */
export function attestorOver(
  over: {
    readonly store: Store
    readonly clock: Clock
    readonly entries: readonly AuditEvent[]
    readonly outbox: () => Broker['outbox']
    readonly fake: FakeSigner
  },
  changes: Partial<AttestorDeps> = {},
): Attestor {
  const { store, clock, entries, outbox, fake } = over
  return createAttestor({
    ...{ store, clock, outbox, people: fakePeople, version: '1.0.0' },
    url: () => 'https://mayfly.example.com',
    materials: async () => ({ materials: [], published: [] }),
    activityOf: () => ({ granted: [], denied: [] }),
    signerOf: () => ({ san: 'https://ci.example/old', issuer: 'https://ci.example', claims: {} }),
    signer: async () => fake.signer,
    statements: {
      provenanceOf,
      sbomOf: () => undefined,
      receiptOf: ({ step }, proofs) => ({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: step.id, digest: { sha256: digestOf('d') } }],
        predicateType: 'urn:mayfly:step-receipt:v1',
        predicate: { entries: proofs.entries.map(({ index, hashes }) => [index, hashes.length]) },
      }),
      checkReceipt: async () => rightReceipt,
    },
    auditLog: { source: publishedLog(entries), verifierKey: logKey.verifierKey },
    receipts: () => 'published',
    trust: () => Promise.reject(new Error('nobody is trusted')),
    retentionMs: () => 3_650 * 86_400_000,
    ...changes,
  })
}

// Its receipts are no more than the places of their entries.
const rightReceipt: CheckedReceipt = {
  ...{ ok: true, step: '', run: '', logKey: '', entries: [], isComplete: true, unproved: [] },
  checkpoint: { origin: '', size: 0, root: new Uint8Array() },
}

/** What a log of these entries publishes. */
function publishedLog(events: readonly AuditEvent[]): LogSource {
  const source = 'mayfly://server'
  const time = new Date(startMs).toISOString()
  return {
    name: 'the audit log',
    async read(path) {
      const entries = events.map((event, i) =>
        utf8(formatEntry({ id: String(i), source, time, subject: event.run ?? source, ...event })),
      )
      const { files, root } = filesOf(entries)
      const text = formatCheckpoint({ origin: logKey.name, size: entries.length, root })
      files.set('checkpoint', utf8(signNote(text, logKey)))
      return await memorySource(files).read(path)
    },
  }
}
