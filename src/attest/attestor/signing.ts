import { MayflyError, messageOf, type Clock } from '../../lib/index.ts'
import type { AuditEvent } from '../../audit/client/index.ts'
import type { Broker } from '../../broker/index.ts'
import type { Store } from '../../store/index.ts'
import type { BundleSigner, SignerIdentity } from '../sign/index.ts'
import type { StepFacts } from '../statements/index.ts'
import { readStatement } from '../verify/index.ts'
import { leasesOf, type Gathered } from './facts.ts'
import type { Receipts } from './receipts.ts'
import { packed } from './packed.ts'
import { Lost, type Row, type Rows } from './rows.ts'
import { build, type Built, type StepKind, type Statements } from './statement.ts'
import { summaryIn } from './summary.ts'

export interface SigningDeps {
  readonly store: Store
  readonly clock: Clock
  readonly rows: Rows
  readonly statements: Statements
  readonly outbox: () => Broker['outbox']
  /** Throws why nothing can be signed now: `bad_token`, if only the step's own job could change that. */
  readonly signer: (stepId: string) => Promise<BundleSigner>
  readonly receipts: Pick<Receipts, 'proofsOf'>
  /** Called once one may be handed out. */
  readonly onSigned: (stepId: string) => void
}

/**
 * Takes one attestation on as far as it goes now: sign and log, keep the bundle together with the audit log's entry about it, and
 * once the log has the entry, let it be handed out. Killed between two of these, whoever takes it over goes on there; a signature
 * whose bundle was not kept is in the attestation log, and nobody ever gets it. Never rejects: what goes wrong stands in the row.
 */
export async function advance(taken: Row, deps: SigningDeps): Promise<void> {
  const { rows } = deps
  try {
    const row = taken.bundle === null ? await sign(taken, deps) : taken
    if (row === undefined) return
    if (await deps.outbox().isDelivered(entryId(row))) return await release(row, deps)
    await rows.putOff(row, 'the audit log has not taken the entry of its signing yet')
  } catch (error) {
    if (error instanceof Lost) return
    const act =
      error instanceof MayflyError && error.code === 'bad_token'
        ? withoutToken(taken, error.message, deps)
        : rows.putOff(taken, messageOf(error))
    // The store may be what fails: then the claim lapses.
    await act.catch(() => undefined)
  }
}

/** Tokens of CIs are good for minutes. */
const tokenMs = 15 * 60_000

/** Another server may have been handed one, and sign while it is good: after that nobody can, and the row says so. */
async function withoutToken(row: Row, why: string, deps: SigningDeps): Promise<void> {
  const { rows, clock } = deps
  const known = rows.gathered(row.step_id)?.signUntilMs
  if (known === null) return await giveUp(row, `${why}. None came with the end of the step. ${again}`, deps)
  const untilMs = known ?? row.created_ms + tokenMs
  const leftMs = untilMs - clock.nowMs()
  const until = new Date(untilMs).toISOString()
  if (leftMs < 0)
    return await giveUp(
      row,
      `${why}. The server that was handed one was stopped, or could not sign by ${until}, when it ended. ${again}`,
      deps,
    )
  const note = `${why}. It is given up at ${until}, unless the server that was handed one signs it before`
  await rows.putOff(row, note, Math.min(leftMs + 1, againMs))
}

const againMs = 60_000
const again = 'Run the step again to have it signed'

/** What is signed, by whom, and what the audit log is told of it. */
interface Material {
  readonly built: Built
  readonly who: SignerIdentity
  readonly about: Readonly<Record<string, unknown>>
}

async function ofStep(row: Row, kind: StepKind, deps: SigningDeps): Promise<Material | undefined> {
  const { rows, store } = deps
  const gathered = rows.gathered(row.step_id)
  if (gathered === undefined) return await giveUp(row, 'what it is made of is no more kept', deps)
  const proofs = kind === 'receipt' ? await deps.receipts.proofsOf(row, gathered.facts.approvals) : undefined
  if (proofs !== undefined && 'notYet' in proofs) {
    await rows.putOff(row, null, proofs.afterMs)
    return undefined
  }
  const facts = proofs === undefined ? gathered.facts : await withLeases(gathered.facts, store)
  let built: Built | undefined
  try {
    built = build(kind, facts, proofs, deps.statements)
  } catch (error) {
    return await giveUp(row, `its statement cannot be made: ${messageOf(error)}`, deps)
  }
  if (built === undefined) return await giveUp(row, 'there is nothing to say of it', deps)
  const wrong = proofs === undefined ? undefined : await wrongReceipt(built, proofs.key, deps)
  if (wrong !== undefined) return await notRight(row, wrong, deps)
  // Readers see the step's end a moment before the disk has it: nothing is signed of an end that a power cut may take back.
  await store.confirmed()
  return { built, who: gathered.signer, about: aboutStep(row, gathered) }
}

