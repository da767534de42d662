import type { Looked } from './model.ts'

/** A secret itself, for who asks its vendor about it. Never part of a `Finding`, so that no report can have it. */
export interface HandedKey {
  readonly rule: string
  readonly fingerprint: string
  readonly secret: string
  /** What its vendor wants beside it, of rules that know where that stands. */
  readonly beside?: string
}

/** Who is handed secrets, and of which rules. */
export interface Handing {
  readonly rules: ReadonlySet<string>
  /** What is accepted is handed, too. */
  readonly acceptedToo?: boolean
  readonly take: (key: HandedKey) => void
}

interface Beside {
  readonly side: 'before' | 'after'
  readonly bytes: number
  readonly pattern: RegExp
}

/** The nearest one counts. */
const besides: Readonly<Record<string, Beside>> = {
  'aws-access-key-pair': { side: 'before', bytes: 48, pattern: /(A[KS]IA[A-Z2-7]{16})/g },
  'twilio-account-pair': { side: 'before', bytes: 64, pattern: /(AC[0-9a-f]{32})/g },
  'scaleway-key-pair': { side: 'before', bytes: 96, pattern: /(SCW[A-Z0-9]{17})/g },
  'gcp-service-account-key': {
    ...{ side: 'after', bytes: 400 },
    pattern: /"client_email"\s{0,5}:\s{0,5}"([a-z0-9.@-]{6,256})"/g,
  },
  'docker-hub-personal-token': {
    ...{ side: 'before', bytes: 160 },
    pattern:
      /(?:\s-u|--username|DOCKER(?:HUB)?_(?:USER|USERNAME|ID))["']?[\s=:]{1,4}["']?([a-z0-9_-]{2,255})(?![\w-])/g,
  },
}

export function handedKey(
  { bytes }: Looked,
  { start, end }: { readonly start: number; readonly end: number },
  { rule, fingerprint }: { readonly rule: string; readonly fingerprint: string },
): HandedKey {
  const secret = bytes.toString('utf8', start, end)
  const beside = besideOf(rule, bytes, start, end)
  return { rule, fingerprint, secret, ...(beside === undefined ? {} : { beside }) }
}

function besideOf(rule: string, bytes: Buffer, start: number, end: number): string | undefined {
  const known = Object.hasOwn(besides, rule) ? besides[rule] : undefined
  if (known === undefined) return undefined
  const { side, pattern } = known
  const text =
    side === 'before'
      ? bytes.toString('latin1', Math.max(0, start - known.bytes), start)
      : bytes.toString('latin1', end, end + known.bytes)
  const all = [...text.matchAll(pattern)].map(([, found]) => found)
  return side === 'before' ? all.at(-1) : all[0]
}
