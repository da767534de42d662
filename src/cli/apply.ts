import { createOperatorApi } from './operator-api.ts'
import { print } from './output.ts'
import { readPolicy } from './policy-source.ts'

export async function apply(
  path: string,
  options: { dryRun: boolean; expectedVersion?: number; git?: string; server?: string; json: boolean },
): Promise<void> {
  const { file, text, source } = await readPolicy(path, options.git)
  const api = createOperatorApi(options)
  const ask = (dryRun: boolean, expected: number | undefined) =>
    api.call<{ version: number; changed: boolean; diff: string[]; warnings?: string[] }>(
      'PUT',
      '/v1/policy',
      {
        text,
        file: file.slice(-255),
        dry_run: dryRun,
        ...(source === undefined ? {} : { source }),
        ...(expected === undefined ? {} : { expected_version: expected }),
      },
    )
  // What is looked at is what is changed: somebody who applies in between is not overwritten unseen.
  const seen = await ask(true, options.expectedVersion)
  const result = options.dryRun || !seen.changed ? seen : await ask(false, seen.version)
  const outcome = !result.changed
    ? 'nothing changes'
    : options.dryRun
      ? 'valid; not applied (--dry-run)'
      : `applied as version ${result.version}`
  const warnings = (result.warnings ?? []).map((line) => `warning: ${line}`)
  print(options.json, result, [...result.diff, ...warnings, outcome])
}
