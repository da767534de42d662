import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { runMayfly, setStage, startUp, type Up } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

let folder: string
let data: string
let running: Up[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-up-'))
  data = join(folder, 'data')
})
afterEach(async () => {
  for (const up of running) await up.stop('SIGKILL')
  running = []
  rmSync(folder, { recursive: true, force: true })
})

async function start(args: readonly string[] = [], prefix: readonly string[] = []): Promise<Up> {
  const up = await startUp(data, args, prefix)
  running.push(up)
  return up
}

const isRoot = process.getuid?.() === 0
const auditPid = () =>
  (JSON.parse(readFileSync(join(data, 'up.json'), 'utf8')) as { auditPid: number }).auditPid
const ready = async (up: Up) =>
  (await (await fetch(`${up.url}/readyz`)).json()) as { ready: boolean; reasons: string[] }

async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 300; tries++) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error(`never: ${what}`)
}

const asOperator = (up: Up, token: string, args: readonly string[], input = '') =>
  runMayfly(args, { PATH: process.env['PATH'] ?? '', MAYFLY_SERVER: up.url, MAYFLY_TOKEN: token }, { input })

/** One line for a person, which says what and what to do. */
function isOneLine(error: unknown, pattern: RegExp): boolean {
  assert.ok(error instanceof Error)
  const [, said = ''] = /^exit \d+: (.*)$/s.exec(error.message) ?? []
  const text = said.startsWith('{') ? (JSON.parse(said) as { message: string }).message : said
  assert.match(text, pattern)
  assert.equal(text.split('\n').length, 1, text)
  return true
}

test('the first start prints an operator token, later ones do not; keys are the owner’s only and apart from the database', async () => {
  const first = await start()
  assert.match(first.operatorToken, /^mayfly_[A-Za-z0-9_-]{43}$/)
  for (const file of ['keys/vault.key', 'keys/audit-append-token', 'keys/audit.vkey'])
    assert.equal(statSync(join(data, file)).mode & 0o777, 0o600, file)
  assert.equal(statSync(data).mode & 0o777, 0o700)
  assert.ok(existsSync(join(data, 'server/mayfly.db')))
  assert.equal(await first.stop(), 0)
  const second = await start()
  assert.equal(second.operatorToken, '')
  assert.equal((await asOperator(second, first.operatorToken, ['secret', 'list'])).exitCode, 0)
})

test('SIGTERM drains and leaves no process behind', async () => {
  const up = await start()
  const log = auditPid()
  assert.equal(await up.stop('SIGTERM'), 0)
  assert.throws(() => process.kill(log, 0), /ESRCH/)
})

test('kill -9 of the server: the log goes too, and a restart has every acknowledged secret, token and policy', async () => {
  const up = await start()
  const token = up.operatorToken
  for (let i = 0; i < 5; i++)
    assert.equal((await asOperator(up, token, ['secret', 'set', `s${i}`], `value-${i}`)).exitCode, 0)
  const log = auditPid()
  await up.stop('SIGKILL')
  await eventually('the log ends with its parent', () => {
    try {
      process.kill(log, 0)
      return undefined
    } catch {
      return true
    }
  })
  const again = await start()
  const listed = JSON.parse((await asOperator(again, token, ['secret', 'list', '--json'])).stdout) as {
    secrets: { name: string }[]
  }
  assert.deepEqual(
    listed.secrets.map(({ name }) => name),
    ['s0', 's1', 's2', 's3', 's4'],
  )
  await again.stop()
  const verdict = await runMayfly(['audit', 'verify', '--json', '--data', data], {
    PATH: process.env['PATH'] ?? '',
  })
  assert.equal(verdict.exitCode, 0, verdict.stdout)
  const shown = JSON.parse(
    (await runMayfly(['audit', 'show', '--json', '--data', data], { PATH: process.env['PATH'] ?? '' }))
      .stdout,
  ) as { entries: { type: string }[] }
  assert.equal(shown.entries.filter(({ type }) => type === 'secret.set').length, 5)
})

test('kill -9 of the audit log: not ready, nothing is issued, and both are well again by themselves', async () => {
  const up = await start()
  process.kill(auditPid(), 'SIGSTOP')
  // Stopped, it holds the port and answers nothing: the worst way to be down.
  const state = await eventually('not ready', async () => ((await ready(up)).ready ? undefined : ready(up)))
  assert.match(state.reasons.join(), /audit log: .*nothing is issued until it is back/)
  const set = await asOperator(up, up.operatorToken, ['secret', 'set', 'x'], 'value')
  assert.equal(set.exitCode, 3)
  assert.match(set.stderr, /audit log/)
  process.kill(auditPid(), 'SIGKILL')
  await eventually('ready again', async () => ((await ready(up)).ready ? true : undefined))
  assert.equal((await asOperator(up, up.operatorToken, ['secret', 'set', 'x'], 'value')).exitCode, 0)
  assert.match((await asOperator(up, up.operatorToken, ['secret', 'list'])).stdout, /x +2 /)
})

