import type { CheckedReceipt, Statement } from '../../attest/verify/index.ts'
import { joined, say, type Outline, type Said } from './outline.ts'

type Right = Extract<CheckedReceipt, { ok: true }>
type Fields = Readonly<Record<string, unknown>>

/** So many of a list are told. */
const told = 10
const toldPlaces = 40

/** What of a receipt that was checked its entries bear out, in sentences. What nobody bears out is in none of them. */
export function tellProved({ predicate, subject }: Statement, { unproved }: Right): Outline[] {
  const left = new Set(unproved)
  const has = (place: string) => prefixes(place).every((one) => !left.has(one))
  const all = withoutUnproved(predicate, '', has) as Receipt
  const { identity, run, session, step, operations } = all
  const { repository, repository_id: id, ref, commit, ...others } = identity?.attributes ?? {}
  const made = subject.slice(1).flatMap(({ name, digest }, at) => {
    if (!has(`subject[${at + 1}]`)) return []
    const shown = name !== undefined && has(`subject[${at + 1}].name`) ? name : 'without a name'
    return [say`${shown} sha256:${digest['sha256'] ?? ''}`]
  })
  return [
    {
      line: say`for a job of ${joined(jobOf({ repository, id, ref, commit }), ', ')}, as ${text(identity?.issuer)} says (${text(identity?.issuerUrl)})`,
      below: [
        ...pairs(others),
        ...(identity?.person === undefined ? [] : [{ line: say`triggered by ${text(identity.person)}` }]),
      ],
    },
    {
      line: say`run ${text(run?.id)}: ${pairsText(run?.ci)}; session ${text(session?.id)} of ${text(session?.issued)}, for the roles ${texts(session?.roles)}`,
    },
    {
      line: say`step ${text(step?.id)} in role ${text(step?.role)}, ${text(step?.started)} to ${text(step?.finished)}: ${text(step?.outcome)} (${text(step?.reason)})`,
    },
    ...listed('it could do', all.grants, (one) => text(one)),
    ...listed('it could reach', all.egress, (one) => text(one)),
    ...listed('and ports of the runner’s localhost:', all.services, (one) => text(one)),
    ...listed('people said yes', all.approvals, (one) => approval(one)),
    ...(operations === undefined ? [{ line: say`what it did: nobody counted it` }] : did(operations)),
    ...listed('credentials', all.credentials, (one) => credential(one)),
    ...listed('it took in', all.materials, ({ uri, digest }) => `${text(uri)} ${pairsText(digest)}`),
    ...listed('registries took from it', all.published, ({ name, digest, connection }) => {
      return `${text(name)} ${pairsText(digest)}, by ${text(connection)}`
    }),
    ...(made.length === 0 ? [] : [group(say`it made ${made.length}`, made)]),
    ...(all.log === undefined ? [] : [{ line: say`the server had of its output: ${short(all.log)}` }]),
    {
      line: say`the CI’s machine reported then (that it is so, it alone says):`,
      below: pairs(all.reported ?? {}),
    },
  ]
}

/** Many issuers say nothing of some of these. */
function jobOf({ repository, id, ref, commit }: Fields): Said[] {
  const of = repository === undefined ? 'a repository that is not named' : text(repository)
  return [
    id === undefined ? say`${of}` : say`${of} (${text(id)})`,
    ...(ref === undefined ? [] : [say`${text(ref)}`]),
    ...(commit === undefined ? [] : [say`commit ${text(commit)}`]),
  ]
}

type Named<K extends string> = Readonly<Partial<Record<K, unknown>>>
type Digested = Fields & { readonly digest?: Fields }

/** What is left of it without what is unproved. */
interface Receipt {
  readonly identity?: Named<'issuer' | 'issuerUrl' | 'person'> & { readonly attributes?: Fields }
  readonly run?: Named<'id'> & { readonly ci?: Fields }
  readonly session?: Named<'id' | 'issued'> & { readonly roles?: readonly unknown[] }
  readonly step?: Named<'id' | 'role' | 'started' | 'finished' | 'outcome' | 'reason'>
  readonly operations?: Named<'grantedTotal' | 'deniedTotal'> &
    Readonly<Record<'granted' | 'denied', readonly Fields[]>>
  readonly grants?: readonly unknown[]
  readonly egress?: readonly unknown[]
  readonly services?: readonly unknown[]
  readonly approvals?: readonly Fields[]
  readonly credentials?: readonly Fields[]
  readonly materials?: readonly Digested[]
  readonly published?: readonly Digested[]
  readonly log?: Fields
  readonly reported?: Fields
}

