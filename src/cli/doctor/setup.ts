import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readEnvironment } from '../../config/environment.ts'
import { MayflyError } from '../../lib/index.ts'

/** `scripts/setup` of the package or the clone that this program is of. */
export function setupScript(entry = process.argv[1] ?? ''): string | undefined {
  const folder = dirname(existsSync(entry) ? realpathSync(entry) : entry)
  return ['..', '../..'].map((up) => join(folder, up, 'scripts/setup')).find((path) => existsSync(path))
}

/** Installs what is missing; as an ordinary user by sudo. What it says goes to standard error. */
export function runSetup(script: string): void {
  const ran = spawnSync('bash', [script], {
    stdio: ['inherit', process.stderr, process.stderr],
    env: readEnvironment().variables,
  })
  if (ran.status !== 0) throw new MayflyError('isolation_unavailable', `${script} did not succeed, see above`)
}
