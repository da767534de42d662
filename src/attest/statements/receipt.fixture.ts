import { createHash } from 'node:crypto'
import { createSigner, signNote } from '../../audit/sign/index.ts'
import {
  createTree,
  formatCheckpoint,
  formatEntry,
  leafHash,
  type EntryEvent,
} from '../../audit/verify/index.ts'
import { referencePath } from '../../audit/verify/reference.fixture.ts'
import { aStep, digestOf } from './facts.fixture.ts'
import type { LogProofs, StepFacts } from './index.ts'

export const logOrigin = 'audit.example.test'

/** The key of a test vector: made of its name, so that everybody makes the same. */
export function seedOf(name: string): Buffer {
  return createHash('sha256').update(`mayfly test vector: ${name}`).digest()
}

type Change = (events: EntryEvent[]) => EntryEvent[]

/** What the audit log has of a step: entries of another run around those of its own. */
export function eventsOf(facts: StepFacts): EntryEvent[] {
  const { run, session, identity, step, reported, operations, log, leases, published } = facts
  const { repository, repository_id, ref, commit } = identity.attributes
  const actor = identity.person === undefined ? {} : { actor: { person: identity.person } }
  const job = { issuer: identity.issuer, repository, repository_id, ref, commit, ...actor }
  const of = { session: session.id, step: step.id, role: step.role, job }
  const { actor: _actor, actor_id: _id, ...attributes } = identity.attributes
  const list = (files: readonly unknown[], sha256: string | undefined) =>
    files.length === 0 ? undefined : { files, count: files.length, bytes: 1, sha256 }
  const yesEvents = ({ id, people, of: what, group }: StepFacts['approvals'][number]) =>
    people.map((person) =>
      event('approval.granted', id, {
        by: { person },
        complete: true,
        bound: {
          issuer: identity.issuer,
          ...(what === 'session'
            ? {}
            : { operation: { step: step.id, operations: [what], approvers: group } }),
        },
      }),
    )
  const event = (type: string, subject: string, data: Record<string, unknown>) => ({
    ...{ type, subject, run: run.id, data },
  })
  const wants = facts.materials.flatMap(({ digest }) => digest['gitCommit'] ?? [])
  const packages = facts.materials.filter(({ uri }) => uri.startsWith('pkg:'))
  const asked = facts.approvals.filter(({ entries }) => entries !== undefined)
  return [
    event('run.started', run.id, { repository, commit }),
    ...asked.filter(({ of }) => of === 'session').flatMap(yesEvents),
    event('session.issued', session.id, {
      issuer: identity.issuer,
      issuerUrl: identity.issuerUrl,
      identity: attributes,
      actor: { id: { person: identity.person, commitment: Buffer.alloc(32).toString('base64') } },
      ciRun: run.ci,
      roles: session.roles,
    }),
    event('step.started', step.id, {
      ...of,
      name: reported.name,
      reported: {
        isolation: reported.tier,
        isolationBy: reported.engine,
        image: reported.image,
        command: reported.command,
        workspace: reported.workspace,
      },
      ...firstOf('grants', facts.grants),
      ...firstOf('egress', facts.egress),
      ...(facts.services.length === 0 ? {} : { services: facts.services }),
    }),
    ...leases.map(({ id, connection, grant, kind, expiresMs }) =>
      event('lease.issued', id, {
        ...{ ...of, connection, grant, kind, expires: new Date(expiresMs).toISOString() },
      }),
    ),
    ...[...Map.groupBy(packages, ({ connection }) => connection)].map(([connection, ones]) =>
      event('packages.downloaded', step.id, {
        ...of,
        connection,
        packages: ones.map(({ uri, digest, integrity, by }) => ({
          ...{
            purl: uri,
            integrity: integrity ?? integrityOf(digest),
            by,
            bytes: 1,
            sha256: digest['sha256'],
          },
        })),
      }),
    ),
    ...asked.filter(({ of }) => of !== 'session').flatMap(yesEvents),
    ...(wants.length === 0
      ? []
      : [event('access.granted', step.id, { ...of, git: { phase: 'fetch', wants } })]),
    ...published.map(({ name, digest, connection, bytes, tags = [''] }) =>
      event('packages.published', step.id, {
        ...of,
        connection,
        packages: tags.map((tag) => ({
          ...{
            purl: name,
            integrity: 'sha512-x',
            sha256: digest.slice('sha256:'.length),
            bytes,
            status: 201,
          },
          ...(tag === '' ? {} : { tag }),
        })),
      }),
    ),
    event('step.finished', step.id, {
      ...of,
      name: reported.name,
      reason: step.reason,
      outcome: step.outcome,
      ...(facts.materialsIncomplete === true ? { downloadsIncomplete: true } : {}),
      ...operations,
      log,
      reported: {
        exitCode: reported.exitCode,
        signal: reported.signal,
        duration_ms: reported.durationMs,
        limit: reported.limit,
        programs: reported.programs,
        log: reported.log,
        direct_attempts: reported.directAttempts,
        script: reported.script,
        limits_held_by: reported.limitsHeldBy,
        secrets_seen: reported.secretsSeen,
        artifacts: list(reported.artifacts, reported.artifactsSha256),
        inputs: list(reported.inputs, reported.inputsSha256),
      },
    }),
    ...leases.map(({ id, connection, reason }) =>
      event('lease.revoked', id, { step: step.id, role: step.role, job, connection, reason }),
    ),
  ]
}

