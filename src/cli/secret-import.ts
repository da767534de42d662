import { MayflyError, secretNameForm, secretNamePattern } from '../lib/index.ts'
import { readEnvFile } from './env-file.ts'
import { readJsonSecrets } from './json-secrets.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'
import { confirm } from './prompt.ts'
import { readBytes, utf8, type SecretOptions } from './secret.ts'

interface ImportOptions extends SecretOptions {
  prefix: string
  multiline: boolean
  asIs: boolean
  dryRun: boolean
  force: boolean
  yes: boolean
}

interface Imported {
  secrets: { name: string; version: number; replaces: number | null; note?: string }[]
}

/** Everything in the file, or nothing. Values are never printed. */
export async function importSecrets(file: string, options: ImportOptions): Promise<void> {
  const secrets = readSecrets(file, options)
  const api = createOperatorApi(options)
  const { force } = options
  const call = (dryRun: boolean) =>
    api.call<Imported>('POST', '/v1/secrets', { secrets, dry_run: dryRun, force })
  const planned = await call(true)
  const replaced = planned.secrets.filter(({ replaces }) => replaces !== null)
  if (!options.dryRun && replaced.length > 0)
    await confirm(
      [`this gives ${replaced.map(({ name }) => name).join(', ')} a new value`, ...notesOf(planned)].join(
        '; ',
      ),
      options,
    )
  const result = options.dryRun ? planned : await call(false)
  const rows = result.secrets.map(({ name, version, replaces }) => [
    name,
    String(version),
    replaces === null ? 'new' : `in place of version ${replaces}`,
  ])
  print(options.json, result, [
    ...table([['NAME', 'VERSION', ''], ...rows]),
    ...notesOf(result),
    options.dryRun ? 'nothing was done (--dry-run)' : `${rows.length} sealed`,
  ])
}

function notesOf({ secrets }: Imported): string[] {
  return secrets.flatMap(({ note }) => note ?? [])
}

function readSecrets(file: string, { prefix, multiline, asIs }: ImportOptions) {
  const text = utf8(readBytes(file), file).replace(/^\u{feff}/u, '')
  const entries = file.endsWith('.json')
    ? readJsonSecrets(text, file).map((one) => ({ ...one, place: file, quoted: true }))
    : readEnvFile(text, file).map((one) => ({ ...one, place: `${file}:${one.line}` }))
  const encrypted = entries.find(({ value }) => value.startsWith('ENC[AES256_GCM,'))
  if (encrypted !== undefined)
    throw new MayflyError(
      'bad_input',
      `${encrypted.place}: SOPS has encrypted this file: import what it decrypts (sops decrypt), from a folder in memory`,
    )
  if (entries.length === 0) throw new MayflyError('bad_input', `${file} holds no secret`)
  const seen = new Map<string, string>()
  return entries.map(({ key, value, place, quoted }) => {
    const name = `${prefix}${key.toLowerCase()}`
    if (!secretNamePattern.test(name)) throw new MayflyError('bad_input', `${place}: ${secretNameForm}`)
    const other = seen.get(name)
    if (other !== undefined)
      throw new MayflyError(
        'bad_input',
        `${place}: ${name} stands there already (${other}): which value is meant?`,
      )
    seen.set(name, place)
    return { name, value, multiline: multiline || quoted, as_is: asIs }
  })
}
