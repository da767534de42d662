import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { projectFolder, setStage, type Stage } from '../../demo/stage.ts'
import { createTestAuthority } from '../certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'mayfly-rotation-'))
const program = join(folder, 'rotate')

/** It makes values that say how many there were, and knows which of them were ended. */
writeFileSync(
  program,
  `#!/bin/sh
read -r said
value=$(printf '%s' "$said" | sed 's/.*"'"$(printf '%s' "$said" | sed 's/.*"which":"\\([a-z]*\\)".*/\\1/')"'":{"value":"\\([^"]*\\)".*/\\1/')
case "$said" in
*'"act":"create"'*) echo x >>'${folder}/made'; echo "{\\"value\\":\\"ci-bot:planted-$(wc -l <'${folder}/made' | tr -d ' ')\\"}" ;;
*'"act":"probe"'*) if grep -qxF "$value" '${folder}/ended'; then echo '{"probe":"dead"}'; else echo '{"probe":"alive"}'; fi ;;
*'"act":"revoke"'*) echo "$value" >>'${folder}/ended'; echo '{"revoke":"revoked"}' ;;
esac
`,
  { mode: 0o755 },
)
writeFileSync(join(folder, 'ended'), '')

const hosts = { kept: 'kept.example.org', minted: 'minted.example.org' }
/** Downloads that never end, and an API that makes keys for one of them. What was asked is in `asked`. */
const asked: string[] = []
let live: Server
async function startLive(): Promise<{ dial: string; ca: string }> {
  const authority = await createTestAuthority(join(folder, 'ca'))
  const pair = await authority.issue('live', Object.values(hosts))
  live = createServer({ cert: readFileSync(pair.cert), key: readFileSync(pair.key) }, (request, response) => {
    asked.push(`${request.method} ${request.headers.host} ${request.url}`)
    request.resume()
    if (request.method === 'POST') response.end(JSON.stringify({ id: 'k1', token: 'key-4711-of-a-step' }))
    else if (request.method === 'DELETE') response.end('{}')
    else response.write('begun\n')
  })
  await new Promise<void>((done) => live.listen(0, '127.0.0.1', done))
  return {
    dial: `127.0.0.1:${(live.address() as AddressInfo).port}`,
    ca: readFileSync(authority.file, 'utf8'),
  }
}

function withLive(text: string, place: object): string {
  const headers = { 'X-Api-Key': '{secret.admin}' }
  const [kept, minted] = [`https://${hosts.kept}`, `https://${hosts.minted}`]
  const issuer = {
    admin: { admin: 'secret:live/admin' },
    mint: { method: 'POST', url: `${minted}/keys`, headers, json: { name: '{lease.name}' } },
    extract: { id: '$.id', token: '$.token' },
    revoke: { method: 'DELETE', url: `${minted}/keys/{id}`, headers },
  }
  const connections = {
    kept: { kind: 'http', url: kept, ...place, credential: { bearer: 'secret:live/kept' } },
    minted: { kind: 'http', url: minted, ...place, credential: { 'http-issuer': issuer } },
  }
  const lines = Object.entries(connections).map(([name, one]) => `  ${name}: ${JSON.stringify(one)}\n`)
  return text
    .replace(/^connections:\n/m, `connections:\n${lines.join('')}`)
    .replace(
      /( {2}build:\n(?:.*\n)*? {4}grants:\n)/,
      '$1      - http:get kept/data\n      - http:get minted/data\n',
    )
}

let stage: Stage
before(async () => {
  const place = await startLive()
  stage = await setStage({
    upArguments: ['--drain-seconds', '0', '--rotator', `bot=${program}`],
    policy: (text) =>
      `${withLive(text, place)}\nsecrets:\n  git: { owner: ada, rotation: { every: 30d, by: { command: { name: bot } } } }\n`,
  })
})
after(async () => {
  await stage?.[Symbol.asyncDispose]()
  live.closeAllConnections()
  live.close()
  rmSync(folder, { recursive: true, force: true })
})

