import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { MayflyError } from '../../lib/index.ts'

// Not by PATH: a job's PATH names folders that an earlier step may have written to.
const places = ['/usr/bin/kubectl', '/usr/local/bin/kubectl', '/snap/bin/kubectl']

/** Hands objects to the cluster that the caller's kubectl speaks to; its own lines are shown. Returns its exit code. */
export function applyByKubectl(yaml: string, env: Readonly<Record<string, string>>): number {
  const path = places.find(isProgram)
  if (path === undefined)
    throw new MayflyError(
      'isolation_unavailable',
      `kubectl is not installed in ${places.join(' or ')}: install it, or leave --submit out and apply what is printed`,
    )
  const ran = spawnSync(path, ['apply', '--filename', '-'], {
    input: yaml,
    env: { ...env },
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  if (ran.error !== undefined)
    throw new MayflyError('isolation_unavailable', 'kubectl could not be run', { cause: ran.error })
  return ran.status ?? 1
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
