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
/** One after another. */
const mostFailed = 2

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
  const keys = createKeys(options.revoke)
  return {
    handed,
    take: keys.take,
    verified: (findings) => verified(api, findings, keys),
    revoke: (findings) => revoke(api, keys.all.get(options.revoke ?? ''), findings, options),
  }
}

export interface Keys {
  readonly take: (key: HandedKey) => void
  readonly all: ReadonlyMap<string, HandedKey>
  /** Fingerprints of those that found no room. */
  readonly more: ReadonlySet<string>
}

/** All that are found, or the one that is named, however many others there are. */
export function createKeys(only: string | undefined, most = mostKeys): Keys {
  const all = new Map<string, HandedKey>()
  const more = new Set<string>()
  return {
    ...{ all, more },
    take(key) {
      if (only !== undefined && key.fingerprint !== only) return
      if (all.size < most || all.has(key.fingerprint)) all.set(key.fingerprint, key)
      else more.add(key.fingerprint)
    },
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
  keys: Pick<Keys, 'all' | 'more'>,
): Promise<readonly Finding[]> {
  const open = new Set(
    findings.flatMap(({ accepted, fingerprint }) => (accepted === undefined ? [fingerprint] : [])),
  )
  const asked = [...keys.all.values()].filter(({ fingerprint }) => open.has(fingerprint))
  const unasked = (why: string): FoundLiveness => ({ state: 'unknown', at: '', why, revocable: false })
  const tooMany = unasked(
    `it was not asked about: more than ${keys.all.size} were found, ask again when these are gone`,
  )
  const answers = new Map(
    [...keys.more].filter((one) => open.has(one)).map((fingerprint) => [fingerprint, tooMany]),
  )
  let failed = 0
  for (let i = 0; i < asked.length; i += atOnce) {
    const batch = asked.slice(i, i + atOnce)
    try {
      // A server that is gone is not waited for with every few of them.
      if (failed >= mostFailed) throw new MayflyError('upstream_unreachable', 'it did not answer before')
      const answer = await api.call<{ keys: readonly Answer[] }>('POST', '/v1/scan/verify', { keys: batch })
      for (const { fingerprint, asked: _, ...liveness } of answer.keys) answers.set(fingerprint, liveness)
      failed = 0
    } catch (error) {
      failed++
      const liveness = unasked(`the server was not asked: ${messageOf(error)}`)
      for (const { fingerprint } of batch) answers.set(fingerprint, liveness)
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
