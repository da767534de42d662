import { factsOf } from '../facts/index.ts'
import type { Entry } from '../verify/index.ts'
import type { FindingInBuild, FoundWhat } from './model.ts'

type Data = Readonly<Record<string, unknown>>

/** What an entry `scan.found` says was found; nothing where it only says that something could not be looked at. */
export function findingsIn(index: number, entry: Entry): FindingInBuild[] {
  const { data } = entry
  const { job, session, step } = factsOf(entry)
  const of = {
    ...{ entry: index, timeMs: Date.parse(entry.time), run: entry.run, session, step },
    ...{ role: textIn(data, 'role'), repository: job.repository, ref: job.ref, commit: job.commit },
    ...{ triggeredBy: job.actor?.person ?? job.actor?.name, place: textIn(data, 'place') ?? '' },
    ...{ connection: textIn(data, 'connection'), operation: textIn(data, 'what') },
    ...{ isReported: data['reported'] === true, decision: textIn(data, 'outcome') ?? '' },
    approval: textIn(data, 'approval'),
  }
  const more = countIn(data, 'more')
  const further: Placed[] = more > 0 ? [{ found: { more }, path: '', line: 0, fingerprint: '' }] : []
  return [...listIn(data, 'secrets').map(secretIn), ...listIn(data, 'findings').map(ruleIn), ...further]
    .filter((found) => found !== undefined)
    .map((found, i) => ({ ...of, ...found, id: `${index}.${i}` }))
}

type Placed = Pick<FindingInBuild, 'found' | 'path' | 'line' | 'fingerprint'>

function secretIn(one: Data): Placed | undefined {
  const [secret, credentialOf] = [textIn(one, 'secret'), textIn(one, 'credentialOf')]
  const isCertain = one['certain'] === true
  if (secret !== undefined) return placed(one, { secret, version: countIn(one, 'version'), isCertain })
  return credentialOf === undefined ? undefined : placed(one, { credentialOf, isCertain })
}

function ruleIn(one: Data): Placed | undefined {
  const rule = textIn(one, 'rule')
  if (rule === undefined) return undefined
  return placed(one, { rule, confidence: textIn(one, 'confidence') ?? '' })
}

function placed(one: Data, found: FoundWhat): Placed {
  return {
    ...{ found, path: textIn(one, 'path') ?? '', line: countIn(one, 'line') },
    fingerprint: textIn(one, 'fingerprint') ?? '',
  }
}

/** Of an entry `approval.granted` whoever said yes, if it was about what was found. */
export function approverIn({ data }: Entry): string | undefined {
  const bound = objectIn(data, 'bound')
  const grant = textIn(objectIn(bound, 'operation'), 'grant')
  if (grant?.startsWith('scan ') !== true) return undefined
  return textIn(data, 'by') ?? textIn(objectIn(data, 'by'), 'person')
}

export function textIn(data: Data, name: string): string | undefined {
  const value = data[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function countIn(data: Data, name: string): number {
  const value = data[name]
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}

function objectIn(data: Data, name: string): Data {
  const value = data[name]
  return isObject(value) ? value : {}
}

function listIn(data: Data, name: string): Data[] {
  const value = data[name]
  return Array.isArray(value) ? value.filter(isObject) : []
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
