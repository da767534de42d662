import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataFolderOf } from '../config/environment.ts'
import { connectionProblem, MayflyError } from '../lib/index.ts'
import { readOwnText } from './audit-file.ts'
import { exitCodes, print } from './output.ts'
import { confirm } from './prompt.ts'

interface RotateOptions {
  data?: string
  url?: string
  appendTokenFile?: string
  next: boolean
  yes: boolean
  json: boolean
}

interface Chain {
  chain: string[]
  sinceMs: number
  untilMs?: number
}

interface Keys {
  timestampChains: Chain[]
  nextTimestampChain?: Chain
}

/** Has the log make another timestamp certificate. It is for whoever may append: on the server's machine, or with its token. */
export async function rotateTimestamp(options: RotateOptions): Promise<number> {
  const folder = dataFolderOf(options.data)
  const url = options.url ?? runningAt(join(folder, 'up.json'))
  const token = readOwnText(options.appendTokenFile ?? join(folder, 'keys', 'audit-append-token')).trim()
  if (options.next)
    return told(
      options,
      await ask(url, 'timestamp/announce', 'did not announce the next certificate', token),
      announced,
    )
  const { nextTimestampChain: next } = await ask(url, 'keys', 'did not tell its keys')
  const until =
    next === undefined
      ? 'and makes another, which no verifier knows: nothing is attested until the next trust document names it. Where the root key is offline announce it before, with --next'
      : 'and signs by the one that was announced: a verifier takes that once it has a trust document that names it'
  await confirm(
    `this deletes the key that timestamps are signed with, ${until}; what it signed stays good`,
    options,
  )
  return told(
    options,
    await ask(url, 'timestamp/rotate', 'did not rotate', token),
    ({ timestampChains: chains }) => {
      const since = new Date(next === undefined ? (chains.at(-1)?.sinceMs ?? 0) : Date.now()).toISOString()
      return [
        `timestamps are signed by another certificate since ${since}; ${chains.length - 1} before it stay listed`,
        ...(next === undefined ? ['publish the next trust document, which names it'] : []),
      ]
    },
  )
}

const announced = ({ nextTimestampChain: next }: Keys) => [
  `the next certificate for timestamps is there since ${new Date(next?.sinceMs ?? 0).toISOString()}, and signs nothing yet`,
  'once the trust document in force names it (mayfly attest root show; with an offline root: root next, sign, publish): mayfly audit rotate-timestamp',
]

function told(options: RotateOptions, keys: Keys, lines: (keys: Keys) => string[]): number {
  const { timestampChains, nextTimestampChain } = keys
  const shown = { timestampChains, ...(nextTimestampChain === undefined ? {} : { nextTimestampChain }) }
  print(options.json, shown, lines(keys))
  return exitCodes.ok
}

/** `failed`: what it did not do then. */
async function ask(url: string, path: string, failed: string, token?: string): Promise<Keys> {
  const address = new URL(`/attestations/${path}`, url)
  const request = token === undefined ? {} : { method: 'POST', headers: { authorization: `Bearer ${token}` } }
  const response = await fetch(address, { ...request, redirect: 'error' }).catch((error: unknown) => {
    throw new MayflyError(
      'audit_unavailable',
      `the audit log at ${url} cannot be reached: ${connectionProblem(error)}`,
    )
  })
  const body = (await response.json().catch(() => ({}))) as Partial<Keys> & { message?: string }
  if (response.status === 200 && Array.isArray(body.timestampChains)) return body as Keys
  throw new MayflyError(
    response.status === 401 ? 'unauthorized' : 'audit_unavailable',
    `the audit log ${failed}: ${(body.message ?? `it answered ${response.status}`).slice(0, 300)}`,
  )
}

/** Where the audit log of the server on this machine is. */
function runningAt(file: string): string {
  const parsed: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const { audit } = parsed as { audit?: unknown }
  if (typeof audit === 'string' && URL.canParse(audit)) return audit
  throw new MayflyError(
    'bad_input',
    `no mayfly up runs with this data folder (${file}): give --data, or --url and --append-token-file of the log`,
  )
}