const operate = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await stage.operate(args)
  return { exitCode, text: stdout + stderr }
}

test('a secret is rotated, shown, and answered for when others know it: who used it is proved by the log', async () => {
  const job = stage.jobEnvironment()
  const clone = [
    'run',
    '--role',
    'build',
    '--',
    'git',
    'clone',
    '-q',
    'https://git.example.com/octo-org/links',
    'links',
  ]
  const cloned = await stage.runJob(clone, job)
  assert.equal(cloned.exitCode, 0, cloned.stderr)

  const told = await operate('secret', 'rotate', 'git', '--dry-run')
  assert.match(told.text, /command has a program make .*\nthe value in use: alive\nnothing was changed/)
  assert.equal((await operate('secret', 'rotate', 'git', '--now', '--rollback')).exitCode, 2)
  const rotated = await operate('secret', 'rotate', 'git', '--now')
  assert.equal(rotated.exitCode, 0, rotated.text)
  assert.match(rotated.text, /git is rotated, version 2 is in use; version 1 is ended when no step has it/)
  const again = await operate('secret', 'rotate', 'git', '--now')
  assert.equal(again.exitCode, 1, 'nobody is told that another value is in use')
  assert.match(again.text, /was not rotated: version 2 is in use, and before version 1 is ended.* --forget/)
  const copied = await operate('secret', 'restore', 'git', '--version', '1')
  assert.equal(copied.exitCode, 1)
  assert.match(copied.text, /is the value of version 1 .* about to be ended.*--force/)
  const back = await operate('secret', 'rotate', 'git', '--rollback')
  assert.match(back.text, /version 1 (?:is in use|stays in use)/)

  const status = await operate('secret', 'status', '--check')
  assert.equal(status.exitCode, 0)
  assert.match(status.text, /^NAME +AGE +ROTATED +NEXT +STATE +LAST USED BY\ngit +0h .*run_\w+ build\/run/m)
  assert.equal((await operate('secret', 'status', 'gti')).exitCode, 1)

  const report = join(folder, 'report')
  const compromise = ['secret', 'compromise', 'git', '--reason', 'it was in a log', '--report', report]
  const log = ['--data', stage.dataFolder, '--no-index']
  const answered = await operate(...compromise, ...log)
  assert.equal(answered.exitCode, 0, answered.text)
  assert.match(
    answered.text,
    /nothing is leased from version 1 any more[\s\S]*the old value was tried, and is dead/,
  )
  assert.match(answered.text, /1 leases in 1 runs used it/)
  const read = JSON.parse(readFileSync(join(report, 'report.json'), 'utf8')) as {
    format: string
    proof: string
    uses: { index: number; run: string; role: string; connection: string; inclusion: string[] }[]
  }
  assert.equal(read.format, 'mayfly-compromise-report/1')
  assert.equal(read.proof, 'probed')
  const [use] = read.uses
  assert.equal(use?.role, 'build')
  assert.ok(use.inclusion.length > 0)
  const shown = await operate('audit', 'show', String(use.index), ...log.slice(0, 2))
  assert.match(shown.text, new RegExp(use.run))
  assert.match(
    readFileSync(join(report, 'report.md'), 'utf8'),
    /# git, version 1, is compromised\n\n- Said on .*: it was in a log/,
  )
  assert.equal(statSync(join(report, 'report.json')).mode & 0o077, 0)
  // The same command again asks for what was done.
  const earlier = await operate(...compromise, ...log)
  assert.equal(earlier.exitCode, 0)
  assert.match(
    earlier.text,
    /^git: this is the answer to what was said on .*, of version 1\. Version \d is in use: .*--again/,
  )
  assert.match(readFileSync(join(folder, 'ended'), 'utf8'), /ci-bot:/)
  // No value is in the log, in the database, or in what anybody was told.
  const everything = [told, rotated, back, status, answered, shown].map(({ text }) => text).join('')
  assert.doesNotMatch(everything, /planted-/)
  const files = readdirSync(stage.dataFolder, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  )
  // Where the values are, sealed: a look that misses them says nothing.
  assert.ok(
    files.some((one) => one.name === 'mayfly.db' && statSync(join(one.parentPath, one.name)).size > 0),
  )
  for (const one of files)
    assert.ok(!readFileSync(join(one.parentPath, one.name)).includes('planted-'), one.name)
})

