import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { MayflyError, messageOf } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'
import { askHidden } from './prompt.ts'

export interface SecretOptions {
  server?: string
  json: boolean
}

export interface DetailOptions {
  owner?: string
  description?: string
  tag?: string[]
}

/** As the server describes a secret. */
export interface AboutSecret {
  name: string
  store: string | null
  version: number | null
  created: string | null
  set: string | null
  destroyed: boolean
  owner: string | null
  description: string | null
  tags: Record<string, string>
  deleted: string | null
  used: string | null
  used_by: string | null
  places: string[]
  roles: { role: string; grants: string[] }[]
}

export async function setSecret(
  name: string,
  options: SecretOptions &
    DetailOptions & { file?: string; multiline: boolean; asIs: boolean; force: boolean },
): Promise<void> {
  const value = await valueOf(name, options)
  if (/^\r?\n?$/.test(value) && !(options.asIs && value !== ''))
    throw new MayflyError(
      'bad_input',
      `no value for ${name}: write it to standard input, as in: mayfly secret set ${name} < FILE`,
    )
  const { multiline, asIs, force } = options
  const result = await createOperatorApi(options).call<{
    name: string
    version: number
    form: string
    note?: string
  }>('PUT', pathOf(name), { value, multiline, as_is: asIs, force, ...detailsOf(options) })
  print(options.json, result, [
    `${result.name} is sealed, version ${result.version}${formNote[result.form] ?? ''}`,
    ...(result.note === undefined ? [] : [result.note]),
  ])
}

const formNote: Record<string, string> = {
  pem: ' (PEM)',
  json: ' (JSON of several lines)',
  lines: ' (several lines)',
}

async function valueOf(name: string, { file }: { file?: string }): Promise<string> {
  if (file === undefined && process.stdin.isTTY) return await askHidden(`value of ${name} (not shown): `)
  const bytes = file === undefined ? await buffer(process.stdin) : readBytes(file)
  return utf8(bytes, `the value of ${name}`)
}

/** Throws `bad_input`: what is not UTF-8 would be sealed as something else. A byte order mark stays. */
export function utf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new MayflyError(
      'bad_input',
      `${what} is not UTF-8 text: convert it, or seal bytes in base64 (base64 -w0 FILE | mayfly secret set ...)`,
    )
  }
}

/** Throws `bad_input` if it cannot be read. */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

export async function listSecrets(
  folder: string | undefined,
  options: SecretOptions & { uses: boolean; deleted: boolean },
): Promise<void> {
  const secrets = await allSecrets(folder ?? '', options)
  const rows = secrets.map((one) => [
    one.name,
    one.store === null ? String(one.version) : `in ${one.store}`,
    one.set ?? '',
    one.owner ?? '',
    options.deleted ? (one.deleted ?? '') : (one.used ?? 'never'),
    options.uses ? usesOf(one) : one.destroyed ? 'destroyed' : (one.description ?? ''),
  ])
  const last = options.uses ? 'USED BY' : 'DESCRIPTION'
  const head = ['NAME', 'VERSION', 'SET', 'OWNER', options.deleted ? 'DELETED' : 'LAST USED', last]
  print(options.json, { secrets }, table([head, ...rows]))
}

async function allSecrets(
  prefix: string,
  options: SecretOptions & { deleted: boolean },
): Promise<AboutSecret[]> {
  const api = createOperatorApi(options)
  const all: AboutSecret[] = []
  for (let after = ''; ;) {
    const query = new URLSearchParams({ prefix, after, deleted: String(options.deleted) })
    const page = await api.call<{ secrets: AboutSecret[]; next?: string }>(
      'GET',
      `/v1/secrets?${query.toString()}`,
    )
    all.push(...page.secrets)
    if (page.next === undefined) return all
    after = page.next
  }
}

function usesOf({ places, roles }: AboutSecret): string {
  if (places.length === 0) return 'nobody'
  return `${places.join(', ')}${roles.length === 0 ? '' : ` (roles ${roles.map(({ role }) => role).join(', ')})`}`
}

export function detailsOf({ owner, description, tag }: DetailOptions) {
  return {
    ...(owner === undefined ? {} : { owner: owner === '' ? null : owner }),
    ...(description === undefined ? {} : { description: description === '' ? null : description }),
    ...(tag === undefined ? {} : { tags: Object.fromEntries(tag.map(keyAndValue)) }),
  }
}

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new MayflyError('bad_input', '--tag takes KEY=VALUE, as in --tag team=payments')
  return [text.slice(0, at), text.slice(at + 1)]
}

export function pathOf(name: string, of = ''): string {
  return `/v1/secrets/${encodeURIComponent(name)}${of}`
}
