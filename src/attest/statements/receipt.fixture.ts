import { createHash } from 'node:crypto'
import { createSigner, signNote } from '../../audit/sign/index.ts'
import {
  createTree,
  formatCheckpoint,
  formatEntry,
  leafHash,
  nodeHash,
  type EntryEvent,
} from '../../audit/verify/index.ts'
import { splitPoint } from '../../audit/verify/tile-hashes.ts'
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
  const event = (type: string, subject: string, data: Record<string, unknown>) => ({
    ...{ type, subject, run: run.id, data },
  })
  return [
    event('run.started', run.id, { repository, commit }),
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
      reported: { isolation: reported.tier, command: reported.command },
      grants: facts.grants,
      egress: facts.egress,
    }),
    ...leases.map(({ id, connection, grant, kind }) =>
      event('lease.issued', id, { ...of, connection, grant, kind }),
    ),
    event('packages.downloaded', step.id, {
      ...of,
      packages: facts.materials.map(({ uri, digest, integrity = '', by }) => ({
        ...{ purl: uri, integrity, by, bytes: 1, sha256: digest['sha256'] },
      })),
    }),
    event('packages.published', step.id, {
      ...of,
      packages: published.map(({ name, digest }) => ({
        ...{ purl: name, integrity: 'sha512-x', sha256: digest.slice('sha256:'.length), status: 201 },
      })),
    }),
    event('step.finished', step.id, {
      ...of,
      name: reported.name,
      reason: step.reason,
      outcome: step.outcome,
      ...operations,
      log,
      reported: {
        exitCode: reported.exitCode,
        duration_ms: reported.durationMs,
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
      events[index] === other ? [] : [{ index, bytes: Buffer.from(text), hashes: pathOf(leaves, index) }],
    ),
  }
}

/** RFC 6962, section 2.1.1. */
function pathOf(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length < 2) return []
  const middle = splitPoint(leaves.length)
  const [left, right] = [leaves.slice(0, middle), leaves.slice(middle)]
  return index < middle
    ? [...pathOf(left, index), rootOf(right)]
    : [...pathOf(right, index - middle), rootOf(left)]
}

function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves
  if (leaves.length === 1 && only !== undefined) return only
  const middle = splitPoint(leaves.length)
  return nodeHash(rootOf(leaves.slice(0, middle)), rootOf(leaves.slice(middle)))
}

export { aStep, digestOf }
