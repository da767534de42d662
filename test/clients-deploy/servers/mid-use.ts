import assert from 'node:assert/strict'
import type { Stage } from '../../../demo/stage.ts'

/** Resolves once it holds, within half a minute. */
export async function eventually(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await look()) return
    await new Promise((next) => setTimeout(next, 100))
  }
  assert.fail(`never: ${what}`)
}

/** Revokes the run that used this connection last. */
export async function revokeUserOf({ operate, dataFolder }: Stage, connection: string): Promise<void> {
  const found = await operate(['audit', 'find', '--data', dataFolder, '--connection', connection, '--json'])
  const { entries } = JSON.parse(found.stdout) as { entries: { run: string }[] }
  const revoked = await operate(['revoke', '--run', entries.at(-1)?.run ?? ''])
  assert.equal(revoked.exitCode, 0, revoked.stderr)
}
