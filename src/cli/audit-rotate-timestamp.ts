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
  yes: boolean
  json: boolean
}

interface Chain {
  chain: string[]
  sinceMs: number
  untilMs?: number
}

/** Has the log make another timestamp certificate. It is for whoever may append: on the server's machine, or with its token. */
export async function rotateTimestamp(options: RotateOptions): Promise<number> {
  const folder = dataFolderOf(options.data)
  const url = options.url ?? runningAt(join(folder, 'up.json'))
  const token = readOwnText(options.appendTokenFile ?? join(folder, 'keys', 'audit-append-token')).trim()
  await confirm(
    'this deletes the key that timestamps are signed with and makes another; what it signed stays good, and verifiers take what is signed from now on once they have the next trust document',
    options,
  )
  const chains = await rotate(url, token)
  const newest = chains.at(-1)
  const since = new Date(newest?.sinceMs ?? 0).toISOString()
  print(options.json, { timestampChains: chains }, [
    `timestamps are signed by another certificate since ${since}; ${chains.length - 1} before it stay listed`,
    'publish the next trust document, which names it',
  ])
  return exitCodes.ok
}

async function rotate(url: string, token: string): Promise<Chain[]> {
  const address = new URL('/attestations/timestamp/rotate', url)
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(address, { method: 'POST', headers, redirect: 'error' }).catch(
    (error: unknown) => {
      throw new MayflyError(
        'audit_unavailable',
        `the audit log at ${url} cannot be reached: ${connectionProblem(error)}`,
      )
    },
  )
  const body = (await response.json().catch(() => ({}))) as { message?: string; timestampChains?: Chain[] }
  if (response.status === 200 && Array.isArray(body.timestampChains)) return body.timestampChains
  throw new MayflyError(
    response.status === 401 ? 'unauthorized' : 'audit_unavailable',
    `the audit log did not rotate: ${(body.message ?? `it answered ${response.status}`).slice(0, 300)}`,
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
