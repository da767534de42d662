import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { projectFolder, runMayfly } from '../../demo/stage.ts'

const good = 'correct horse battery'

interface Line {
  readonly sealed?: string
  readonly url: string
  readonly operator_token?: string
}

/** `mayfly up` with a vault that waits for its passphrase; `line` is what it prints next. */
function up(t: TestContext, folder: string) {
  const vault = join(folder, 'vault.yaml')
  writeFileSync(vault, 'use: hand\nproviders:\n  hand: { passphrase: {} }\n')
  const args = ['up', '--json', '--data', join(folder, 'data'), '--vault', vault]
  const ports = ['--port', '0', '--gateway-port', '0', '--audit-port', '0']
  const child = spawn(process.execPath, [join(projectFolder, 'dist/mayfly.js'), ...args, ...ports], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => child.kill('SIGKILL'))
  const ended = new Promise<number | null>((next) => child.once('exit', next))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    line: async () => JSON.parse(String((await lines.next()).value)) as Line,
    async stop() {
      child.kill('SIGTERM')
      return await ended
    },
  }
}

const ask = async (url: string) => {
  const answer = await fetch(url)
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

test('a vault with a passphrase: made, used, rotated, sealed, unsealed, and sealed again after a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-vault-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const first = up(t, folder)
  const waiting = await first.line()
  assert.match(waiting.sealed ?? '', /waits for its passphrase/)
  const token = waiting.operator_token ?? ''
  const mayfly = async (url: string, args: readonly string[], input = '') =>
    await runMayfly(
      [...args, '--json'],
      { PATH: process.env['PATH'] ?? '', MAYFLY_SERVER: url, MAYFLY_TOKEN: token },
      { input },
    )

  assert.equal((await ask(`${waiting.url}/healthz`)).status, 200)
  const ready = await ask(`${waiting.url}/readyz`)
  assert.equal(ready.status, 503)
  assert.match(JSON.stringify(ready.body), /waits for its passphrase.*nothing is issued/)
  const other = await ask(`${waiting.url}/v1/secrets`)
  assert.deepEqual([other.status, other.body['code']], [503, 'vault_sealed'])
  assert.equal((await ask(`${waiting.url}/v1/vault`)).status, 401)
  const slip = await mayfly(waiting.url, ['vault', 'unseal'], good)
  assert.match(slip.stderr, /would be the one that opens it from now on: mayfly vault unseal --new/)
  const early = await mayfly(waiting.url, ['secret', 'list'])
  assert.deepEqual([early.exitCode, early.stderr.match(/vault unseal/g)?.length], [3, 1], early.stderr)
  const checked = await runMayfly(['doctor', '--json', '--data', join(folder, 'data')], {
    PATH: process.env['PATH'] ?? '',
  })
  assert.doesNotMatch(checked.stdout, /vault\.key is missing/, 'nothing is sealed yet')
  const unsealed = await mayfly(waiting.url, ['vault', 'unseal', '--new'], good)
  assert.equal(unsealed.exitCode, 0, unsealed.stderr)
  assert.match((await mayfly(waiting.url, ['secret', 'list'])).stdout, /\[\]/, 'it is open once that is said')

  const { url } = await first.line()
  assert.equal((await ask(`${url}/readyz`)).status, 200)
  assert.equal((await mayfly(url, ['secret', 'set', 'git'], 'a:b')).exitCode, 0)
  const rekey = await mayfly(url, ['vault', 'rekey'])
  assert.match(rekey.stderr, /needs the new passphrase: mayfly vault rekey --passphrase/)
  const rotated = await mayfly(url, ['vault', 'rotate-key', '--wait'])
  assert.equal(rotated.exitCode, 0, rotated.stderr)
  const status = JSON.parse((await mayfly(url, ['vault', 'status'])).stdout) as Record<string, unknown>
  assert.deepEqual([status['state'], status['older']], ['open', 0])
  assert.equal((await mayfly(url, ['vault', 'seal', '--yes'])).exitCode, 0)
  assert.match(
    JSON.stringify((await ask(`${url}/readyz`)).body),
    /vault: an operator sealed the vault: nothing is issued/,
  )
  const refused = await mayfly(url, ['secret', 'set', 'git'], 'c:d')
  assert.match(refused.stderr, /vault_sealed/)
  assert.match((await mayfly(url, ['vault', 'unseal'], 'correct horse batterY')).stderr, /not the passphrase/)
  assert.equal((await mayfly(url, ['vault', 'unseal'], `${good}\n`)).exitCode, 0)
  assert.equal((await ask(`${url}/readyz`)).status, 200)
  assert.equal((await mayfly(url, ['secret', 'set', 'git'], 'c:d')).exitCode, 0)
  assert.equal(await first.stop(), 0)

  const again = up(t, folder)
  const sealed = await again.line()
  assert.equal(sealed.operator_token, undefined)
  assert.match(
    (await mayfly(sealed.url, ['vault', 'unseal'], 'correct horse batterY')).stderr,
    /not the passphrase/,
  )
  assert.equal((await mayfly(sealed.url, ['vault', 'unseal'], good)).exitCode, 0)
  const opened = await again.line()
  assert.match((await mayfly(opened.url, ['secret', 'list'])).stdout, /"git"/)
  assert.equal(await again.stop(), 0)
  const story = await runMayfly(['audit', 'export', '--format', 'ndjson', '--data', join(folder, 'data')], {
    PATH: process.env['PATH'] ?? '',
  })
  const types = [...story.stdout.matchAll(/"type":"(vault\.[a-z]+)"/g)].map(([, type]) => type)
  assert.deepEqual(types, [
    ...['vault.refused', 'vault.unsealed', 'vault.refused', 'vault.rotated', 'vault.rotated'],
    ...['vault.sealed', 'vault.sealed', 'vault.refused', 'vault.unsealed', 'vault.refused', 'vault.unsealed'],
  ])

  const doctor = await runMayfly(['doctor', '--json', '--data', join(folder, 'data')], {
    PATH: process.env['PATH'] ?? '',
  })
  assert.match(doctor.stdout, /its owner’s alone/)
  assert.doesNotMatch(doctor.stdout, /vault\.key is missing/)

  const third = up(t, folder)
  await third.line()
  assert.equal(await third.stop(), 0, 'SIGTERM while it waits')
})
