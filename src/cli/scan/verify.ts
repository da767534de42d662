import { MayflyError, messageOf } from '../../lib/index.ts'
import { readEnvironment } from '../../config/environment.ts'
import type { Finding, FoundLiveness, HandedKey } from '../../scan/findings/index.ts'
import { createOperatorApi, serverOf, type OperatorApi } from '../operator-api.ts'
import { exitCodes, print } from '../output.ts'
import { confirm } from '../prompt.ts'
import type { ScanOptions } from './options.ts'
import { refuseStrangers } from './strangers.ts'

/** Asks the server to ask vendors. */
export interface Verifying {
  /** Rules whose secrets are wanted. */
  readonly handed: readonly string[]
  readonly take: (key: HandedKey) => void
  /** The findings with what their vendors say of them. */
  verified(findings: readonly Finding[]): Promise<readonly Finding[]>
  /** Ends the one that is named. Answers the exit code. */
  revoke(findings: readonly Finding[]): Promise<number>
}

interface Kinds {
  readonly kinds: readonly string[]
  readonly revocable: readonly string[]
}

type Answer = FoundLiveness & { readonly fingerprint: string; readonly asked: string }

/** The server asks four at once, each in eight seconds at most, and is waited for thirty. */
const atOnce = 8
/** Who finds more of them asks again when these are gone. */
const mostKeys = 1_000

/**
 * Throws `denied` in a job that strangers may have a hand in, and `bad_input` for a server that is not asked by TLS, or for a kind that it
 * does not list.
 */
export async function createVerifying(options: ScanOptions): Promise<Verifying | undefined> {
  if (options.verify === undefined && options.revoke === undefined) return undefined
  await refuseStrangers(readEnvironment().variables)
  refuseClear(serverOf(options))
  const api = createOperatorApi(options)
  const known = await api.call<Kinds>('GET', '/v1/scan/kinds')
  const handed = options.revoke === undefined ? chosen(options.verify, known) : known.revocable
  const keys = new Map<string, HandedKey>()
  return {
    handed,
    take(key) {
      if (keys.size < mostKeys) keys.set(key.fingerprint, key)
    },
    verified: (findings) => verified(api, findings, keys),
    revoke: (findings) => revoke(api, keys.get(options.revoke ?? ''), findings, options),
  }
}

function refuseClear(server: string): void {
  const { protocol, hostname } = new URL(server)
  if (protocol === 'https:' || /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(hostname)) return
  throw new MayflyError('bad_input', `${server} is not https: a secret is not sent in the clear`)
}

function chosen(asked: string | true | undefined, { kinds }: Kinds): readonly string[] {
  if (kinds.length === 0)
    throw new MayflyError(
      'bad_input',
      'the server asks no vendor about anything: list kinds under scan.verify in mayfly.yaml (docs/scan-verify.md)',
    )
  if (asked === true || asked === undefined) return kinds
  const named = asked.split(',').map((one) => one.trim())
  const other = named.find((one) => !kinds.includes(one))
  if (other === undefined) return named
  throw new MayflyError(
    'bad_input',
    `scan.verify of the server does not list ${other}; it lists ${kinds.join(', ')}`,
  )
}

/** What cannot be asked about, because the server is slow or gone, is unknown; the report is made of the rest all the same. */
export async function verified(
  api: Pick<OperatorApi, 'call'>,
  findings: readonly Finding[],
  keys: ReadonlyMap<string, HandedKey>,
): Promise<readonly Finding[]> {
  const open = new Set(
    findings.flatMap(({ accepted, fingerprint }) => (accepted === undefined ? [fingerprint] : [])),
  )
  const asked = [...keys.values()].filter(({ fingerprint }) => open.has(fingerprint))
  const answers = new Map<string, FoundLiveness>()
  for (let i = 0; i < asked.length; i += atOnce) {
    const batch = asked.slice(i, i + atOnce)
    try {
      const answer = await api.call<{ keys: readonly Answer[] }>('POST', '/v1/scan/verify', { keys: batch })
      for (const { fingerprint, asked: _, ...liveness } of answer.keys) answers.set(fingerprint, liveness)
    } catch (error) {
      const why = `the server was not asked: ${messageOf(error)}`
      for (const { fingerprint } of batch)
        answers.set(fingerprint, { state: 'unknown', at: '', why, revocable: false })
    }
  }
  return findings.map((finding) => {
    const liveness = answers.get(finding.fingerprint)
    return liveness === undefined ? finding : { ...finding, liveness }
  })
}

async function revoke(
  api: OperatorApi,
  key: HandedKey | undefined,
  findings: readonly Finding[],
  options: ScanOptions,
): Promise<number> {
  const places = findings.filter(({ fingerprint }) => fingerprint === options.revoke)
  const [first] = places
  if (key === undefined || first === undefined)
    throw new MayflyError(
      'not_found',
      `nothing was found here with the fingerprint ${options.revoke} whose vendor lets its holder end it, and whose kind the server lists (docs/scan-verify.md)`,
    )
  await confirm(
    `this ends the secret of ${first.file}:${first.start.line} (${key.rule}) at its vendor, for good and for all who use it`,
    { yes: options.yes === true },
  )
  const { state, at, why } = await api.call<{ state: string; at: string; why?: string }>(
    'POST',
    '/v1/scan/revoke',
    key,
  )
  print(
    options.report === 'json',
    { fingerprint: key.fingerprint, state, at, ...(why === undefined ? {} : { why }) },
    [
      state === 'revoked'
        ? `${at} has ended it${why === undefined ? '' : `; ${why}`}`
        : state === 'before'
          ? `${at} has ended it before`
          : `it is not ended: ${why}`,
    ],
  )
  return state === 'revoked' || state === 'before' ? exitCodes.ok : exitCodes.refused
}
