import { readBundle } from '../config/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Options {
  server?: string
  json: boolean
}

interface Version {
  version: number
  applied: string
  by: string
  source: { repository: string; ref: string; commit: string } | { rollback: number } | null
}

export async function history(options: Options): Promise<void> {
  const result = await createOperatorApi(options).call<{ versions: Version[] }>('GET', '/v1/policy/versions')
  const rows = result.versions.map(({ version, applied, by, source }) => [
    String(version),
    applied,
    by,
    describeSource(source),
  ])
  print(options.json, result, table([['VERSION', 'APPLIED', 'BY', 'FROM'], ...rows]))
}

export async function show(version: number | undefined, options: Options): Promise<void> {
  const path = version === undefined ? '/v1/policy' : `/v1/policy/versions/${version}`
  const result = await createOperatorApi(options).call<{ version: number; text: string }>('GET', path)
  print(options.json, result, readable(result.text))
}

/** mayfly.yaml; behind it, each under its name, the files that were applied with it. */
function readable(text: string): string[] {
  const { policy, files } = readBundle(text)
  const plain = (one: string) => one.replace(/\n$/, '')
  return [
    plain(policy),
    ...Object.entries(files).flatMap(([name, content]) => ['', `# --- ${name} ---`, plain(content)]),
  ]
}

export async function rollback(version: number, options: Options & { dryRun: boolean }): Promise<void> {
  const api = createOperatorApi(options)
  const ask = (dryRun: boolean, expected?: number) =>
    api.call<{ version: number; changed: boolean; diff: string[] }>(
      'POST',
      `/v1/policy/versions/${version}/rollback`,
      { dry_run: dryRun, ...(expected === undefined ? {} : { expected_version: expected }) },
    )
  // What is looked at is what is changed: somebody who applies in between is not undone unseen.
  const seen = await ask(true)
  const result = options.dryRun || !seen.changed ? seen : await ask(false, seen.version)
  const outcome = !seen.changed
    ? 'nothing changes'
    : options.dryRun
      ? 'valid; not applied (--dry-run)'
      : `version ${version} applied again as version ${result.version}`
  print(options.json, result, [...result.diff, outcome])
}

function describeSource(source: Version['source']): string {
  if (source === null) return 'a file'
  if ('rollback' in source) return `version ${source.rollback}`
  return `${source.repository}@${source.ref} ${source.commit.slice(0, 12)}`
}
