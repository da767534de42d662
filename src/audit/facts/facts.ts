import type { Entry } from '../verify/index.ts'
import { outcomeOf, type Outcome } from './outcome.ts'
import { isObject, isText, listIn, objectIn, textIn, textsIn, type Data } from './read.ts'

export type { Outcome } from './outcome.ts'

/** A person by their pseudonym, and by name where it was opened; or a program by the name of its API token. */
export interface Who {
  readonly person?: string
  readonly name?: string
}

/** An operation as the gateway named it. */
export interface Operation {
  readonly action: string
  readonly connection: string
  readonly path: string
  readonly ref?: string
}

export interface Facts {
  readonly outcome: Outcome
  /** The job: who triggered it, and from where. */
  readonly job: {
    readonly issuer?: string
    /** The issuer's word for the job as a whole (`sub`). */
    readonly subject?: string
    readonly repository?: string
    readonly repositoryId?: string
    readonly ref?: string
    readonly commit?: string
    readonly actor?: Who
  }
  /** The operator, or the person who decided. */
  readonly by?: Who
  /** The id of the API token or sign-in that was used. */
  readonly token?: string
  readonly request?: string
  readonly session?: string
  readonly step?: string
  readonly lease?: string
  readonly approval?: string
  readonly roles: readonly string[]
  readonly connections: readonly string[]
  readonly host?: string
  readonly port?: number
  readonly secret?: string
  readonly operations: readonly Operation[]
  readonly packages: readonly Package[]
  /** How many times it happened, where an entry stands for several; hosts that these were about. */
  readonly count: number
  readonly countedHosts: readonly string[]
  /** Why, in the entry's own words. */
  readonly reason?: string
}

export interface Package {
  readonly name: string
  readonly version?: string
}

/** What the entry says; of an entry whose names were opened, with the names. */
export function factsOf({ type, subject, data }: Pick<Entry, 'type' | 'subject' | 'data'>): Facts {
  const operations = listIn(data, 'operations').flatMap(operationOf)
  const target = targetOf(data)
  return definedOnly({
    outcome: outcomeOf(type, data),
    job: jobOf(type, data),
    by: whoIn(data, 'by'),
    token: type === 'session.issued' || type === 'session.refused' ? undefined : textIn(data, 'token'),
    request: textIn(data, 'request'),
    session: idOf('ses_', subject, textIn(data, 'session')),
    step: idOf('stp_', subject, textIn(data, 'step')),
    lease: idOf('lse_', subject, textIn(data, 'lease')),
    approval: type.startsWith('approval.') ? subject : textIn(data, 'approval'),
    roles: rolesOf(data),
    connections: unique([textIn(data, 'connection'), ...operations.map(({ connection }) => connection)]),
    ...target,
    secret: textIn(data, 'secret'),
    operations,
    packages: packagesOf(data),
    count: countOf(data),
    countedHosts: unique(
      listIn(data, 'refusals').map((one) => (isObject(one) ? hostIn(one['what'])?.host : undefined)),
    ),
    reason: textIn(data, 'reason') ?? textIn(data, 'detail'),
  })
}

/** By their package URLs; entries of older times name one npm package. */
function packagesOf(data: Data): Package[] {
  const one = objectIn(data, 'npm')
  const name = textIn(one, 'package')
  const version = textIn(one, 'version')
  const single = name === undefined ? [] : [{ name, ...(version === undefined ? {} : { version }) }]
  return [
    ...single,
    ...packageOf(data['purl']),
    ...listIn(data, 'packages').flatMap((entry) => (isObject(entry) ? packageOf(entry['purl']) : [])),
  ]
}

/** `pkg:npm/%40octo/core@1.0.0?...` (purl-spec): namespace and name as one, and the version. */
function packageOf(purl: unknown): Package[] {
  const parts = isText(purl)
    ? /^pkg:[a-z]+\/(?<name>[^@?#]+)(?:@(?<version>[^?#]+))?/.exec(purl)?.groups
    : undefined
  if (parts === undefined) return []
  const { name = '', version } = parts
  try {
    return [
      {
        name: decodeURIComponent(name),
        ...(version === undefined ? {} : { version: decodeURIComponent(version) }),
      },
    ]
  } catch {
    return []
  }
}

function jobOf(type: string, data: Data): Facts['job'] {
  // Where it stands differs by type: the job's first entry, its session, a question to people, everything after.
  const from =
    type === 'run.started'
      ? data
      : { ...objectIn(data, 'bound'), ...objectIn(data, 'identity'), ...objectIn(data, 'job') }
  const actor = from['actor'] ?? data['actor']
  return definedOnly({
    issuer: textIn(from, 'issuer') ?? textIn(data, 'issuer'),
    subject: textIn(from, 'subject'),
    repository: textIn(from, 'repository'),
    repositoryId: textIn(from, 'repository_id'),
    ref: textIn(from, 'ref'),
    commit: textIn(from, 'commit'),
    actor: actorOf(actor),
  })
}

/** `{id, login}` of commitments or opened names, or `{person}` alone. */
function actorOf(value: unknown): Who | undefined {
  if (!isObject(value)) return undefined
  const { person, login: name } = value
  if (isText(person)) return { person, ...(isText(name) ? { name } : {}) }
  const [login, id] = [whoIn(value, 'login'), whoIn(value, 'id')]
  return login ?? id
}

/** A sealed name is `{person, commitment}`; an opened one, and the name of a program, is a text. */
function whoIn(data: Data, name: string): Who | undefined {
  const value = data[name]
  if (isText(value)) return { name: value }
  return isObject(value) && isText(value['person']) ? { person: value['person'] } : undefined
}

function rolesOf(data: Data): string[] {
  const bound = objectIn(data, 'bound')
  return unique([textIn(data, 'role'), ...textsIn(data, 'roles'), ...textsIn(bound, 'roles')])
}

function operationOf(value: unknown): Operation[] {
  if (!isObject(value)) return []
  const [action, connection, path, ref] = ['action', 'connection', 'path', 'ref'].map((name) =>
    textIn(value, name),
  )
  if (action === undefined || connection === undefined) return []
  return [{ action, connection, path: path ?? '', ...(ref === undefined ? {} : { ref }) }]
}

/** `what` of a refused tunnel is `host:port`. */
function targetOf(data: Data): { host?: string; port?: number } {
  const { host, port, what } = data
  if (isText(host)) return { host, ...(Number.isSafeInteger(port) ? { port: port as number } : {}) }
  return hostIn(what) ?? {}
}

function hostIn(what: unknown): { host: string; port: number } | undefined {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^\s:/@]+):(\d{1,5})$/i.exec(isText(what) ? what : '') ?? []
  return host === undefined ? undefined : { host, port: Number(port) }
}

function countOf({ count }: Data): number {
  return Number.isSafeInteger(count) && (count as number) > 0 ? (count as number) : 1
}

function idOf(prefix: string, subject: string, named: string | undefined): string | undefined {
  return named ?? (subject.startsWith(prefix) ? subject : undefined)
}

function unique(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))]
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

function definedOnly<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Defined<T>
}
