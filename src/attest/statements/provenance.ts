import { isolationOf, type Engine } from '../../lib/index.ts'
import { dependenciesOf, invocationId, sourceUri, type Descriptor } from './dependencies.ts'
import type { StepFacts } from './facts.ts'
import { digestSet, isPseudonym, plain, plainLines, present, timeOf } from './plain.ts'
import { buildType, provenanceType, receiptType, statementV1, type Statement } from '../verify/index.ts'
import { compare, subjectsOf } from './subjects.ts'

const maxListed = 1_000

/**
 * SLSA provenance v1 of what the step made. Undefined if it made nothing: a statement needs a subject. The same facts give the
 * same statement.
 */
export function provenanceOf(facts: StepFacts): Statement | undefined {
  const subject = subjectsOf(facts)
  if (subject.length === 0) return undefined
  const { all, omitted } = dependenciesOf(facts)
  return {
    _type: statementV1,
    subject,
    predicateType: provenanceType,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: externalOf(facts),
        internalParameters: {
          ...internalOf(facts),
          ...(omitted > 0 ? { dependenciesOmitted: omitted } : {}),
          ...(facts.materialsIncomplete === true ? { dependenciesIncomplete: true } : {}),
        },
        resolvedDependencies: all,
      },
      runDetails: {
        builder: { id: builderId(facts), version: { mayfly: plain(facts.server.version, 64) } },
        metadata: {
          invocationId: invocationId(facts),
          startedOn: timeOf(facts.step.startedMs),
          finishedOn: timeOf(facts.step.finishedMs),
        },
        byproducts: byproductsOf(facts),
      },
    },
  }
}

/** One for each tier, since each holds something else. */
export function builderId({ server, reported }: Pick<StepFacts, 'server' | 'reported'>): string {
  return `${server.url}/builders/tier-${reported.tier.toLowerCase()}`
}

/** What whoever wrote the pipeline, or triggered it, chose. */
function externalOf(facts: StepFacts): Record<string, unknown> {
  const { identity, step, reported } = facts
  const { repository, repository_id: id, owner_id: ownerId, ref, commit } = identity.attributes
  const { workflow, environment, event, fork } = identity.attributes
  const uri = sourceUri(identity)
  const digest = digestSet({ gitCommit: commit ?? '' })
  return present({
    source: present({
      uri,
      digest,
      repository: text(repository),
      repositoryId: text(id),
      ownerId: text(ownerId),
      ref: text(ref),
    }),
    workflow: text(workflow),
    environment: text(environment),
    event: text(event),
    fork: text(fork),
    role: plain(step.role),
    step: plain(reported.name),
    command: plain(reported.command, 4_096),
    script: scriptOf(reported.script),
    image: text(reported.image),
    workspace: text(reported.workspace?.kind),
  })
}

function text(value: string | undefined): string | undefined {
  return value === undefined ? undefined : plain(value)
}

export function scriptOf(script: StepFacts['reported']['script']) {
  if (script === undefined) return undefined
  const digest = digestSet({ sha256: script.sha256 ?? '' })
  return present({ of: script.of, text: plainLines(script.text, 2_000), digest })
}

/** What the server and its policy chose. */
function internalOf(facts: StepFacts): Record<string, unknown> {
  const { run, session, step, identity, policy, grants, egress, services, reported } = facts
  return present({
    run: run.id,
    ciRun: { id: plain(run.ci.id), attempt: plain(run.ci.attempt), job: plain(run.ci.job) },
    session: session.id,
    stepId: step.id,
    issuer: present({
      name: plain(identity.issuer),
      url: plain(identity.issuerUrl),
      runner: text(identity.attributes['runner']),
    }),
    person: personOf(identity.person),
    tier: reported.tier,
    isolation: isolationOf(reported.tier, reported.engine as Engine | undefined),
    engine: text(reported.engine),
    policy: present({ version: policy.version, digest: digestSet({ sha256: policy.sha256 ?? '' }) }),
    ...listOf('grants', grants),
    ...listOf('egress', egress),
    services: [...services],
    limitsHeldBy: text(reported.limitsHeldBy),
    approvals: approvalsOf(facts),
  })
}

export function personOf(person: string | undefined): string | undefined {
  return person !== undefined && isPseudonym(person) ? person : undefined
}

/** The first thousand, sorted; how many there are, if that is not all of them. */
export function listOf(name: string, items: readonly string[]): Record<string, unknown> {
  const sorted = items.map((one) => plain(one)).toSorted(compare)
  const more = sorted.length > maxListed ? { [`${name}Count`]: sorted.length } : {}
  return { [name]: sorted.slice(0, maxListed), ...more }
}

/** Who said yes, by pseudonym and group: names cannot be taken back from a signed statement. */
export function approvalsOf({ approvals }: Pick<StepFacts, 'approvals'>): Record<string, unknown>[] {
  return approvals
    .toSorted((one, other) => one.atMs - other.atMs || compare(one.id, other.id))
    .slice(0, maxListed)
    .map(({ id, group, people, atMs, of }) => ({
      id,
      ...present({ group: text(group) }),
      people: people.filter(isPseudonym).toSorted(compare),
      at: timeOf(atMs),
      of: plain(of),
    }))
}

/** What came of it beside what it made. */
function byproductsOf(facts: StepFacts): Descriptor[] {
  const { log, sbomSha256, step, operations, reported } = facts
  // Whose supervisor did not say how it ended, of that nobody says that no secret was seen.
  const isSaid = reported.exitCode !== undefined || reported.signal !== undefined
  const found = isSaid ? countOf(reported.secretsSeen ?? []) : undefined
  const outcome = present({
    outcome: plain(step.outcome),
    reason: plain(step.reason),
    exitCode: reported.exitCode,
    secretsFound: found,
    operationsGranted: countOf(operations.granted),
    operationsDenied: countOf(operations.denied),
  })
  const logDigest = digestSet({ sha256: log?.sha256 ?? '' })
  const sbomDigest = digestSet({ sha256: sbomSha256 ?? '' })
  return [
    {
      name: 'audit',
      uri: `${facts.server.url}/v1/steps/${step.id}/receipt`,
      annotations: { predicateType: receiptType },
    },
    ...(logDigest === undefined
      ? []
      : [
          {
            name: 'log',
            digest: logDigest,
            mediaType: 'application/vnd.mayfly.log',
            annotations: { bytes: log?.bytes },
          },
        ]),
    { name: 'outcome', uri: invocationId(facts), annotations: outcome },
    ...(sbomDigest === undefined
      ? []
      : [{ name: 'sbom', digest: sbomDigest, mediaType: 'application/vnd.in-toto+json' }]),
  ]
}

export function countOf(counted: readonly { readonly count: number }[]): number {
  return counted.reduce((sum, { count }) => sum + count, 0)
}
