import type { Selectable } from 'kysely'
import { sha256Hex, type Clock, type StepId } from '../../lib/index.ts'
import type { PeopleDirectory } from '../../audit/client/index.ts'
import {
  artifactListDigest,
  artifactListOf,
  artifactListProblem,
  outcomeOf,
  type KeptLog,
  type Step,
  type StepOutcome,
  type StepRequest,
} from '../../broker/index.ts'
import type { SignerIdentity } from '../sign/index.ts'
import type { ReportedFacts, ReportedFile, StepFacts, VerifiedJob } from '../statements/index.ts'
import type { Store, Tables } from '../../store/index.ts'
import { approvalsOf } from './approval-facts.ts'
import { handedOnTo } from './handed-on.ts'
import { personOf } from './person.ts'

export interface FactsDeps {
  readonly store: Store
  readonly clock: Clock
  readonly people: PeopleDirectory
  readonly url: () => string
  readonly version: string
  /** What it took in and gave out through the gateway. */
  readonly materials: (
    step: StepId,
  ) => Promise<Pick<StepFacts, 'materials' | 'materialsOmitted' | 'materialsIncomplete' | 'published'>>
  /** What the gateway allowed and refused; for a step that its supervisor did not end itself. */
  readonly activityOf: (step: Step) => StepFacts['operations']
  /** Where only the job's own token signs: until when the one that came with the end is good, null if none did. */
  readonly signUntilMs?: (step: StepId) => number | null | undefined
  /** Who signs for a session that was opened before that was kept with it. */
  readonly signerOf: (session: StoredSession) => SignerIdentity
}

export interface StoredSession {
  readonly issuer: string
  readonly issuerUrl?: string
  readonly attributes: Readonly<Partial<Record<string, string>>>
  readonly run: { readonly id: string; readonly attempt: string; readonly job: string }
  readonly signer?: SignerIdentity
}

/** What is signed of a step, and who signs. */
export interface Gathered {
  readonly facts: StepFacts
  readonly signer: SignerIdentity
  /** Why what the step declared cannot be attested. */
  readonly problem?: string
  /** Until when it can be signed, as `FactsDeps` has it: only the server that was handed the token can. */
  readonly signUntilMs?: number | null
}

/** All that is known of a step that ends, from the store and its supervisor's last word. */
export async function gatherFacts(
  step: Step,
  outcome: StepOutcome,
  log: KeptLog | undefined,
  deps: FactsDeps,
): Promise<Gathered> {
  const { store } = deps
  const row = store.find('steps', { id: step.id })
  const session = store.find('sessions', { id: step.session.id })
  if (row === undefined || session === undefined) throw new Error(`step ${step.id} is not in the store`)
  const stored = JSON.parse(session.identity) as StoredSession
  const opened = JSON.parse(row.opened ?? '{}') as Partial<StepRequest>
  const signer = stored.signer ?? deps.signerOf(stored)
  const files = declaredFiles(step, outcome, deps)
  const reported = reportedOf(step, opened, outcome, files.list)
  const taken = reported.inputs.map(({ sha256 }) => sha256)
  const [identity, approvals, leases, materials, handedOn] = await Promise.all([
    jobOf(stored, signer, deps),
    approvalsOf(step, deps),
    leasesOf(step.id, store),
    deps.materials(step.id),
    handedOnTo(step, taken, store),
  ])
  const facts: StepFacts = {
    server: { url: deps.url(), version: deps.version },
    run: { id: step.session.runId, ci: stored.run },
    session: { id: session.id, issuedMs: session.created_ms, roles: step.session.roles },
    identity,
    step: {
      id: step.id,
      role: step.role,
      startedMs: step.startedMs,
      finishedMs: step.endedMs ?? step.decided?.atMs ?? deps.clock.nowMs(),
      reason: step.endReason ?? outcome.reason,
      outcome: outcomeOf({ endReason: step.endReason ?? outcome.reason }, outcome),
    },
    policy: await policyOf(opened.policyVersion, store),
    grants: opened.grants ?? [],
    egress: opened.egress ?? [],
    services: opened.services ?? [],
    approvals,
    operations: (outcome.activity as StepFacts['operations'] | undefined) ?? deps.activityOf(step),
    leases,
    ...materials,
    ...(handedOn.length === 0 ? {} : { handedOn }),
    ...(log === undefined ? {} : { log }),
    reported,
  }
  const signUntilMs = deps.signUntilMs?.(step.id)
  return {
    ...{ facts, signer },
    ...(signUntilMs === undefined ? {} : { signUntilMs }),
    ...(files.problem === undefined ? {} : { problem: files.problem }),
  }
}

