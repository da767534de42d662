import { readFileSync } from 'node:fs'
import { MayflyError, messageOf } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print } from './output.ts'

export async function apply(
  path: string,
  options: { dryRun: boolean; expectedVersion?: number; server?: string; json: boolean },
): Promise<void> {
  // Loaded here: `mayfly run` reads files by this module, too, and must start fast.
  const { text, file } = (await import('./policy-input.ts')).readChecked(path)
  const result = await createOperatorApi(options).call<{ version: number; changed: boolean; diff: string[] }>(
    'PUT',
    '/v1/policy',
    {
      text,
      file,
      dry_run: options.dryRun,
      ...(options.expectedVersion === undefined ? {} : { expected_version: options.expectedVersion }),
    },
  )
  const outcome = !result.changed
    ? 'nothing changes'
    : options.dryRun
      ? 'valid; not applied (--dry-run)'
      : `applied as version ${result.version}`
  print(options.json, result, [...result.diff, outcome])
}

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
