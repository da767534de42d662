import { randomBytes } from 'node:crypto'
import type { Changed } from './refused.fixture.ts'
import type { BundleJson, EntryJson } from './shapes.fixture.ts'
import { statementOf } from './world.fixture.ts'

type Envelope = NonNullable<BundleJson['dsseEnvelope']>
type Material = BundleJson['verificationMaterial']

const base64 = (length: number) => randomBytes(length).toString('base64')
const inEnvelope = (change: (envelope: Envelope) => unknown) => (bundle: BundleJson) =>
  change(bundle.dsseEnvelope!)
const inMaterial = (change: (material: Material) => unknown) => (bundle: BundleJson) =>
  change(bundle.verificationMaterial)
const inEntry = (change: (entry: EntryJson) => unknown) =>
  inMaterial(({ tlogEntries: [entry] }) => change(entry!))
const inProof = (change: (proof: EntryJson['inclusionProof']) => unknown) =>
  inEntry(({ inclusionProof }) => change(inclusionProof))
const inNote = (change: (note: string) => string) =>
  inProof(({ checkpoint }) => (checkpoint.envelope = change(checkpoint.envelope)))
const inTimes = (change: (times: { signedTimestamp: string }[]) => unknown) =>
  inMaterial(({ timestampVerificationData: { rfc3161Timestamps } }) => change(rfc3161Timestamps))

const other = statementOf({ subject: [{ digest: { sha256: '0'.repeat(64) } }] }).toString('base64')
const ignored = 'it ignores what it does not know'

/** A good bundle, and what somebody on the way makes of it. */
export const refusedChanges: readonly Changed[] = [
  ['two signatures', 'several_signatures', inEnvelope(({ signatures }) => signatures.push({ sig: 'AAAA' }))],
  [
    ...(['the same signature twice', 'several_signatures'] as const),
    inEnvelope(({ signatures }) => signatures.push(signatures[0]!)),
  ],
  ['no signature', 'bad_signature', inEnvelope((envelope) => (envelope.signatures = []))],
  ['another signature', 'timestamp_of_other', inEnvelope(({ signatures: [one] }) => (one!.sig = base64(70)))],
  [
    ...(['the id of a key', 'unsupported_format'] as const),
    inEnvelope(({ signatures: [one] }) => (one!.keyid = 'x')),
    'it does not look at it; sigstore-go passes over the signature of a key of another id',
  ],
  ['another payload', 'bad_signature', inEnvelope((envelope) => (envelope.payload = other))],
  ['another type of payload', 'bad_signature', inEnvelope((envelope) => (envelope.payloadType += 'l'))],
  [
    ...(['base64 with stray bits', 'malformed'] as const),
    inEnvelope((envelope) => (envelope.payload += '=')),
    'it drops them',
  ],
  ['two entries', 'several_entries', inMaterial(({ tlogEntries }) => tlogEntries.push(tlogEntries[0]!))],
  ['no entry', 'not_in_log', inMaterial((material) => (material.tlogEntries = []))],
  ['two timestamps', 'unsupported_format', inTimes((times) => times.push(times[0]!))],
  ['no timestamp', 'bad_timestamp', inTimes((times) => times.pop())],
  [
    'certificate and key',
    'unsupported_format',
    inMaterial((material) => (material.publicKey = { hint: 'x' })),
  ],
  [
    ...(['neither certificate nor key', 'unsupported_format'] as const),
    inMaterial((material) => Reflect.deleteProperty(material, 'certificate')),
  ],
  [
    ...(['envelope and message', 'unsupported_format'] as const),
    (bundle) =>
      (bundle.messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest: '' }, signature: '' }),
  ],
  ['unknown field', 'unsupported_format', (bundle) => Object.assign(bundle, { more: 1 }), ignored],
  [
    ...(['the other spelling of a field', 'unsupported_format'] as const),
    inMaterial((material) => Object.assign(material, { tlog_entries: [] })),
    ignored,
  ],
  [
    ...(['entry at another index', 'not_in_log'] as const),
    inEntry((entry) => (entry.logIndex = entry.inclusionProof.logIndex = '3')),
  ],
  [
    ...(['entry with two indexes', 'not_in_log'] as const),
    inEntry((entry) => (entry.logIndex = '3')),
    'it takes the one of the proof',
  ],
  ['index with a zero in front', 'malformed', inProof((proof) => (proof.logIndex = '02')), ignored],
  [
    ...(['index as a number', 'malformed'] as const),
    inProof((proof) => Object.assign(proof, { logIndex: 2 })),
    ignored,
  ],
  ['size as a number', 'malformed', inProof((proof) => Object.assign(proof, { treeSize: 7 })), ignored],
  ['time as a number', 'malformed', inEntry((entry) => Object.assign(entry, { integratedTime: 0 })), ignored],
  ['tree of another size', 'not_in_log', inProof((proof) => (proof.treeSize = '8')), ignored],
  ['another root of the tree', 'not_in_log', inProof((proof) => (proof.rootHash = base64(32))), ignored],
  ['a hash of the proof missing', 'not_in_log', inProof(({ hashes }) => hashes.pop())],
  ['another hash in the proof', 'not_in_log', inProof(({ hashes }) => (hashes[0] = base64(32)))],
  ['no proof', 'malformed', inEntry((entry) => Reflect.deleteProperty(entry, 'inclusionProof'))],
  ['checkpoint of another size', 'bad_checkpoint', inNote((note) => note.replace('\n7\n', '\n8\n'))],
  ['checkpoint unsigned', 'bad_checkpoint', inNote((note) => note.slice(0, note.indexOf('\n\n') + 2))],
  ['id of another log', 'unknown_log', inEntry(({ logId }) => (logId.keyId = base64(32)))],
]
