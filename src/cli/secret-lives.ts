import { createOperatorApi } from './operator-api.ts'
import { print } from './output.ts'
import { confirm } from './prompt.ts'
import { pathOf, type SecretOptions } from './secret.ts'

const stillHeld = 'steps that are running keep it until they end (mayfly revoke ends them)'

export async function deleteSecret(
  name: string,
  options: SecretOptions & { force: boolean; yes: boolean },
): Promise<void> {
  const api = createOperatorApi(options)
  await confirm(`this deletes secret "${name}": nobody can use it until it is restored`, options)
  const result = await api.call<{ name: string; versions: number }>('DELETE', pathOf(name), {
    force: options.force,
  })
  print(options.json, result, [
    `${result.name} is deleted; ${stillHeld}. mayfly secret restore ${name} brings it back, mayfly secret destroy ${name} overwrites it`,
  ])
}

export async function destroySecret(
  name: string,
  options: SecretOptions & { version?: number; force: boolean; yes: boolean },
): Promise<void> {
  const api = createOperatorApi(options)
  const { version } = options
  const what = version === undefined ? 'every version' : `version ${version}`
  await confirm(`this destroys ${what} of secret "${name}", for good`, options)
  const result = await api.call<{ versions: number[]; erased: boolean }>('POST', pathOf(name, '/destroy'), {
    force: options.force,
    ...(version === undefined ? {} : { version }),
  })
  print(options.json, result, [
    `destroyed of ${name}: version ${result.versions.join(', ')}; ${stillHeld}${result.erased ? '' : '. The database was busy: the sealed bytes may stand in its write-ahead log for a while yet'}`,
  ])
}

/** Without a version a deletion is taken back; with one its value is sealed as a new version. */
export async function restoreSecret(
  name: string,
  options: SecretOptions & { version?: number; force: boolean },
): Promise<void> {
  const { version } = options
  const result = await createOperatorApi(options).call<{ version: number }>(
    'POST',
    pathOf(name, '/restore'),
    version === undefined ? {} : { version, force: options.force },
  )
  print(options.json, result, [
    version === undefined
      ? `${name} is back, version ${result.version}`
      : `${name} is version ${result.version} now, with the value of version ${version}`,
  ])
}

export async function moveSecret(
  name: string,
  to: string,
  options: SecretOptions & { force: boolean },
): Promise<void> {
  const result = await createOperatorApi(options).call<{ name: string }>('POST', pathOf(name, '/move'), {
    to,
    force: options.force,
  })
  print(options.json, result, [`${name} is ${result.name} now`])
}