/** Each place with its value, so that nobody has to look it up. */
export function tellUnproved({ predicate, subject }: Statement, { unproved, isComplete }: Right): Outline[] {
  const shown = unproved.slice(0, toldPlaces).map((place) => {
    const words = meaning[place]
    if (words !== undefined) return { line: say`${words}${valueText(predicate, place)}` }
    const value = place.startsWith('subject') ? at({ subject }, place) : at(predicate, place)
    return { line: value === undefined ? say`${place}: that there is none` : say`${place}: ${short(value)}` }
  })
  const more = unproved.length - shown.length
  return [
    ...shown,
    ...(more > 0 ? [{ line: say`and ${more} more places: --json has them all` }] : []),
    ...(isComplete
      ? []
      : [{ line: say`entries of the step are left out, so that some of this may be proved by those` }]),
  ]
}

/** Of places that say something else than their value. */
const meaning: Readonly<Record<string, string>> = {
  server: 'whose server it was: ',
  policy: 'which policy was in force: ',
  'audit.omitted': 'that the entries it shows, and no others, are those of the step',
  'audit.key': 'the key of the audit log: ',
}

function valueText(predicate: unknown, place: string): string {
  return place === 'audit.omitted' ? '' : short(at(predicate, place))
}

/** `credentials[0].revoked` of a value. */
function at(value: unknown, place: string): unknown {
  const names = place.split(/[.[\]]+/).filter((name) => name !== '')
  return names.reduce<unknown>((one, name) => (one as Fields | undefined)?.[name], value)
}

function prefixes(place: string): string[] {
  const parts = place.split(/(?=[.[])/)
  return parts.map((_, end) => parts.slice(0, end + 1).join(''))
}

/** In place of a member that is unproved: it is told further down. What is not in the receipt at all is not there. */
const toldBelow = Symbol('unproved')

function withoutUnproved(value: unknown, place: string, has: (place: string) => boolean): unknown {
  if (Array.isArray(value))
    return value.flatMap((one, index) => {
      const own = `${place}[${index}]`
      return has(own) ? [withoutUnproved(one, own, has)] : []
    })
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).flatMap(([name, one]) => {
    const own = place === '' ? name : `${place}.${name}`
    if (own === 'audit') return []
    if (has(own)) return [[name, withoutUnproved(one, own, has)] as const]
    return place === '' ? [] : [[name, toldBelow] as const]
  })
  return Object.fromEntries(members)
}

function did({ granted, denied, grantedTotal, deniedTotal }: NonNullable<Receipt['operations']>): Outline[] {
  return [
    ...(granted.length === 0 ? [{ line: say`it asked for nothing that was allowed` }] : []),
    ...listed(
      `it was allowed what it asked for, ${text(grantedTotal)} times:`,
      granted,
      ({ what, count }) => {
        return `${text(count)} times ${text(what)}`
      },
    ),
    ...(denied.length === 0 ? [{ line: say`it was refused nothing` }] : []),
    ...listed(`it was refused, ${text(deniedTotal)} times:`, denied, ({ what, count, reason }) => {
      return `${text(count)} times ${text(what)}: ${text(reason)}`
    }),
  ]
}

function approval({ id, group: of, people, at: when, of: what }: Fields): string {
  const who = Array.isArray(people) ? texts(people) : text(people)
  return `${who} at ${text(when)}, to ${text(what)}${of === undefined ? '' : `, as ${text(of)}`} (${text(id)})`
}

function credential({ lease, connection, kind, grant, issued, expires, revoked, reason }: Fields): string {
  const why = reason === undefined ? '' : ` (${text(reason)})`
  const end = revoked === undefined ? '' : `, revoked ${text(revoked)}${why}`
  return `${text(lease)} of ${text(connection)} (${text(kind)}) for ${text(grant)}: ${text(issued)} to ${text(expires)}${end}`
}

function listed<T>(words: string, all: readonly T[] | undefined, line: (one: T) => string): Outline[] {
  if (all === undefined || all.length === 0) return []
  const head = words.endsWith(':') ? say`${words}` : say`${words} (${all.length}):`
  return [
    group(
      head,
      all.map((one) => say`${line(one)}`),
    ),
  ]
}

function group(line: Said, all: readonly Said[]): Outline {
  const below = all.slice(0, told).map((one) => ({ line: one }))
  const more = all.length - below.length
  return { line, below: more > 0 ? [...below, { line: say`and ${more} more: --json has them all` }] : below }
}

function pairs(fields: Fields): Outline[] {
  return provedOf(fields).map(([name, value]) => ({ line: say`${name}: ${short(value)}` }))
}

function pairsText(fields: Fields | undefined): string {
  return provedOf(fields ?? {})
    .map(([name, value]) => `${name} ${text(value)}`)
    .join(', ')
}

const provedOf = (fields: Fields) => Object.entries(fields).filter(([, value]) => value !== toldBelow)

function texts(all: readonly unknown[] | undefined): string {
  return (all ?? []).map(text).join(', ') || 'none'
}

function text(value: unknown): string {
  if (value === toldBelow) return '(below)'
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?'
}

function short(value: unknown): string {
  const json = typeof value === 'string' ? value : JSON.stringify(value)
  return json.length > 300 ? `${json.slice(0, 299)}…` : json
}