/** As the broker's entries have them. */
function firstOf(name: string, items: readonly string[]): Record<string, unknown> {
  if (items.length <= 150) return { [name]: items }
  return { [name]: items.slice(0, 150), [`${name}Count`]: items.length }
}

function integrityOf({ sha256: _, ...digest }: Readonly<Record<string, string>>): string {
  const [name, hex = ''] = Object.entries(digest)[0] ?? []
  return name === undefined ? '' : `${name}-${Buffer.from(hex, 'hex').toString('base64')}`
}

/** The audit log after a step, and what of it goes into a receipt. */
export function provenIn(facts: StepFacts = aStep, change: Change = (events) => events): LogProofs {
  const other = { type: 'server.started', subject: 'mayfly://server', data: { version: 'x' } }
  const own = change(eventsOf(facts))
  const events = [other, ...own.flatMap((one) => [one, other])]
  const texts = events.map((event, at) =>
    formatEntry({
      ...{ id: `ent_${String(at).padStart(4, '0')}`, source: 'mayfly://server' },
      time: new Date(facts.step.startedMs + (event.type === 'step.finished' ? 42_000 : at)).toISOString(),
      ...('run' in event ? { seq: Math.floor(at / 2) } : {}),
      ...event,
    }),
  )
  const leaves = texts.map((text) => leafHash(Buffer.from(text)))
  const tree = createTree()
  for (const leaf of leaves) tree.push(leaf)
  const signer = createSigner(logOrigin, seedOf('audit log'))
  return {
    key: signer.verifierKey,
    checkpoint: signNote(formatCheckpoint({ origin: logOrigin, size: tree.size, root: tree.root() }), signer),
    entries: texts.flatMap((text, index) =>
      events[index] === other
        ? []
        : [{ index, bytes: Buffer.from(text), hashes: referencePath(index, leaves) }],
    ),
  }
}

const [session] = aStep.approvals
const [lease] = aStep.leases
const commit = 'c0ffee5a4323abafb10abb68657d9d39f1a77505'

/** The same step, with all that a receipt may say: some of it proved, and some of it the server's word. */
export const aFullStep: StepFacts = {
  ...aStep,
  identity: {
    ...aStep.identity,
    attributes: {
      ...aStep.identity.attributes,
      ...{
        owner: 'octo-org',
        ref_protected: 'true',
        workflow_digest: digestOf('2').slice(0, 40),
        fork: 'false',
      },
    },
  },
  services: [5432, 6379],
  approvals: [
    { ...session!, entries: [1] },
    {
      ...session!,
      id: 'apr_1123456789abcdefghjkmnpq',
      of: 'git:push github/octo-org/app@refs/tags/v1',
      group: 'release-managers',
      entries: [2],
    },
    { ...session!, id: 'apr_2123456789abcdefghjkmnpq' },
  ],
  leases: [
    ...aStep.leases,
    { ...lease!, id: 'lea_1123456789abcdefghjkmnpq', kind: 'github', connection: 'github' },
  ],
  materials: [
    ...aStep.materials,
    {
      ...{ uri: 'pkg:npm/left-pad@1.3.0', by: 'registry', connection: 'npm' },
      digest: { sha256: digestOf('6'), sha384: digestOf('7').slice(0, 32).repeat(3) },
    },
    {
      uri: 'git+https://github.com/octo-org/app',
      digest: { gitCommit: commit },
      by: 'digest',
      connection: 'github',
    },
    {
      uri: 'git+https://github.com/octo-org/other',
      digest: { gitCommit: digestOf('4').slice(0, 40) },
      by: 'digest',
      connection: 'github',
    },
  ],
  published: [
    ...aStep.published,
    {
      name: 'pkg:oci/app@sha256:1?repository_url=ghcr.io/octo-org',
      digest: `sha256:${digestOf('8')}`,
      connection: 'ghcr',
      tags: ['1.2.0', 'latest'],
    },
  ],
  reported: {
    ...aStep.reported,
    ...{
      engine: 'podman',
      image: `docker.io/library/node@sha256:${digestOf('9')}`,
      signal: 'SIGTERM',
      limit: 'time',
    },
    programs: {
      seen: [
        { program: 'node', looks: 3 },
        { program: 'npm', looks: 2 },
      ],
      looks: 5,
      more: 1,
    },
    log: { bytes: 4_400, sha256: digestOf('3') },
    secretsSeen: [
      { name: 'NPM_TOKEN', count: 2 },
      { name: 'API_KEY', count: 1 },
    ],
    directAttempts: 4,
  },
}

/** What the log has of it: not that the second credential was issued or revoked, nor one of the commits. */
export const aFullLog: Change = (events) =>
  events
    .filter(({ type, subject }) => subject !== 'lea_1123456789abcdefghjkmnpq' || type !== 'lease.issued')
    .map((one) =>
      one.type === 'access.granted' ? { ...one, data: { ...one.data, git: { wants: [commit] } } } : one,
    )

export { aStep, digestOf }
