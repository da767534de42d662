import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { entriesOf, postEntries, temporaryFolder, token } from '../audit/log/log.fixture.ts'
import { openWitness } from '../audit/witness/witness.fixture.ts'
import { sha256Hex } from '../lib/index.ts'

// The audit log and its forwarder as somebody else than `mayfly up` starts them: systemd, a container, a shell.
const main = fileURLToPath(new URL('mayfly.ts', import.meta.url))
const execArgv = process.execArgv.filter((arg) => !arg.startsWith('--test'))

/** `input` is what their standard input is: /dev/null, nothing at all, or a pipe that the test holds. */
type Input = 'null' | 'closed' | 'pipe'

async function start(t: TestContext, input: Input, args: readonly string[]) {
  const command = [process.execPath, ...execArgv, main, ...args, '--json']
  const [program = '', ...rest] =
    input === 'closed' ? ['sh', '-c', 'exec "$@" <&-', 'sh', ...command] : command
  const child: ChildProcess = spawn(program, rest, {
    stdio: [input === 'pipe' ? 'pipe' : 'ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  t.after(() => child.kill('SIGKILL'))
  assert.ok(child.stdout)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, ended, ready: JSON.parse(line) as { url: string; verifierKey: string } }
}

async function startLog(t: TestContext, input: Input, folder: string, ...more: string[]) {
  const args = ['audit-log', '--folder', folder, '--append-token-hash', sha256Hex(token), '--port', '0']
  return await start(t, input, [...args, ...more])
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await look()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail(`never: ${what}`)
}

const published = async (url: string) =>
  ((await (await fetch(`${url}/healthz`)).json()) as { published: number }).published

test('an audit log without standard input runs on until a signal', async (t) => {
  for (const input of ['null', 'closed'] as const) {
    const log = await startLog(t, input, join(await temporaryFolder(t), 'log'))
    assert.equal((await postEntries(log.ready.url, entriesOf(0, 3))).status, 200)
    await until('published', async () => (await published(log.ready.url)) === 3)
    log.child.kill('SIGTERM')
    assert.deepEqual(await log.ended, [0, null], input)
  }
})

test('started to stop with its standard input, the log does, and leaves what it took published', async (t) => {
  const folder = join(await temporaryFolder(t), 'log')
  const log = await startLog(t, 'pipe', folder, '--stop-with-stdin')
  assert.equal((await postEntries(log.ready.url, entriesOf(0, 3))).status, 200)
  log.child.stdin?.end()
  assert.deepEqual(await log.ended, [0, null])
  assert.match(await readFile(join(folder, 'checkpoint'), 'utf8'), /^mayfly\.local\/audit\n3\n/)
})

test('a forwarder without standard input goes on forwarding until a signal', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await startLog(t, 'null', join(folder, 'log'))
  const config = join(folder, 'forward.yaml')
  const copy = join(folder, 'copy')
  await writeFile(config, `sinks:\n  copy: { kind: file, path: ${JSON.stringify(copy)}, format: ndjson }\n`)
  const args = ['--config', config, '--url', log.ready.url, '--key', log.ready.verifierKey]
  const forwarder = await start(t, 'null', ['audit', 'forward', ...args, '--state', join(folder, 'state')])
  for (const count of [3, 5]) {
    await postEntries(log.ready.url, entriesOf(0, count))
    const lines = async () => (await readFile(copy, 'utf8').catch(() => '')).split('\n').length - 1
    await until(`${count} are forwarded`, async () => (await lines()) === count)
  }
  forwarder.child.kill('SIGTERM')
  assert.deepEqual(await forwarder.ended, [0, null])
})

test('a fork that is recognised at the start ends it in plain lines and with 1, each time', async (t) => {
  const folder = join(await temporaryFolder(t), 'log')
  const fork = `${folder}-fork`
  const first = await startLog(t, 'null', folder)
  first.child.kill('SIGTERM')
  await first.ended
  await cp(folder, fork, { recursive: true })
  const { verifierKey } = first.ready
  const witness = await openWitness(t, await temporaryFolder(t), [verifierKey], { name: 'w.example' })
  const policy = `${folder}.policy`
  t.after(() => rm(policy, { force: true }))
  await writeFile(policy, `log ${verifierKey}\nwitness w ${witness.verifierKey} ${witness.url}\nquorum w\n`)
  for (const [where, count, more] of [
    [folder, 3, ['--witness-policy', policy]],
    [fork, 5, []],
  ] as const) {
    const log = await startLog(t, 'null', where, ...more)
    await postEntries(log.ready.url, entriesOf(count, count * 2))
    log.child.kill('SIGTERM')
    assert.deepEqual(await log.ended, [0, null])
  }
  const args = ['audit-log', '--folder', fork, '--append-token-hash', sha256Hex(token), '--port', '0']
  // Beside this process: the witness is in it.
  const again = (...more: string[]) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
      execFile(
        process.execPath,
        [...execArgv, main, ...args, ...more],
        { timeout: 60_000 },
        (error, stdout, stderr) => resolve({ code: error?.code, stdout, stderr }),
      ),
    )
  for (const { code, stdout, stderr } of [await again('--witness-policy', policy), await again()]) {
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^(?:mayfly: .*\n)+$/)
    assert.match(stderr, /rolled back or copied/)
  }
})