test('a port in use is named, with the option that chooses another', async () => {
  const holder = createServer()
  await new Promise<void>((done) => holder.listen(0, '127.0.0.1', done))
  const { port } = holder.address() as AddressInfo
  for (const [option, pattern] of [
    ['--port', /server port .* in use.*--port/],
    ['--gateway-port', /gateway port .* in use.*--gateway-port/],
    ['--audit-port', /the audit log cannot listen .* in use.*--audit-port/],
  ] as const) {
    await assert.rejects(start([option, String(port)]), (error) => isOneLine(error, pattern))
  }
  // For a person it is a line, also where a process of ours said it as an object.
  const said = await runMayfly(
    ['up', '--data', data, '--port', '0', '--gateway-port', '0', '--audit-port', String(port)],
    { PATH: process.env['PATH'] ?? '' },
  )
  assert.match(said.stderr, /^mayfly: the audit log cannot listen on .* in use: .*--audit-port\)\n$/)
  holder.close()
})

test('a second `up` on the same data is refused, saying who holds it', async () => {
  const first = await start()
  await assert.rejects(start(), (error) => isOneLine(error, /process \d+|pid \d+/))
  assert.equal((await ready(first)).ready, true)
})

test('a start that is refused leaves the store of the server that runs there as it is, its version too', async () => {
  const first = await start()
  const store = new DatabaseSync(join(data, 'server/mayfly.db'))
  const version = () => store.prepare('PRAGMA user_version').get()?.['user_version']
  // As if an older Mayfly ran there, and this start were the upgrade.
  store.exec('PRAGMA user_version = 1')
  await assert.rejects(start(), (error) => isOneLine(error, /in use by process \d+/))
  assert.equal(version(), 1)
  store.close()
  assert.equal((await ready(first)).ready, true)
})

test('another vault key, a key that others may read, and no key: refused; the secrets are not touched', async () => {
  const up = await start()
  assert.equal((await asOperator(up, up.operatorToken, ['secret', 'set', 'git'], 'a:b')).exitCode, 0)
  await up.stop()
  const key = join(data, 'keys/vault.key')
  copyFileSync(key, `${key}.kept`)
  writeFileSync(key, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })
  await assert.rejects(start(), (error) =>
    isOneLine(error, /does not open with this vault key: restore the key file/),
  )
  execFileSync('chmod', ['644', key])
  await assert.rejects(start(), (error) => isOneLine(error, /open to others .*chmod 600/))
  rmSync(key)
  await assert.rejects(start(), (error) => isOneLine(error, /cannot be read .*restore it/))
  copyFileSync(`${key}.kept`, key)
  execFileSync('chmod', ['600', key])
  const again = await start()
  assert.match((await asOperator(again, up.operatorToken, ['secret', 'list'])).stdout, /git +1 /)
})

