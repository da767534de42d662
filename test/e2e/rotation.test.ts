import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../demo/stage.ts'

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

let stage: Stage
before(async () => {
  stage = await setStage({
    upArguments: ['--drain-seconds', '0', '--rotator', `bot=${program}`],
    policy: (text) =>
      `${text}\nsecrets:\n  git: { owner: ada, rotation: { every: 30d, by: { command: { name: bot } } } }\n`,
  })
})
after(async () => {
  await stage[Symbol.asyncDispose]()
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
  assert.equal((await operate(...compromise, ...log)).exitCode, 0)
  assert.match(readFileSync(join(folder, 'ended'), 'utf8'), /ci-bot:/)
  // No value is in the log, in the database, or in what anybody was told.
  const everything = [told, rotated, back, status, answered, shown].map(({ text }) => text).join('')
  assert.doesNotMatch(everything, /planted-/)
  for (const file of ['mayfly.db', 'mayfly.db-wal'].map((name) => join(stage.dataFolder, 'store', name)))
    if (statSync(file, { throwIfNoEntry: false }) !== undefined)
      assert.ok(!readFileSync(file).includes('planted-'), file)
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
