import type { Demands } from './demand-model.ts'

type Approvals = NonNullable<Demands['approvals']>

/** Demands as a policy has them: a number for how many said yes, an age such as `30d`. */
export type WrittenDemands = Omit<Demands, 'approvals'> & {
  /** How many different people, or which. */
  readonly approvals?: number | Approvals
  /** How long ago it may have been signed: `30m`, `12h`, `30d`. */
  readonly max_age?: string
}

type ReadDemands =
  | { readonly ok: true; readonly demands: Demands }
  /** One for each key that is none, or says what is none. */
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * Reads demands, of policies as well as those that a program hands over. What is not understood is refused: a
 * mistyped key would be a demand that everything meets.
 */
export function readDemands(written: unknown): ReadDemands {
  if (typeof written !== 'object' || written === null || Array.isArray(written))
    return { ok: false, problems: ['demands are an object, such as {role: "build"}'] }
  const given = Object.entries(written).filter(([, value]) => value !== undefined)
  const problems = given.flatMap(([key, value]) => problemOf(key, value) ?? [])
  const all = Object.fromEntries(given) as WrittenDemands
  if (all.max_age !== undefined && all.max_age_seconds !== undefined)
    problems.push('max_age and max_age_seconds say the same: write one of them')
  if (problems.length > 0) return { ok: false, problems }
  const { approvals, max_age: age, ...others } = all
  return {
    ok: true,
    demands: {
      ...others,
      ...(approvals === undefined ? {} : { approvals: approvalsOf(approvals) }),
      ...(age === undefined ? {} : { max_age_seconds: secondsOf(age) }),
    },
  }
}

/** To take a name without its id is no demand of its own. */
export function isEmpty(demands: Demands): boolean {
  return Object.keys(demands).every((key) => key === 'by_name')
}

/** The demands of a policy, whose schema has looked at them. Throws a RangeError for what this reader does not take. */
export function demandsOf(written: unknown): Demands {
  const read = readDemands(written)
  if (read.ok) return read.demands
  throw new RangeError(read.problems.join('; '))
}

const texts = { is: isTexts, form: 'a text, or a list of some' }
const yes = { is: (value: unknown) => value === true, form: 'true, or left out' }

const forms: Readonly<
  Record<keyof WrittenDemands, { readonly is: (value: unknown) => boolean; readonly form: string }>
> = {
  ...{ builder: texts, repository_id: texts, owner_id: texts, repository: texts, ref: texts, role: texts },
  ...{ identity: texts, predicate: texts, same_run: yes, no_secret_found: yes, by_name: yes },
  tier: { is: (value) => value === 'B' || value === 'C', form: 'B or C' },
  issuer: { is: isText, form: 'a URL' },
  approvals: {
    is: (value) => isCount(value) || isApprovals(value),
    form: 'a whole number from 1, or {count, group, of}',
  },
  max_age: {
    is: (value) => typeof value === 'string' && ageForm.test(value),
    form: 'a time such as 30m, 12h or 30d',
  },
  max_age_seconds: {
    is: (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
    form: 'a number from 0',
  },
  dependencies: { is: (value) => value === 'verified', form: 'verified' },
}

function problemOf(key: string, value: unknown): string | undefined {
  if (!Object.hasOwn(forms, key))
    return `${JSON.stringify(key.slice(0, 80))} is no demand: write one of ${Object.keys(forms).join(', ')}`
  const { is, form } = forms[key as keyof typeof forms]
  return is(value) ? undefined : `${key} has to be ${form}`
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isTexts(value: unknown): boolean {
  return isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText))
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1
}

function isApprovals(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(
    ([key, one]) =>
      one === undefined ||
      (key === 'count' ? isCount(one) : (key === 'group' || key === 'of') && isText(one)),
  )
}

function approvalsOf(written: number | Approvals): Approvals {
  const all = typeof written === 'number' ? { count: written } : written
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const ageForm = /^[1-9][0-9]{0,4}[smhd]$/

function secondsOf(age: string): number {
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[age.slice(-1)] ?? Number.NaN
  return Number(age.slice(0, -1)) * unit
}