/** Without names: what is signed is logged where nobody is forgotten. */
async function jobOf(stored: StoredSession, signer: SignerIdentity, deps: FactsDeps): Promise<VerifiedJob> {
  const { actor, actor_id: id, subject, ...rest } = stored.attributes
  const namesThem = subject !== undefined && /(?:^|[/:])(?:user|actor|actor_id)[/:]/.test(subject)
  const attributes = { ...(subject === undefined || namesThem ? {} : { subject }), ...rest }
  const known = Object.entries(attributes).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const who = id ?? actor
  const person =
    who === undefined
      ? undefined
      : await personOf(deps.people, `${stored.issuer}:${who}`, `${stored.issuer}:${actor ?? who}`)
  const { sourceRepositoryURI: sourceUri } = signer.claims
  return {
    issuer: stored.issuer,
    issuerUrl: stored.issuerUrl ?? signer.issuer,
    attributes: Object.fromEntries(known),
    ...(sourceUri === undefined ? {} : { sourceUri }),
    ...(person === undefined ? {} : { person }),
  }
}

/** The whole list, if it came before the end and is the one of which the end has the digest. */
function declaredFiles(
  step: Step,
  { summary }: StepOutcome,
  { store }: FactsDeps,
): { list: readonly ReportedFile[]; problem?: string } {
  const said = summary?.['artifacts'] as FileListFacts | undefined
  const kept = artifactListOf(store, step.id)
  if (said === undefined && kept === undefined) return { list: [] }
  if (said === undefined) return { list: [], problem: 'the step listed artifacts, and its end names none' }
  if (kept !== undefined) {
    return kept.sha256 === said.sha256
      ? { list: kept.files }
      : { list: [], problem: 'the artifacts at the end of the step are not those that were listed before it' }
  }
  if (said.count === said.files.length) {
    const wrong =
      artifactListProblem(said.files) ??
      (artifactListDigest(said.files) === said.sha256 ? undefined : notOfThem)
    return wrong === undefined ? { list: said.files } : { list: [], problem: wrong }
  }
  const problem = `of ${said.count} artifacts only ${said.files.length} are known by name: the runner is older than the server`
  return { list: [], problem }
}

const notOfThem = 'the digest of the list of artifacts is not that of the files in it'

interface FileListFacts {
  readonly files: readonly ReportedFile[]
  readonly count: number
  readonly sha256: string
}

function reportedOf(
  step: Step,
  opened: Partial<StepRequest>,
  { summary = {}, exitCode }: StepOutcome,
  artifacts: readonly ReportedFile[],
): ReportedFacts {
  const [inputs, declared] = [summary['inputs'], summary['artifacts']] as (FileListFacts | undefined)[]
  const said: Partial<ReportedFacts> = {
    engine: opened.engine,
    image: opened.image,
    workspace: opened.workspace,
    exitCode,
    signal: summary['signal'] as string | undefined,
    durationMs: summary['duration_ms'] as number | undefined,
    script: summary['script'] as ReportedFacts['script'],
    limit: summary['limit'] as string | undefined,
    limitsHeldBy: summary['limits_held_by'] as string | undefined,
    programs: summary['programs'] as ReportedFacts['programs'],
    log: summary['log'] as ReportedFacts['log'],
    secretsSeen: summary['secrets_seen'] as ReportedFacts['secretsSeen'],
    directAttempts: summary['direct_attempts'] as number | undefined,
    ...(inputs === undefined ? {} : { inputsCount: inputs.count, inputsSha256: inputs.sha256 }),
    ...(declared === undefined ? {} : { artifactsCount: declared.count, artifactsSha256: declared.sha256 }),
  } as Partial<ReportedFacts>
  const known = Object.entries(said).filter(([, value]) => value !== undefined)
  return {
    name: step.name,
    tier: step.tier as ReportedFacts['tier'],
    command: opened.command ?? '',
    ...(Object.fromEntries(known) as Partial<ReportedFacts>),
    artifacts,
    inputs: inputs?.files ?? [],
  }
}

/** They are revoked after the end: a receipt is made of how they are then. */
export async function leasesOf(step: string, store: Store): Promise<StepFacts['leases']> {
  const rows = await store.read
    .selectFrom('leases')
    .selectAll()
    .where('step_id', '=', step)
    .orderBy('created_ms')
    .limit(mostLeases)
    .execute()
  return rows.map(leaseOf)
}

/** A receipt names the first thousand, and says how many there were. */
const mostLeases = 20_000

function leaseOf(row: Selectable<Tables['leases']>): StepFacts['leases'][number] {
  return {
    id: row.id,
    connection: row.connection,
    kind: row.kind,
    grant: row.grant_source,
    issuedMs: row.created_ms,
    expiresMs: row.expires_ms,
    ...(row.revoked_ms === null ? {} : { revokedMs: row.revoked_ms }),
    ...(row.revoke_reason === null ? {} : { reason: row.revoke_reason }),
  }
}

async function policyOf(version: number | undefined, store: Store): Promise<StepFacts['policy']> {
  if (version === undefined) return { version: 0 }
  const row = store.find('policies', { version })
  return row === undefined ? { version } : { version, sha256: sha256Hex(row.text) }
}