test('a compromise cuts downloads that are under way, with a kept secret and with what an admin’s made; the step goes on', async () => {
  for (const name of ['kept', 'admin']) {
    const { exitCode, stderr } = await stage.operate(['secret', 'set', `live/${name}`], 'a-token-4711')
    assert.equal(exitCode, 0, stderr)
  }
  const get = (host: string) => `curl -sN https://${host}/data`
  const script = `
    (${get(hosts.kept)}; echo "kept $?") & (${get(hosts.minted)}; echo "minted $?") & wait
    echo "goes on, and gets $(curl -s -o /dev/null -w '%{http_code}' https://${hosts.kept}/data)"`
  const job = stage.jobEnvironment({ run_id: '800001' })
  let said = ''
  const ran = stage.runJob(
    ['run', '--role', 'build', '--', 'bash', '-c', script],
    job,
    (text) => (said += text),
  )
  const data = () => asked.filter((one) => one.endsWith(' /data')).length
  for (let tries = 0; data() < 2; tries++) {
    assert.ok(tries < 600, `${asked.join()} ${said}`)
    await new Promise((next) => setTimeout(next, 50))
  }
  for (const name of ['kept', 'admin'])
    assert.match((await operate('secret', 'compromise', `live/${name}`)).text, /1 lease was ended/)
  const { exitCode, stdout, stderr } = await ran
  assert.equal(exitCode, 0, stderr)
  // curl: the transfer broke off before it was whole (18), or the connection (56).
  assert.match(stdout, /^kept (?:18|56)$/m)
  assert.match(stdout, /^minted (?:18|56)$/m)
  assert.match(stdout, /goes on, and gets 403/, 'nothing is leased from it until it has a new value')
  assert.equal(data(), 2)
  assert.ok(asked.includes(`DELETE ${hosts.minted} /keys/k1`), 'what was minted is ended at its upstream')
  const all = await operate('secret', 'status', '--all')
  assert.match(all.text, /^live\/admin +0h +- +- +COMPROMISED +run_\w+ build\/run/m)
})

test('who sits at a terminal is asked before a compromise ends anything; a script acts at once', (t) => {
  const command = `'${process.execPath}' '${join(projectFolder, 'dist/mayfly.js')}' secret compromise git`
  const asked = spawnSync('script', ['-qec', command, '/dev/null'], {
    input: 'n\n',
    encoding: 'utf8',
    // Nobody listens there: it is asked before anything is said.
    env: {
      PATH: process.env['PATH'],
      MAYFLY_SERVER: 'http://127.0.0.1:1',
      MAYFLY_TOKEN: stage.operatorToken,
    },
    timeout: 30_000,
  })
  if (asked.error !== undefined) return t.skip('script (bsdutils) is not installed')
  assert.match(asked.stdout, /ends every lease of secret "git", .* Go on\? \[y\/N\]/)
  assert.match(asked.stdout, /nothing was done/)
})

test('a program that rotates is named once, by a path, and nobody else can write to it', async () => {
  writeFileSync(join(folder, 'open'), '#!/bin/sh\n', { mode: 0o777 })
  const up = (...args: string[]) => operate('up', '--data', join(folder, 'data'), ...args)
  for (const [args, reason] of [
    [['--rotator', 'bot'], /takes NAME=PATH/],
    [['--rotator', 'bot=rotate'], /takes NAME=PATH/],
    [['--rotator', `bot=${program}`, '--rotator', `bot=${program}`], /given twice/],
    [['--rotator', `bot=${join(folder, 'nothing')}`], /ENOENT|no such file/],
    [['--rotator', `bot=${folder}`], /no file/],
  ] as const) {
    const refused = await up(...args)
    assert.equal(refused.exitCode, 2, refused.text)
    assert.match(refused.text, reason)
  }
})
