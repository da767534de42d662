import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { baseEnvironment, runMayfly, setStage, startUp, type Up } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

let folder: string
let data: string
let running: Up | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-rollback-'))
  data = join(folder, 'data')
})
afterEach(async () => {
  await running?.stop('SIGKILL')
  running = undefined
  // The log of a server that was killed ends a moment after it.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
})

async function start(args: readonly string[] = []): Promise<Up> {
  running = await startUp(data, args)
  return running
}
const copy = (name: string) => cpSync(join(data, name), join(folder, name), { recursive: true })
function putBack(name: string): void {
  renameSync(join(data, name), join(folder, `newer-${name}`))
  renameSync(join(folder, name), join(data, name))
}
const setSecret = (up: Up, token: string, name: string) =>
  runMayfly(
    ['secret', 'set', name],
    { ...baseEnvironment(), MAYFLY_SERVER: up.url, MAYFLY_TOKEN: token },
    { input: 'value-of-it' },
  )
const readiness = async (up: Up) =>
  (await (await fetch(`${up.url}/readyz`)).json()) as { ready: boolean; reasons: string[] }

async function as(
  up: Up,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await fetch(`${up.url}${path}`, { method, headers, ...sent })
  return { status: answer.status, body: await answer.json() }
}

async function entriesOf(type: string): Promise<Record<string, unknown>[]> {
  const ran = await runMayfly(['audit', 'export', '--format', 'ndjson', '--data', data], baseEnvironment())
  assert.equal(ran.exitCode, 0, ran.stderr)
  const lines = ran.stdout.split('\n').filter((line) => line.includes(type))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('an older copy of the log is refused at the start: what is missing, what to do; accepted only if asked for, and recorded', async () => {
  const first = await start()
  await first.stop()
  copy('audit')
  const second = await start()
  await setSecret(second, first.operatorToken, 'one')
  await second.stop()
  putBack('audit')
  await assert.rejects(start(), (error: Error) => {
    assert.match(
      error.message,
      /the audit log is an older copy: it ends before entry \d+, which it confirmed on 2/,
    )
    assert.match(error.message, /entr(?:y|ies) \d+(?: to \d+)? (?:is|are) missing at least/)
    assert.match(error.message, /Put the newest copy .* back.*--accept-log-rollback/)
    return true
  })
  const accepted = await start(['--accept-log-rollback'])
  assert.match(accepted.said(), /an older audit log was accepted, as asked for/)
  await accepted.stop()
  assert.equal((await entriesOf('rollback.accepted')).length, 1)
  // What it has confirmed since is remembered now.
  await (await start()).stop()
})

test('an older copy of the log that has grown again is refused, too', slow, async () => {
  const first = await start()
  await first.stop()
  copy('audit')
  const second = await start()
  await second.stop()
  copy('server')
  putBack('audit')
  // Somebody starts it once with the store of another folder's memory: accepted there, it grows past what we remember.
  for (const args of [['--accept-log-rollback'], []]) {
    const grown = await start(args)
    for (const name of ['a', 'b', 'c']) await setSecret(grown, first.operatorToken, name)
    await grown.stop()
  }
  putBack('server')
  await assert.rejects(start(), /has something else in place of entry \d+/)
})

test(
  'put back while the server runs: nothing is issued any more, loudly; with the right folder it goes on',
  slow,
  async () => {
    const up = await start()
    await up.stop()
    copy('audit')
    const again = await start()
    await setSecret(again, up.operatorToken, 'one')
    const logPid = () =>
      (JSON.parse(readFileSync(join(data, 'up.json'), 'utf8')) as { auditPid: number }).auditPid
    // Renamed first, so that the process that is started again meets the older one.
    renameSync(join(data, 'audit'), join(folder, 'newer'))
    renameSync(join(folder, 'audit'), join(data, 'audit'))
    process.kill(logPid(), 'SIGKILL')
    const until = async (holds: (state: { ready: boolean; reasons: string[] }) => boolean) => {
      for (let tries = 0; tries < 200; tries++) {
        const state = await readiness(again)
        if (holds(state)) return state
        await new Promise((next) => setTimeout(next, 50))
      }
      throw new Error(`never: ${JSON.stringify(await readiness(again))}`)
    }
    const state = await until(({ reasons }) => reasons.some((one) => /older copy/.test(one)))
    assert.equal(state.ready, false)
    const refused = await setSecret(again, up.operatorToken, 'two')
    assert.notEqual(refused.exitCode, 0)
    assert.match(refused.stderr, /the audit log is an older copy/)
    assert.match(again.said(), /the audit log is an older copy.*Nothing is issued until then/)
    await again.stop()
    renameSync(join(data, 'audit'), join(folder, 'older'))
    renameSync(join(folder, 'newer'), join(data, 'audit'))
    const third = await start()
    assert.equal((await readiness(third)).ready, true)
  },
)

test(
  'an older copy of the store is noticed: its sessions end, tokens from before are refused, what people did is named',
  slow,
  async () => {
    await using stage = await setStage({ upArguments: ['--drain-seconds', '0'] })
    await setSecret(stage.up, stage.operatorToken, 'shared')
    await stage.up.stop()
    data = stage.dataFolder
    copy('server')
    const environment = stage.jobEnvironment()
    const second = await start()
    await setSecret(second, stage.operatorToken, 'later')
    const asked = await as(second, stage.operatorToken, 'POST', '/v1/compromises/shared', {
      reason: 'a leak',
    })
    assert.ok(asked.status < 300, JSON.stringify(asked.body))
    await second.stop()
    putBack('server')
    const third = await start()
    assert.match(third.said(), /the store is an older copy: the audit log has entries \d+ to \d+/)
    assert.match(third.said(), /what people changed since then is undone: .*1 secret\.set.*; do it again/)
    assert.match(
      third.said(),
      /the log says that others know these secrets.*: shared\. They are used for nothing/,
    )
    assert.match(
      JSON.stringify(await readiness(third)),
      /store: it was an older copy.*compromised since: shared/,
    )
    const known = await as(third, stage.operatorToken, 'GET', '/v1/compromises/shared')
    assert.match(JSON.stringify(known.body), /"version":1.*a leak/)
    // One that was issued before the restore may have been used already.
    const old = await stage.issuer.sign(third.url, { iat: Math.floor(Date.now() / 1000) - 60 })
    const env = { ...environment, MAYFLY_SERVER: third.url, MAYFLY_ID_TOKEN: old }
    const ran = await stage.runJob(['run', '--role', 'build', '--', 'true'], env)
    assert.match(ran.stderr, /issued before the store of this server was restored/)
    await third.stop()
    assert.equal((await entriesOf('store.restored')).length, 1)
    const fourth = await start()
    assert.doesNotMatch(fourth.said(), /older copy/)
  },
)

test('a store that is gone, beside its log, is an older copy as well', slow, async () => {
  const first = await start()
  await first.stop()
  rmSync(join(data, 'server'), { recursive: true })
  const second = await start()
  assert.match(second.said(), /the store is an older copy: the audit log has entries 0 to/)
})

test('killed and started again, nothing is taken for an older copy', async () => {
  const first = await start()
  await setSecret(first, first.operatorToken, 'one')
  for (let round = 0; round < 3; round++) {
    await running?.stop('SIGKILL')
    const up = await start()
    assert.equal((await setSecret(up, first.operatorToken, `round-${round}`)).exitCode, 0)
    assert.doesNotMatch(up.said(), /older copy/)
  }
})
