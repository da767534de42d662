import { decideAsAsked } from './explain.ts'
import { describeOperation, type Operation } from './grant.ts'
import type { Past, PastOperations, PastSession } from './past.ts'
import type { Policy } from './policy.ts'
import { branches, type TrustSubject } from './trust.ts'

/** What another policy changes for something that was asked for in the past; equal ones are one, counted. */
export interface Change {
  readonly change: 'newly_denied' | 'newly_allowed'
  readonly role: string
  /** `assume` or the operation in words of a grant. */
  readonly what: string
  /** One of the jobs: repository and ref, or its subject. */
  readonly who: string
  readonly why: string
  readonly count: number
  readonly last: string
}

export interface Replay {
  readonly changes: readonly Change[]
  /** Questions that were put to the new policy. */
  readonly replayed: number
  /** Questions that the record does not hold enough of to be put again. */
  readonly undecided: number
}

interface Question {
  readonly time: string
  readonly role: string
  readonly what: string
  readonly subject: TrustSubject
  /** How it was answered then. */
  readonly allowed: boolean
  /** Of a package that a lockfile pins: the question about the connection as a whole, whose change tells this one, too. */
  readonly whole?: string
  ask(policy: Policy): Answer
}

type Answer = { readonly allow: boolean; readonly why: string }

/**
 * Puts every question of the past to `next`, and compares with the answer that `base` gives, or that was given then
 * if there is no `base`. What passed in shadow mode passed.
 */
export function replay(past: readonly Past[], next: Policy, base?: Policy): Replay {
  const subjects = new Map(
    past.flatMap((one) =>
      one.kind === 'session' && one.id !== undefined ? [[one.id, one.subject] as const] : [],
    ),
  )
  const questions = withoutTwice(past).flatMap((one) => questionsOf(one, subjects))
  const found = new Map<string, Change & { readonly whole?: string }>()
  let undecided = past.filter((one) => isUnknown(one, subjects)).length
  let replayed = 0
  for (const question of questions) {
    if (!knowsEnough(question, next) || (base !== undefined && !knowsEnough(question, base))) {
      undecided += 1
      continue
    }
    replayed += 1
    const before = base === undefined ? question.allowed : question.ask(base).allow
    const after = question.ask(next)
    if (before === after.allow) continue
    const change = before ? 'newly_denied' : 'newly_allowed'
    const key = keyOf(change, question, question.what)
    found.set(key, {
      ...(question.whole === undefined ? {} : { whole: keyOf(change, question, question.whole) }),
      change,
      role: question.role,
      what: question.what,
      who: whoIs(question.subject),
      why: after.why,
      count: (found.get(key)?.count ?? 0) + 1,
      last: question.time,
    })
  }
  const told = [...found.values()].filter(({ whole }) => whole === undefined || !found.has(whole))
  return { changes: told.map(({ whole: _, ...change }) => change), replayed, undecided }
}

function keyOf(change: Change['change'], { role, subject }: Question, what: string): string {
  return JSON.stringify([change, role, what, whoIs(subject)])
}

/** A package that its lockfile pins has an entry by name, too, where shadow mode let it in: that one is asked. */
function withoutTwice(past: readonly Past[]): Past[] {
  const keyIn = (session: string, operation: Operation) =>
    JSON.stringify([session, operation.action, describeOperation(operation)])
  const named = new Set(
    past.flatMap((one) =>
      one.kind === 'operations' && !one.ofLockfile
        ? one.operations.map((operation) => keyIn(one.session, operation))
        : [],
    ),
  )
  return past.map((one) =>
    one.kind === 'operations' && one.ofLockfile
      ? { ...one, operations: one.operations.filter((each) => !named.has(keyIn(one.session, each))) }
      : one,
  )
}

function questionsOf(past: Past, subjects: ReadonlyMap<string, TrustSubject>): Question[] {
  if (past.kind === 'session') return past.roles.map((role) => assumeQuestion(past, role))
  // What passed in shadow mode stands in the entry that granted it, too.
  if (past.kind !== 'operations' || past.shadow) return []
  const subject = subjects.get(past.session)
  return subject === undefined
    ? []
    : past.operations.map((operation) => operationQuestion(past, operation, subject))
}

function isUnknown(past: Past, subjects: ReadonlyMap<string, TrustSubject>): boolean {
  return past.kind === 'operations' && !past.shadow && (past.cut || !subjects.has(past.session))
}

function assumeQuestion({ time, subject, allowed }: PastSession, role: string): Question {
  return {
    time,
    role,
    what: 'assume',
    subject,
    allowed,
    ask(policy) {
      const assumption = policy.assume(role, subject)
      if (assumption.allow) return { allow: true, why: 'its trust holds' }
      if (assumption.reason === 'role_unknown') return { allow: false, why: 'there is no such role' }
      return { allow: false, why: assumption.mismatches.map(({ claim }) => claim).join(', ') }
    },
  }
}

function operationQuestion(
  { time, role, allowed, ofLockfile }: PastOperations,
  operation: Operation,
  subject: TrustSubject,
): Question {
  const { action, connection } = operation
  return {
    time,
    role,
    what: describeOperation(operation),
    subject,
    allowed,
    ...(ofLockfile ? { whole: describeOperation({ action, connection, path: '' }) } : {}),
    ask(policy) {
      const decision = decideAsAsked(policy, role, operation, subject)
      if (decision.allow) return { allow: true, why: `by "${decision.grant}"` }
      return { allow: false, why: decision.forbiddenBy ?? `no grant; it would take "${decision.missing}"` }
    },
  }
}

/** They are sealed in the log, and may have been erased. */
const sealed: ReadonlySet<string> = new Set(['actor', 'actor_id', 'subject'])

// A rule that looks at a raw claim which nobody looked at then, or at who it was, cannot be asked about it now.
function knowsEnough({ what, role, subject }: Question, policy: Policy): boolean {
  const trust = what === 'assume' ? policy.roles.get(role)?.trust : undefined
  if (trust === undefined || trust.issuer !== subject.issuer) return true
  return branches(trust)
    .flat()
    .every(({ claim, raw }) =>
      raw
        ? Object.hasOwn(subject.claims, claim)
        : !sealed.has(claim) || Object.hasOwn(subject.attributes, claim),
    )
}

function whoIs({ issuer, attributes }: TrustSubject): string {
  const { repository, ref, subject } = attributes
  return repository === undefined
    ? `${issuer}:${subject ?? ''}`
    : `${repository}${ref === undefined ? '' : ` at ${ref}`}`
}
