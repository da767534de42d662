import { factsOf, type Facts } from '../facts/index.ts'
import type { Entry } from '../verify/index.ts'

/** What entries can be found by. */
const termKinds = [
  'type',
  'outcome',
  'run',
  'repository',
  'commit',
  'ref',
  'actor',
  'by',
  'role',
  'action',
  'connection',
  'host',
  'package',
  'secret',
  'session',
  'step',
  'lease',
  'approval',
  'token',
  'request',
] as const
export type TermKind = (typeof termKinds)[number]
export type Term = readonly [kind: TermKind, value: string]

/**
 * Everything that an entry can be found by. A repository by its name and its id, a package by its name and with its version.
 * `run`: the job of its run, for entries that do not say themselves what it was.
 */
export function termsOf(entry: Entry, run: Facts['job'] = {}): Term[] {
  const facts = factsOf(entry)
  const job = { ...run, ...facts.job }
  const { operations } = facts
  const found = new Map<string, Term>()
  const add = (kind: TermKind, value: string | undefined) => {
    if (value !== undefined) found.set(`${kind} ${value}`, [kind, value])
  }
  add('type', entry.type)
  add('outcome', facts.outcome)
  add('run', entry.run)
  add('repository', job.repository)
  add('repository', job.repositoryId)
  add('commit', job.commit)
  add('ref', job.ref)
  add('actor', job.actor?.person ?? job.actor?.name)
  add('by', facts.by?.person ?? facts.by?.name)
  add('host', facts.host?.toLowerCase())
  for (const host of facts.countedHosts) add('host', host.toLowerCase())
  for (const { name, version } of facts.packages) {
    add('package', name)
    if (version !== undefined) add('package', `${name}@${version}`)
  }
  add('secret', facts.secret)
  for (const name of furtherSecrets(entry.data)) add('secret', name)
  add('session', facts.session)
  add('step', facts.step)
  add('lease', facts.lease)
  add('approval', facts.approval)
  add('token', facts.token)
  add('request', facts.request)
  for (const role of facts.roles) add('role', role)
  for (const connection of facts.connections) add('connection', connection)
  for (const { action, ref } of operations) {
    add('action', action)
    add('ref', ref)
  }
  return [...found.values()]
}

/** The key of a client certificate, and what a credential was minted with. */
function furtherSecrets({ clientKey, secrets }: Entry['data']): string[] {
  return [clientKey, ...(Array.isArray(secrets) ? (secrets as unknown[]) : [])].filter(
    (name) => typeof name === 'string',
  )
}
