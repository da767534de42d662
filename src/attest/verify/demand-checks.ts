import type { Claimed } from './claimed.ts'
import { matchesOne } from './demand-pattern.ts'
import type { Demands } from './demand-model.ts'

export function texts(
  name: string,
  expected: string | readonly string[] | undefined,
  got: string | undefined,
): string | undefined {
  if (expected === undefined) return undefined
  const patterns = [expected].flat()
  return got !== undefined && matchesOne(patterns, got) ? undefined : line(name, patterns.join(' or '), got)
}

export function line(name: string, expected: string, got: string | undefined): string {
  return `${name}: expected ${shown(expected)}, got ${got === undefined ? 'nothing' : shown(got)}`
}

const maxShown = 300

/** A statement of others may say anything, in any length, to a terminal. */
function shown(text: string): string {
  const plain = Array.from(text.slice(0, maxShown), (one) =>
    /[\p{C}\p{Z}]/u.test(one) && one !== ' ' ? '?' : one,
  )
  return `${plain.join('')}${text.length > maxShown ? '…' : ''}`
}

/** By its name on its host, or where the pattern is a URL by that. */
export function repositoryCheck(
  expected: string | readonly string[] | undefined,
  uri: string | undefined,
): string | undefined {
  if (expected === undefined) return undefined
  const patterns = [expected].flat()
  const name = uri?.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*\//, '')
  const isMet = patterns.some((one) => {
    const got = one.includes('://') ? uri : name
    return got !== undefined && matchesOne([one], got)
  })
  return isMet ? undefined : line('repository', patterns.join(' or '), uri)
}

const tiers = ['B', 'C', 'E']

export function tierCheck(least: Demands['tier'], tier: string | undefined): string | undefined {
  if (least === undefined) return undefined
  const is = tier !== undefined && tiers.includes(tier) && tiers.indexOf(tier) <= tiers.indexOf(least)
  return is ? undefined : line('tier', `${least}${least === 'C' ? ' or B' : ''}`, tier)
}

export function runCheck(same: true | undefined, runId: string | undefined, own: string | undefined) {
  if (same === undefined || (runId !== undefined && runId === own)) return undefined
  return line('same_run', own ?? 'a run', runId)
}

/** In a statement people are pseudonyms; whatever else stands among them is nobody. */
const person = /^per_[0-9a-hjkmnp-tv-z]{24}$/

export function approvalsCheck(
  expected: Demands['approvals'],
  got: Claimed['approvals'],
): string | undefined {
  if (expected === undefined) return undefined
  const { count = 1, group, of = 'session' } = expected
  const about = got
    .filter((one) => (group === undefined || one.group === group) && matchesOne([of], one.of ?? ''))
    .flatMap(({ people }) => people.filter((one) => person.test(one)))
  const people = new Set(about)
  const isMet = Number.isSafeInteger(count) && count >= 1 && people.size >= count
  const where = `${group === undefined ? '' : ` of ${group}`}${of === 'session' ? '' : ` to ${of}`}`
  return isMet ? undefined : line('approvals', `${count}${where}`, `${people.size}${where}`)
}

/** A clock that runs behind the log's by a little is no reason; a time that is yet to come is. */
const clockSkewMs = 300_000

export function ageCheck(most: number | undefined, ageMs: number): string | undefined {
  if (most === undefined) return undefined
  if (ageMs >= -clockSkewMs && ageMs <= most * 1000) return undefined
  return line('max_age', `at most ${most} s`, ageMs < 0 ? 'a time to come' : `${Math.round(ageMs / 1000)} s`)
}

export function secretsCheck(expected: true | undefined, noneFound: boolean | undefined): string | undefined {
  if (expected === undefined || noneFound === true) return undefined
  const got = noneFound === false ? 'it was found in the output or in what it made' : undefined
  return line('no_secret_found', 'no secret of the job in output and artifacts', got)
}

export function dependenciesCheck(
  expected: 'verified' | undefined,
  got: Claimed['dependencies'],
): string | undefined {
  if (expected === undefined || (got !== undefined && got.unverified.length === 0)) return undefined
  if (got === undefined) return line('dependencies', 'all verified', undefined)
  const [first = ''] = got.unverified
  const more = got.unverified.length - 1
  return line('dependencies', 'all verified', `${first}${more > 0 ? `, and ${more} more` : ''}`)
}