/** Why whoever checks this receipt would refuse it: such a one is not signed. */
async function wrongReceipt(
  { bytes }: Built,
  logKey: string,
  { statements }: SigningDeps,
): Promise<string | undefined> {
  const checked = await statements.checkReceipt(readStatement(bytes), { logKey })
  return checked.ok ? undefined : checked.detail
}

/** An entry that the log lacks may still be on its way, from another server or from one that starts again. */
async function notRight(row: Row, wrong: string, deps: SigningDeps): Promise<undefined> {
  const why = `the audit log does not bear it out: ${wrong}`
  if (deps.clock.nowMs() - row.created_ms > entriesMs) return await giveUp(row, why, deps)
  await deps.rows.putOff(row, why)
  return undefined
}

const entriesMs = 60 * 60_000

/** How its credentials are now. Some days after the step the store forgets those that are over: of these it is known how they were then. */
async function withLeases(facts: StepFacts, store: Store): Promise<StepFacts> {
  const now = await leasesOf(facts.step.id, store)
  const known = new Set(now.map(({ id }) => id))
  return { ...facts, leases: [...facts.leases.filter(({ id }) => !known.has(id)), ...now] }
}

async function sign(row: Row, deps: SigningDeps): Promise<Row | undefined> {
  const { rows } = deps
  const material = row.kind === 'vsa' ? summaryIn(row) : await ofStep(row, row.kind, deps)
  if (material === undefined) return undefined
  const { built, who, about } = material
  const signer = await deps.signer(row.step_id)
  const { bytes, text } = built
  const signing = text === undefined ? signer.statement(bytes, who) : signer.message(bytes, who)
  const signed = await inTime(signing)
  return await deps.outbox().write(async (tx, add) => {
    const changed = await rows.change(tx, row, {
      bundle: packed({ bundle: signed.json, ...(built.text === undefined ? {} : { text: built.text }) }),
      statement_sha256: signed.statementSha256,
      predicate_type: built.predicateType ?? null,
      log_index: signed.logIndex,
      signed_by: signed.by,
      signed_ms: signed.timeMs,
    })
    for (const { digest, name } of built.subjects)
      await tx
        .insertInto('attestation_subjects')
        .values({ digest, name, attestation_id: row.id })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    add([signedEntry(changed, about, built)])
    return changed
  })
}

const signingMs = 30_000

/** No signing outlasts the claim under which it is done. */
async function inTime<T>(act: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new MayflyError('upstream_unreachable', `signing took longer than ${signingMs / 1000} s`)),
      signingMs,
    )
    timer.unref()
  })
  try {
    return await Promise.race([act, late])
  } finally {
    clearTimeout(timer)
  }
}

async function giveUp(row: Row, failure: string, { store, rows }: SigningDeps): Promise<undefined> {
  await store.write((tx) =>
    rows.change(tx, row, {
      state: 'failed',
      due_ms: null,
      claimed_ms: null,
      claimed_by: null,
      failure: failure.slice(0, 500),
    }),
  )
}

/** From now on it may be handed out. What it was made of goes with the last of its step. */
async function release(row: Row, { store, rows, onSigned }: SigningDeps): Promise<void> {
  await store.write(async (tx) => {
    await rows.change(tx, row, {
      state: 'signed',
      due_ms: null,
      claimed_ms: null,
      claimed_by: null,
      failure: null,
    })
    const open = await tx
      .selectFrom('attestations')
      .select('id')
      .where('step_id', '=', row.step_id)
      .where('state', '!=', 'signed')
      .limit(1)
      .execute()
    if (open.length === 0)
      await tx.updateTable('attestations').set({ facts: null }).where('step_id', '=', row.step_id).execute()
  })
  onSigned(row.step_id)
}

export function entryId({ id }: Pick<Row, 'id'>): string {
  return `${id}_signed`
}

const namedSubjects = 20

function aboutStep(row: Row, { facts }: Gathered): Material['about'] {
  const { issuer, attributes } = facts.identity
  const { repository, repository_id, ref, commit } = attributes
  return {
    of: row.run_id,
    session: facts.session.id,
    step: row.step_id,
    role: facts.step.role,
    job: { issuer, repository, repository_id, ref, commit },
  }
}

/** Of no run: it may come long after the run's last entry. */
function signedEntry(row: Row, about: Material['about'], { predicateType, subjects }: Built): AuditEvent {
  return {
    id: entryId(row),
    type: 'attestation.signed',
    subject: row.id,
    data: {
      ...about,
      ...(predicateType === undefined ? {} : { predicateType }),
      statement: `sha256:${row.statement_sha256}`,
      subjects: subjects.slice(0, namedSubjects).map(({ digest, name }) => ({
        digest,
        ...(name === null ? {} : { name: name.slice(0, 200) }),
      })),
      subjectCount: subjects.length,
      logIndex: row.log_index,
      by: `sha256:${row.signed_by}`,
    },
  }
}