test('a data folder of a newer version is refused', async () => {
  await (await start()).stop()
  const database = new DatabaseSync(join(data, 'server/mayfly.db'))
  database.exec('PRAGMA user_version = 9999')
  database.close()
  await assert.rejects(start(), (error) => isOneLine(error, /of a newer Mayfly \(schema 9999/))
})

test(
  'a data folder of somebody else is refused',
  { skip: isRoot ? false : 'only root can give a folder away' },
  async () => {
    mkdirSync(data)
    chownSync(data, 65534, 65534)
    await assert.rejects(start(), (error) => isOneLine(error, /belongs to user 65534, this is user 0/))
  },
)

test('a data folder that others may write to is refused', async () => {
  mkdirSync(data)
  execFileSync('chmod', ['777', data])
  await assert.rejects(start(), (error) =>
    isOneLine(error, /others may write to the data folder .*chmod 700/),
  )
})

test('a network address without TLS in front is refused', async () => {
  await assert.rejects(start(['--host', '0.0.0.0']), (error) =>
    isOneLine(error, /reachable by others: give --tls-cert and --tls-key, or put TLS in front/),
  )
})

test('an audit log of another key is refused', async () => {
  await (await start()).stop()
  rmSync(join(data, 'audit'), { recursive: true })
  await assert.rejects(start(), (error) => isOneLine(error, /audit log has another key/))
})

const canMount = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0

test(
  'a full disk: nothing is half written, nothing acknowledged is lost, and it is said',
  { skip: slow.skip || (canMount ? false : 'no right to mount a tmpfs in a namespace of its own') },
  async () => {
    mkdirSync(data, { mode: 0o700 })
    // The folder is a small tmpfs that only this process tree sees; a reader enters by /proc/PID/root.
    const up = await start(
      [],
      ['unshare', '-Urm', 'sh', '-c', `mount -t tmpfs -o size=24m,mode=700 none "${data}" && exec "$0" "$@"`],
    )
    const token = up.operatorToken
    const value = 'v'.repeat(60_000)
    let stored = 0
    let refused = await asOperator(up, token, ['secret', 'set', 'n0'], value)
    while (refused.exitCode === 0 && stored < 400) {
      stored++
      refused = await asOperator(up, token, ['secret', 'set', `n${stored}`], value)
      if (stored === 20)
        execFileSync('sh', [
          '-c',
          `dd if=/dev/zero of=/proc/${up.pid}/root${data}/filler bs=1M count=100 2>/dev/null || true`,
        ])
    }
    assert.notEqual(refused.exitCode, 0)
    assert.match(refused.stderr, /disk|space|ENOSPC|audit log/)
    assert.equal(refused.stderr.trim().split('\n').length, 1)
    const state = await ready(up)
    assert.equal(state.ready, false)
    rmSync(`/proc/${up.pid}/root${data}/filler`)
    await eventually('ready again', async () =>
      (await ready(up)).ready || (await asOperator(up, token, ['secret', 'set', 'again'], 'x')).exitCode === 0
        ? true
        : undefined,
    )
    const listed = JSON.parse((await asOperator(up, token, ['secret', 'list', '--json'])).stdout) as {
      secrets: { name: string }[]
    }
    const names = new Set(listed.secrets.map(({ name }) => name))
    for (let i = 0; i < stored; i++) assert.ok(names.has(`n${i}`), `n${i} was acknowledged and is gone`)
  },
)

test('policies: a typo is one line with its place; apply shows the change, and again changes nothing', async () => {
  await using stage = await setStage()
  const good = readFileSync(stage.policyFile, 'utf8')
  const bad = join(folder, 'bad.yaml')
  const attempts: [string, RegExp][] = [
    [
      good.replace('repository_id', 'repositry_id'),
      /bad\.yaml:\d+:\d+: unknown key "repositry_id" in roles\.build\.trust: did you mean "repository_id"\?/,
    ],
    [good.replace('  release:', '  build:'), /bad\.yaml:\d+:\d+: this name is there twice/],
    [
      good.slice(0, good.indexOf('roles:')) + 'roles: {}\n',
      /bad\.yaml:\d+:\d+: roles: define at least one role/,
    ],
    [good.replaceAll('      - npm:install npm\n', ''), /nobody can reach connection "npm"/],
    [good.replace('git:read git/', 'git:red git/'), /unknown action "git:red"/],
    [
      good.replaceAll(/owner_id: "\d+"/g, '').replaceAll(/repository_id: "\d+", /g, ''),
      /any repository of issuer "ci" could assume it: pin repository_id or owner_id/,
    ],
  ]
  for (const [text, pattern] of attempts) {
    writeFileSync(bad, text)
    const ran = await stage.operate(['apply', bad])
    assert.equal(ran.exitCode, 1, text)
    assert.match(ran.stderr, pattern)
  }
  assert.match((await stage.operate(['apply', stage.policyFile])).stdout, /nothing changes/)
  const wider = join(folder, 'wider.yaml')
  writeFileSync(wider, good.replace('refs/tags/v*', 'refs/tags/*'))
  const dry = await stage.operate(['apply', '--dry-run', wider])
  assert.match(
    dry.stdout,
    /- roles\.release\.grants: git:push git\/octo-org\/links@refs\/tags\/v\* \(commit: own\)\n\+ roles\.release\.grants: git:push git\/octo-org\/links@refs\/tags\/\* \(commit: own\)\n/,
  )
  assert.match((await stage.operate(['apply', stage.policyFile])).stdout, /nothing changes/)
  assert.match(
    (await stage.operate(['apply', wider, '--expected-version', '7'])).stderr,
    /version 1 of the policy is in force, not 7/,
  )
  assert.match((await stage.operate(['apply', wider])).stdout, /applied as version 2/)
})

test('SIGUSR1 and SIGUSR2 do nothing, and open no debugger; SIGHUP stops in order', async () => {
  const up = await start()
  const { pid } = up
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.kill(pid, signal)
  await new Promise((next) => setTimeout(next, 300))
  assert.equal((await fetch(`${up.url}/healthz`)).status, 200)
  await assert.rejects(fetch('http://127.0.0.1:9229/json/list'))
  assert.equal(await up.stop('SIGHUP'), 0)
})
