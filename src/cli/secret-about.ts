import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'
import { detailsOf, pathOf, type AboutSecret, type DetailOptions, type SecretOptions } from './secret.ts'
import { visible } from './story.ts'

/** What is known of it; with an owner, a description or tags they are changed first. */
export async function describeSecret(name: string, options: SecretOptions & DetailOptions): Promise<void> {
  const api = createOperatorApi(options)
  const change = detailsOf(options)
  const about =
    Object.keys(change).length === 0
      ? await api.call<AboutSecret>('GET', pathOf(name))
      : await api.call<AboutSecret>('PUT', pathOf(name, '/details'), change)
  const tags = Object.entries(about.tags).map(([key, value]) => `${key}=${value}`)
  print(options.json, about, [
    ...table([
      ['name', about.name],
      ...(about.store === null
        ? [
            ['version', `${about.version}${stateOf(about)}, set ${about.set}`],
            ['first set', about.created ?? ''],
          ]
        : [['kept in', `store ${about.store}`]]),
      ['owner', about.owner ?? ''],
      ['description', about.description ?? ''],
      ['tags', tags.join(', ')],
      ['last used', about.used === null ? 'never' : `${about.used} by run ${about.used_by ?? '?'}`],
      ['needed by', about.places.join(', ') || 'nothing in the policy in force'],
    ]),
    ...about.roles.flatMap(({ role, grants }) => grants.map((grant) => `  role ${role}: ${grant}`)),
  ])
}

function stateOf({ deleted, destroyed }: AboutSecret): string {
  if (deleted !== null) return ` (deleted ${deleted})`
  return destroyed ? ' (destroyed)' : ''
}

export async function showHistory(name: string, options: SecretOptions): Promise<void> {
  const result = await createOperatorApi(options).call<{
    deleted: string | null
    versions: { version: number; created: string; by: string | null; state: string }[]
  }>('GET', pathOf(name, '/history'))
  const rows = result.versions.map((one) => [String(one.version), one.created, one.state, one.by ?? ''])
  print(options.json, result, [
    ...table([['VERSION', 'CREATED', 'STATE', 'BY'], ...rows]),
    ...(result.deleted === null ? [] : [`deleted ${result.deleted}: mayfly secret restore ${name}`]),
  ])
}

/** To a terminal; elsewhere it would stay: in a file, in the log of a job. */
export async function revealSecret(
  name: string,
  options: SecretOptions & { reveal: boolean; version?: number; force: boolean },
): Promise<void> {
  if (!options.reveal)
    throw new MayflyError(
      'bad_input',
      `a value is shown with --reveal only, and the audit log has who saw it; mayfly secret describe ${name} shows the rest`,
    )
  if (!process.stdout.isTTY && !options.force)
    throw new MayflyError(
      'bad_input',
      'standard output is no terminal, so the value would stay in a file or a log: --force if that is meant',
    )
  const { version } = options
  const result = await createOperatorApi(options).call<{ value: string }>('POST', pathOf(name, '/reveal'), {
    ...(version === undefined ? {} : { version }),
  })
  // A terminal obeys some characters; a pipe gets what was sealed.
  const shown = process.stdout.isTTY ? result.value.split('\n').map(visible) : [result.value]
  print(options.json, result, shown)
}
