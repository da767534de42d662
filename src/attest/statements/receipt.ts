import { sha256Hex } from '../../lib/index.ts'
import { parseEntry } from '../../audit/verify/index.ts'
import { attributeNames, receiptType, statementV1, type Statement } from '../verify/index.ts'
import { takenIn } from './dependencies.ts'
import type { LogProofs, ProvenEntry, StepFacts } from './facts.ts'
import { digestSet, plain, present, timeOf } from './plain.ts'
import { approvalsOf, countOf, listOf, personOf } from './provenance.ts'
import { logPartOf } from './receipt-log.ts'
import { reportedOf } from './receipt-reported.ts'
import { compare, subjectsOf } from './subjects.ts'

const maxListed = 1_000

/**
 * One step in one statement, with the entries of the audit log that say so and their proofs. Undefined while the entry of its end is
 * not among them: before that, nothing of it is final. Its subjects are that entry itself, so that the receipt of a step that made
 * nothing is found as well, and what the step made.
 */
export function receiptOf(facts: StepFacts, proofs: LogProofs): Statement | undefined {
  const end = proofs.entries.find((one) => isEndOf(one, facts.step.id))
  if (end === undefined) return undefined
  // By the entry: what was settled or left since the facts were gathered stands there.
  const isLacking = parseEntry(end.bytes)?.data['downloadsIncomplete'] === true
  return {
    _type: statementV1,
    subject: [{ name: facts.step.id, digest: { sha256: sha256Hex(end.bytes) } }, ...subjectsOf(facts)],
    predicateType: receiptType,
    predicate: {
      ...whatRan(facts),
      ...whatItUsed({
        ...facts,
        leases: endedIn(proofs, facts.leases),
        ...(isLacking ? { materialsIncomplete: true } : {}),
      }),
      reported: reportedOf(facts.reported),
      audit: logPartOf(proofs),
    },
  }
}

/** Credentials are renewed and revoked after the facts were gathered: how long each lasted and how it ended is known from the entries. */
function endedIn({ entries }: LogProofs, leases: StepFacts['leases']): StepFacts['leases'] {
  const all = entries.flatMap(({ bytes }) => parseEntry(bytes) ?? [])
  const lives = Map.groupBy(
    all.filter(({ type }) => type.startsWith('lease.')),
    ({ subject }) => subject,
  )
  return leases.map((lease) => {
    const life = lives.get(lease.id) ?? []
    const last = life.findLast(
      ({ type, data }) => type === 'lease.issued' || (type === 'lease.renewed' && data['by'] === undefined),
    )
    const until = last?.data['expires']
    const untilMs = typeof until === 'string' ? Date.parse(until) : Number.NaN
    // One that was over when it came is none that lasted backwards.
    const expiresMs = Math.max(Number.isNaN(untilMs) ? lease.expiresMs : untilMs, lease.issuedMs)
    const end = life.findLast(({ type }) => type === 'lease.revoked')
    if (end === undefined) return { ...lease, expiresMs }
    const { reason } = end.data
    const { reason: _, ...rest } = lease
    const why = typeof reason === 'string' ? { reason } : {}
    return { ...rest, expiresMs, revokedMs: Date.parse(end.time), ...why }
  })
}

function isEndOf({ bytes }: ProvenEntry, step: string): boolean {
  const entry = parseEntry(bytes)
  return entry?.type === 'step.finished' && entry.subject === step
}

function whatRan(facts: StepFacts): Record<string, unknown> {
  const { server, run, session, identity, step, policy } = facts
  return {
    server: { url: plain(server.url), version: plain(server.version, 64) },
    run: { id: run.id, ci: { id: plain(run.ci.id), attempt: plain(run.ci.attempt), job: plain(run.ci.job) } },
    session: {
      id: session.id,
      issued: timeOf(session.issuedMs),
      roles: session.roles.map((one) => plain(one)).toSorted(compare),
    },
    identity: present({
      issuer: plain(identity.issuer),
      issuerUrl: plain(identity.issuerUrl),
      attributes: attributesOf(identity.attributes),
      person: personOf(identity.person),
    }),
    step: {
      id: step.id,
      role: plain(step.role),
      started: timeOf(step.startedMs),
      finished: timeOf(step.finishedMs),
      reason: plain(step.reason),
      outcome: plain(step.outcome),
    },
    policy: present({ version: policy.version, digest: digestSet({ sha256: policy.sha256 ?? '' }) }),
  }
}

function attributesOf(attributes: StepFacts['identity']['attributes']): Record<string, string> {
  const known = attributeNames.flatMap((name) => {
    const value = attributes[name]
    return value === undefined ? [] : [[name, plain(value)] as const]
  })
  return Object.fromEntries(known)
}

function whatItUsed(facts: StepFacts): Record<string, unknown> {
  const { grants, egress, services, operations, leases, published, log } = facts
  const logDigest = digestSet({ sha256: log?.sha256 ?? '' })
  const { all, omitted } = takenIn(facts)
  return {
    ...listOf('grants', grants),
    ...listOf('egress', egress),
    services: services.toSorted((one, other) => one - other),
    approvals: approvalsOf(facts),
    operations: {
      granted: operations.granted
        .slice(0, maxListed)
        .map(({ what, count }) => ({ what: plain(what), count })),
      grantedTotal: countOf(operations.granted),
      denied: operations.denied
        .slice(0, maxListed)
        .map(({ what, count, reason }) => ({ what: plain(what), count, reason: plain(reason) })),
      deniedTotal: countOf(operations.denied),
    },
    credentials: leases
      .toSorted((one, other) => one.issuedMs - other.issuedMs || compare(one.id, other.id))
      .slice(0, maxListed)
      .map(credentialOf),
    ...(leases.length > maxListed ? { credentialsCount: leases.length } : {}),
    materials: all,
    ...(omitted > 0 ? { materialsOmitted: omitted } : {}),
    ...(facts.materialsIncomplete === true ? { materialsIncomplete: true } : {}),
    published: published
      .toSorted(
        (one, other) =>
          compare(one.name, other.name) ||
          compare(one.digest, other.digest) ||
          compare(one.connection, other.connection),
      )
      .flatMap(publicationOf),
    ...(log === undefined || logDigest === undefined ? {} : { log: { bytes: log.bytes, digest: logDigest } }),
  }
}

function credentialOf(lease: StepFacts['leases'][number]): Record<string, unknown> {
  const { id, connection, kind, grant, issuedMs, expiresMs, revokedMs, reason } = lease
  return present({
    lease: id,
    connection: plain(connection),
    kind: plain(kind),
    grant: plain(grant),
    issued: timeOf(issuedMs),
    expires: timeOf(expiresMs),
    revoked: revokedMs === undefined ? undefined : timeOf(revokedMs),
    reason: revokedMs === undefined || reason === undefined ? undefined : plain(reason),
  })
}

function publicationOf(one: StepFacts['published'][number]): Record<string, unknown>[] {
  const digest = digestSet({ sha256: one.digest.replace(/^sha256:/, '') })
  if (digest === undefined) return []
  const { name, connection, bytes, tags } = one
  return [
    present({
      ...{ name: plain(name), digest, connection: plain(connection), bytes },
      tags: tags?.map((tag) => plain(tag)).toSorted(compare),
    }),
  ]
}
