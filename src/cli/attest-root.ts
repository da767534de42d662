import { writeFileSync } from 'node:fs'
import { MayflyError } from '../lib/index.ts'
import type { Envelope } from '../attest/sign/index.ts'
import { momentOf } from './audit-time.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'
import { readRootKeys } from './root-keys.ts'
import { confirm } from './prompt.ts'
import { visible } from './story.ts'
import { payloadOf, readTrustFile } from './trust-file.ts'

interface Options {
  server?: string
  json: boolean
}

interface Shown {
  version: number
  issued: string
  expires: string | null
  root: { key: string; here: boolean }[]
  authorities: { key: string; state: string; signs_from: string; ends: string }[]
  lines: string[]
  waits: string[]
  warnings: string[]
}

export async function showTrust(options: Options): Promise<void> {
  const shown = await createOperatorApi(options).call<Shown>('GET', '/v1/attest/trust')
  const { version, issued, expires, root, authorities, lines, waits, warnings } = shown
  print(
    options.json,
    shown,
    [
      `version ${version}, issued ${issued}, ${expires === null ? 'without an end' : `good until ${expires}`}`,
      ...root.map(
        ({ key, here }) => `root key ${key} (${here ? 'kept in the vault of this server' : 'offline'})`,
      ),
      ...table([
        ['CA', 'STATE', 'SIGNS FROM', 'ENDS'],
        ...authorities.map(({ key, state, signs_from, ends }) => [key.slice(0, 16), state, signs_from, ends]),
      ]),
      ...lines.filter((line) => !line.startsWith('root key') && !line.startsWith('CA ')),
      ...(waits.length === 0
        ? []
        : ['the next document waits to be signed by the root key (mayfly attest root next):', ...waits]),
      ...warnings,
    ].map(visible),
  )
}

export async function nextTrust(
  options: Options & { out: string; root?: string; expires?: string },
): Promise<void> {
  const body = {
    ...(options.root === undefined ? {} : { root: readRootKeys(options.root) }),
    ...(options.expires === undefined ? {} : { expires: timeOf(options.expires) }),
  }
  const next = await createOperatorApi(options).call<{
    version: number
    envelope: Envelope
    previous: Envelope | null
    changes: string[]
    missing: string[]
  }>('POST', '/v1/attest/trust/next', body)
  const { version, envelope, previous, changes, missing } = next
  writeFileSync(options.out, `${JSON.stringify({ envelope, previous }, null, 2)}\n`)
  print(
    options.json,
    { version, file: options.out, changes, missing },
    [
      `version ${version} of the trust document, good until ${payloadOf(envelope).expires ?? 'for ever'}: ${options.out}`,
      ...(changes.length === 0 ? [nothingToSign] : changes.map((change) => `  ${change}`)),
      ...missing.map(
        (key) => `to be signed by root key ${key}: mayfly attest root sign ${options.out} --key FILE`,
      ),
    ].map(visible),
  )
}

const nothingToSign =
  '  no key changes, and nothing has to be signed: the one in force says the same; sign this one only if that one is to be good for longer'

function timeOf(written: string): string {
  return new Date(momentOf(written)).toISOString()
}

interface Published {
  version: number
  changes: string[]
  open: string[]
}

export async function publishTrust(path: string, options: Options): Promise<void> {
  const { envelope } = readTrustFile(path)
  const published = await createOperatorApi(options).call<Published>('POST', '/v1/attest/trust/publish', {
    envelope,
  })
  print(options.json, published, publishedLines(published).map(visible))
}

function publishedLines({ version, changes, open }: Published): string[] {
  return [
    `version ${version} of the trust document is in force`,
    ...changes.map((change) => `  ${change}`),
    ...(open.length === 0
      ? []
      : [
          'what came in the meantime waits for the next one (mayfly attest root next):',
          ...open.map((one) => `  ${one}`),
        ]),
  ]
}

export async function revokeKey(
  key: string,
  options: Options & { reason: string; from?: string; yes: boolean },
): Promise<void> {
  const from: { from?: string } = options.from === undefined ? {} : { from: timeOf(options.from) }
  const since = from.from === undefined ? 'from now on' : `from ${from.from} on`
  await confirm(`What key ${key} signed ${since} will not count any more, for good`, options)
  const body = { key, reason: options.reason, ...from }
  const revoked = await createOperatorApi(options).call<{
    key: string
    from: string
    tree_size: number
    published: boolean
  }>('POST', '/v1/attest/trust/revoke', body)
  print(
    options.json,
    revoked,
    [
      `key ${revoked.key} does not count from ${revoked.from} and from entry ${revoked.tree_size} of the log on`,
      revoked.published
        ? 'the trust document in force says so'
        : 'clients learn it by the next trust document: mayfly attest root next, root sign, root publish',
    ].map(visible),
  )
}

export async function rotate(what: string, options: Options & { now: boolean }): Promise<void> {
  if (what !== 'ca' && what !== 'root') throw new MayflyError('bad_input', 'rotate what: ca or root?')
  const api = createOperatorApi(options)
  if (what === 'root') {
    const published = await api.call<Published>('POST', '/v1/attest/trust/rotate', { use: 'root' })
    return print(options.json, published, publishedLines(published).map(visible))
  }
  const made = await api.call<{ key: string; signs_from: string; pending: boolean; published: boolean }>(
    ...(['POST', '/v1/attest/trust/rotate', { use: 'ca', now: options.now }] as const),
  )
  print(options.json, made, [
    `CA ${made.key.slice(0, 16)} ${made.pending ? (options.now ? 'was the next one' : 'is the next one already') : 'was made'}, and signs from ${made.signs_from}`,
    ...(made.published
      ? []
      : ['it is not in the trust document yet: mayfly attest root next, root sign, root publish']),
  ])
}
