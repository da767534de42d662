import { text } from 'node:stream/consumers'
import { MayflyError } from '../lib/index.ts'
import { readText } from './text-file.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'
import { askHidden, confirm } from './prompt.ts'

interface Options {
  server?: string
  json: boolean
}

export async function setSecret(name: string, options: Options & { file?: string }): Promise<void> {
  const value = await valueOf(name, options.file)
  if (value === '')
    throw new MayflyError(
      'bad_input',
      `no value for ${name}: write it to standard input, as in: mayfly secret set ${name} < FILE`,
    )
  const result = await createOperatorApi(options).call<{ name: string; version: number }>(
    'PUT',
    pathOf(name),
    { value },
  )
  print(options.json, result, [`${result.name} is sealed, version ${result.version}`])
}

/** A text file or a pipe ends with a line break that is not meant. */
async function valueOf(name: string, file: string | undefined): Promise<string> {
  if (file === undefined && process.stdin.isTTY) return await askHidden(`value of ${name} (not shown): `)
  const read = file === undefined ? await text(process.stdin) : readText(file)
  return read.replace(/\r?\n$/, '')
}

export async function listSecrets(options: Options): Promise<void> {
  const result = await createOperatorApi(options).call<{
    secrets: { name: string; version: number; created: string }[]
  }>('GET', '/v1/secrets')
  print(
    options.json,
    result,
    table([
      ['NAME', 'VERSION', 'CREATED'],
      ...result.secrets.map((one) => [one.name, String(one.version), one.created]),
    ]),
  )
}

/** All versions of it, for good. */
export async function deleteSecret(
  name: string,
  options: Options & { force: boolean; yes: boolean },
): Promise<void> {
  const api = createOperatorApi(options)
  await confirm(`this deletes secret "${name}" with every version, for good`, options)
  const result = await api.call<{ name: string; versions: number }>('DELETE', pathOf(name), {
    force: options.force,
  })
  print(options.json, result, [
    `${result.name} is deleted, ${result.versions} version${result.versions === 1 ? '' : 's'}; steps that are running keep it until they end (mayfly revoke ends them)`,
  ])
}

function pathOf(name: string): string {
  return `/v1/secrets/${encodeURIComponent(name)}`
}
