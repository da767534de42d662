import { z } from 'zod'
import { parsePurl } from '../lib/index.ts'
import { namesRef, pinnedAction } from '../kinds/index.ts'
import type { Operation } from './grant.ts'
import type { TrustSubject } from './trust.ts'

/** One entry of the audit log, as its reader found it. */
export interface PastEntry {
  readonly type: string
  readonly time: string
  readonly run: string | undefined
  readonly subject: string | undefined
  readonly data: unknown
}

/** A job that asked for roles. */
export interface PastSession {
  readonly kind: 'session'
  readonly time: string
  readonly run: string | undefined
  readonly id: string | undefined
  readonly request: string | undefined
  readonly allowed: boolean
  readonly roles: readonly string[]
  readonly subject: TrustSubject
}

/** Operations that a step asked for at once; they stood or fell together. */
export interface PastOperations {
  readonly kind: 'operations'
  readonly time: string
  readonly run: string | undefined
  readonly session: string
  readonly request: string | undefined
  readonly allowed: boolean
  /** It passed in shadow mode only. */
  readonly shadow: boolean
  readonly role: string
  readonly operations: readonly Operation[]
  /** The entry had no room for all of them. */
  readonly cut: boolean
  /** They were let in with the lockfile that pins them, which stands in an entry of its own. */
  readonly ofLockfile: boolean
  /** The grants that let them in, as they were written. */
  readonly grants: readonly string[]
  /** People said yes to them. */
  readonly approved: boolean
}

export interface PastStep {
  readonly kind: 'step'
  readonly time: string
  readonly run: string | undefined
  readonly role: string
  readonly isolation: string
  readonly ended: boolean
}

export type Past = PastSession | PastOperations | PastStep

const texts = z.record(z.string(), z.string())
const operation = z.object({
  action: z.string(),
  connection: z.string(),
  path: z.string(),
  ref: z.string().optional(),
})

/** Of names, those that can still be read: the others were erased, or the folder that holds them is not here. */
const names = z
  .record(z.string(), z.unknown())
  .default({})
  .transform((all) =>
    Object.fromEntries(
      Object.entries(all).filter(
        (one): one is [string, string] => typeof one[1] === 'string' && !/^per_\w+ \(erased\)$/.test(one[1]),
      ),
    ),
  )

const issued = z.object({
  request: z.string().optional(),
  issuer: z.string(),
  identity: texts,
  claims: names,
  actor: names,
  roles: z.array(z.string()),
})
const refused = issued.omit({ roles: true }).extend({ reason: z.string(), role: z.string() })
const access = z.object({
  request: z.string().optional(),
  session: z.string(),
  role: z.string(),
  operations: z.array(operation).min(1),
  operationCount: z.number().optional(),
  grants: z.array(z.string()).default([]),
  approvals: z.array(z.string()).default([]),
})
const downloads = z.object({
  session: z.string(),
  role: z.string(),
  connection: z.string(),
  packages: z.array(z.object({ purl: z.string(), by: z.string() })).min(1),
})
const step = z.object({
  role: z.string(),
  reported: z.object({ isolation: z.string().default('') }).default({ isolation: '' }),
})

/**
 * What an entry says of a decision, or undefined: most entries are of other things, and those of before this version
 * may lack what a decision needs to be made again.
 */
export function readPast({ type, time, run, subject: about, data }: PastEntry): Past | undefined {
  switch (type) {
    case 'session.issued': {
      const read = issued.safeParse(data)
      if (!read.success) return undefined
      const { roles, request } = read.data
      return {
        kind: 'session',
        time,
        run,
        id: about,
        request,
        allowed: true,
        roles,
        subject: subjectOf(read.data),
      }
    }
    case 'session.refused': {
      const read = refused.safeParse(data)
      if (!read.success || !['trust_mismatch', 'role_unknown'].includes(read.data.reason)) return undefined
      const { role, request } = read.data
      const roles = [role]
      return {
        kind: 'session',
        time,
        run,
        id: undefined,
        request,
        allowed: false,
        roles,
        subject: subjectOf(read.data),
      }
    }
    case 'access.granted':
    case 'access.denied':
    case 'access.shadowed': {
      const read = access.safeParse(data)
      if (!read.success) return undefined
      const { operations, operationCount, ...rest } = read.data
      return {
        kind: 'operations',
        time,
        run,
        session: rest.session,
        request: rest.request,
        role: rest.role,
        allowed: type !== 'access.denied',
        shadow: type === 'access.shadowed',
        operations: operations.map(plainOperation),
        cut: operationCount !== undefined,
        ofLockfile: false,
        grants: rest.grants,
        approved: rest.approvals.length > 0,
      }
    }
    case 'packages.downloaded': {
      const read = downloads.safeParse(data)
      if (!read.success) return undefined
      const { session, role, connection, packages } = read.data
      const pinned = packages.filter(({ by }) => by === 'lockfile')
      const operations = pinned.flatMap(({ purl }) => installOf(connection, purl) ?? [])
      if (operations.length === 0) return undefined
      const common = { request: undefined, allowed: true, shadow: false, cut: false, ofLockfile: true }
      return {
        ...{ kind: 'operations', time, run, session, role, operations },
        ...{ ...common, grants: [], approved: false },
      }
    }
    case 'step.started':
    case 'step.finished': {
      const read = step.safeParse(data)
      return read.success
        ? {
            kind: 'step',
            time,
            run,
            role: read.data.role,
            isolation: read.data.reported.isolation,
            ended: type === 'step.finished',
          }
        : undefined
    }
    default:
      return undefined
  }
}

function subjectOf({
  issuer,
  identity,
  claims,
  actor,
}: z.output<typeof issued> | z.output<typeof refused>): TrustSubject {
  const { id, login, subject } = actor
  const attributes = {
    ...identity,
    ...(subject === undefined ? {} : { subject }),
    ...(id === undefined ? {} : { actor_id: id }),
    ...(login === undefined ? {} : { actor: login }),
  }
  return { issuer, attributes, claims }
}

/** What was asked of policy for a package that a lockfile pins; undefined for what is none. */
function installOf(connection: string, purl: string): Operation | undefined {
  const { type, name, version } = parsePurl(purl) ?? {}
  const action = type === undefined ? undefined : pinnedAction(type)
  if (action === undefined || name === undefined) return undefined
  // purl-spec: a group of Maven is a namespace; coordinates have a colon there.
  const path = type === 'maven' ? name.replace('/', ':') : name
  return version === undefined || !namesRef(action)
    ? { action, connection, path }
    : { action, connection, path, ref: version }
}

function plainOperation({ ref, ...rest }: z.output<typeof operation>): Operation {
  return ref === undefined ? rest : { ...rest, ref }
}
