import { count, flag, hash, hex, list, record, text, time } from './receipt-shape.ts'

/** So many a receipt names of what may be more; then a count says how many there are. */
export const maxNamed = 1_000
export const maxFiles = 100

const sha256 = record({ sha256: hex(64) })
const logged = record({ bytes: count(), digest: sha256 })
const files = record({
  files: list(record({ name: text(4_096), digest: sha256, bytes: count() }), maxFiles),
  count: count(1),
  'listDigest?': sha256,
})
const digests = record(
  {
    'sha256?': hex(64),
    'sha384?': hex(96),
    'sha512?': hex(128),
    'gitCommit?': hex(40, 64),
    'dirHash?': hex(64),
  },
  1,
)

/** What the job is, by the names of trust rules: none that may be a person's. */
export const attributeNames = [
  ...['repository', 'repository_id', 'owner', 'owner_id', 'ref', 'ref_protected', 'commit', 'workflow'],
  ...['workflow_digest', 'environment', 'event', 'runner', 'fork'],
] as const

const identity = record({
  issuer: text(),
  issuerUrl: text(),
  attributes: record(Object.fromEntries(attributeNames.map((name) => [`${name}?`, text()]))),
  'person?': text(),
})

const credential = record({
  lease: text(),
  connection: text(),
  kind: text(),
  grant: text(),
  issued: time,
  expires: time,
  'revoked?': time,
  'reason?': text(),
})

const material = record({
  uri: text(2_048),
  digest: digests,
  annotations: record({ verifiedBy: text(64), connection: text(128) }),
})

const published = record({
  name: text(),
  digest: sha256,
  connection: text(),
  'bytes?': count(),
  'tags?': list(text(), 10_000),
})

const reported = record({
  name: text(),
  tier: text(1, { matches: /^[BCE]$/ }),
  isolation: text(64),
  'engine?': text(),
  'image?': text(),
  command: text(4_096),
  'workspace?': record({ kind: text(64), id: text(256) }),
  'exitCode?': count(),
  'signal?': text(),
  'durationMs?': count(),
  'script?': record({
    of: text(8, { matches: /^(?:run|argv)$/ }),
    text: text(2_000, { may: 'lines' }),
    'digest?': sha256,
  }),
  'limit?': text(),
  'limitsHeldBy?': text(),
  'programs?': record({
    seen: list(record({ program: text(), looks: count() }), maxFiles),
    looks: count(),
    more: count(),
  }),
  'log?': logged,
  'artifacts?': files,
  'inputs?': files,
  'secretsSeen?': list(record({ name: text(), count: count() }), maxFiles),
  'directAttempts?': count(),
})

export const maxEntries = 2_000
export const maxEntryBytes = 4_194_304

const audit = record({
  origin: text(),
  key: text(),
  checkpoint: text(65_536, { may: 'anything' }),
  entries: list(
    record({
      index: count(),
      leafHash: hash,
      proof: list(hash, 63),
      'entry?': text(65_535, { may: 'anything' }),
    }),
    maxEntries,
  ),
  'omitted?': count(1),
})

/** The predicate of a receipt, as docs/attestations.md has it. */
export const receiptShape = record({
  server: record({ url: text(), version: text(64) }),
  run: record({ id: text(), ci: record({ id: text(), attempt: text(), job: text() }) }),
  session: record({ id: text(), issued: time, roles: list(text(), maxNamed) }),
  identity,
  step: record({
    id: text(),
    role: text(),
    started: time,
    finished: time,
    reason: text(),
    outcome: text(),
  }),
  policy: record({ version: count(), 'digest?': sha256 }),
  grants: list(text(), maxNamed),
  'grantsCount?': count(maxNamed + 1),
  egress: list(text(), maxNamed),
  'egressCount?': count(maxNamed + 1),
  services: list(count(1, 65_535), maxNamed),
  approvals: list(
    record({ id: text(), 'group?': text(), people: list(text(), maxNamed), at: time, of: text() }),
    maxNamed,
  ),
  operations: record({
    granted: list(record({ what: text(), count: count(1) }), maxNamed),
    grantedTotal: count(),
    denied: list(record({ what: text(), count: count(1), reason: text() }), maxNamed),
    deniedTotal: count(),
  }),
  credentials: list(credential, maxNamed),
  'credentialsCount?': count(maxNamed + 1),
  materials: list(material, 20_000),
  'materialsOmitted?': count(1),
  'materialsIncomplete?': flag,
  published: list(published, 10_000),
  'log?': logged,
  reported,
  audit,
})

/** Those of the statement: the entry of the step's end, and what the step made. */
export const subjectsShape = list(record({ 'name?': text(4_096), digest: sha256 }), 20_000)
