import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { baseEnvironment, runMayfly, startUp, type Up } from '../../demo/stage.ts'

// No rule knows it, and its server does.
const value = randomBytes(21).toString('base64url')
let root: string
let up: Up
let token: string
const write = (name: string, content: string | Buffer) => writeFileSync(join(root, name), content)

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-known-'))
  up = await startUp(join(root, 'data'))
  const as = (args: readonly string[], input = '') =>
    runMayfly(
      args,
      { ...baseEnvironment(), MAYFLY_SERVER: up.url, MAYFLY_TOKEN: up.operatorToken },
      { input },
    )
  const set = await as(['secret', 'set', 'deploy'], value)
  assert.equal(set.exitCode, 0, set.stderr)
  const made = await as(['token', 'create', 'scanner', '--scope', 'secret:scan', '--json'])
  token = (JSON.parse(made.stdout) as { token: string }).token
  mkdirSync(join(root, 'files'))
  write('files/plain.txt', `# the line before\nx ${value}\n`)
  write('files/log.gz', gzipSync(`nothing\n${Buffer.from(`u:${value}`).toString('base64')}\n`))
  write('files/data.bin', Buffer.concat([Buffer.alloc(100), Buffer.from(value), Buffer.alloc(100)]))
  write('files/other.txt', 'nothing of ours\n')
  // As long as is asked about at once, and longer.
  write('files/long.txt', `${'some words of a long file\n'.repeat(60_000)}${value}`)
})
after(async () => {
  await up.stop()
  rmSync(root, { recursive: true, force: true })
})

async function scan(args: readonly string[], env: Record<string, string> = {}, input = '') {
  const ran = await runMayfly(
    ['scan', ...args],
    {
      ...baseEnvironment(),
      GIT_CONFIG_GLOBAL: '/dev/null',
      MAYFLY_SERVER: up.url,
      MAYFLY_TOKEN: token,
      ...env,
    },
    { cwd: root, input },
  )
  assert.ok(!`${ran.stdout}${ran.stderr}`.includes(value), 'the value is told')
  return ran
}

interface Json {
  findings: {
    file: string
    line: number
    confidence: string
    rule: string
    known?: object
    accepted?: object
    fingerprint: string
  }[]
}
const json = (stdout: string) => (JSON.parse(stdout) as Json).findings

test('what the vault has is found in every form, which no rule could, and each report says that it is known', async () => {
  const { exitCode, stdout, stderr } = await scan(['files', '--known', '--report', 'json'])
  assert.equal(exitCode, 1, stderr)
  const found = json(stdout).filter(({ rule }) => rule === 'known-secret')
  assert.deepEqual(
    found.map(({ file, line }) => [file, line]),
    [
      ['files/data.bin', 1],
      ['files/log.gz', 2],
      ['files/long.txt', 60_001],
      ['files/plain.txt', 2],
    ],
  )
  for (const one of found)
    assert.deepEqual([one.confidence, one.known], ['known', { secret: 'deploy', version: 1 }])
  assert.equal(new Set(found.map(({ fingerprint }) => fingerprint)).size, 1)
  assert.equal((await scan(['files/plain.txt', '--no-rules', '--confidence', 'certain'])).exitCode, 0)
  const said = async (report: string) =>
    (await scan(['files/plain.txt', '--known', '--report', report])).stdout
  assert.match(
    await said('text'),
    /A secret of the vault \(known\) \[known-secret\]\n.*\n.*\n {6}secret "deploy" of the vault, version 1\n/,
  )
  assert.match(await said('github'), /^::error file=files\/plain\.txt,line=2.*known: .*secret "deploy"/m)
  assert.match(await said('sarif'), /"ruleId": "known-secret"/)
  assert.match(
    await said('gitlab'),
    /"description": "A secret of the vault, known\. secret \\"deploy\\" of the vault, version 1"/,
  )
})

test('standard input, a history and what is staged are asked about as well', async () => {
  const stdin = await scan(['--stdin', '--known', '--report', 'json'], {}, `one\ntwo ${value}\n`)
  assert.deepEqual(
    json(stdin.stdout).map(({ file, line }) => [file, line]),
    [['standard input', 2]],
  )
  const git = (...args: string[]) => {
    const who = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com']
    assert.equal(spawnSync('git', [...who, ...args], { cwd: join(root, 'repo') }).status, 0, args.join(' '))
  }
  mkdirSync(join(root, 'repo'))
  git('init', '--quiet')
  write('repo/a.txt', `x ${value}\n`)
  git('add', '.')
  const staged = await scan(['--staged', 'repo', '--known'])
  assert.equal(staged.exitCode, 1)
  git('commit', '--quiet', '-m', 'one')
  write('repo/a.txt', 'gone\n')
  git('commit', '--quiet', '-am', 'two')
  const history = await scan(['--history', 'repo', '--known', '--report', 'json'])
  assert.deepEqual(
    json(history.stdout).map(({ file, confidence }) => [file, confidence]),
    [['a.txt', 'known']],
  )
})

test('no comment says that it is none; a rule file may, with a reason, and a baseline', async () => {
  write('commented.txt', `x ${value} # mayfly: ignore known-secret until 2026-12-30 it is ours\n`)
  assert.equal((await scan(['commented.txt', '--known'])).exitCode, 1)
  write(
    'rules.yaml',
    'allow: [{ reason: where it is kept, paths: ["commented.txt"], rules: [known-secret] }]\n',
  )
  assert.equal((await scan(['commented.txt', '--known', '--rules', 'rules.yaml'])).exitCode, 0)
  assert.equal((await scan(['commented.txt', '--known', '--write-baseline', 'known.json'])).exitCode, 0)
  assert.equal((await scan(['files/plain.txt', '--known', '--baseline', 'known.json'])).exitCode, 0)
})

test('a server that does not answer, or not to this token, is no clean scan', async () => {
  const gone = await scan(['files', '--known'], { MAYFLY_SERVER: 'http://127.0.0.1:1' })
  assert.match(gone.stderr, /does not answer.*nobody knows what the vault has/)
  assert.equal(gone.exitCode, 3)
  const wrong = await scan(['files', '--known'], { MAYFLY_TOKEN: 'nonsense' })
  assert.deepEqual([wrong.exitCode, wrong.stdout], [2, ''])
  const none = await scan(['files', '--known'], { MAYFLY_TOKEN: '', HOME: root })
  assert.match(none.stderr, /mayfly login.*scope secret:scan/)
})
