import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { outputFrames } from '../../src/lib/index.ts'
import { setStage, startUp, type Ran, type Stage, type Up } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

let stage: Stage
let again: Up | undefined
before(async () => {
  const policy = (text: string) => `${text}\nlogs: { keep: 2d, max_step: 1MiB }\n`
  stage = await setStage({ policy, upArguments: ['--drain-seconds', '0'] })
})
after(async () => {
  await again?.stop()
  await stage[Symbol.asyncDispose]()
})

/** Each test is a job of its own: another run. */
let jobs = 0
function openJob() {
  const environment = {
    ...stage.jobEnvironment({ run_id: String(9_000 + jobs++) }),
    A_TOKEN: 'q7Rk-very-secret-value-01',
  }
  const workspace = join(stage.folder, `job-${jobs}`)
  mkdirSync(workspace)
  const file = (name: string) => join(workspace, name)
  const start = (script: string, name = 'test'): Promise<Ran> =>
    stage.runJob(
      [
        'run',
        '--role',
        'build',
        '-e',
        'A_TOKEN',
        '--name',
        name,
        '-w',
        workspace,
        '--',
        'bash',
        '-c',
        `echo $MAYFLY_RUN >run; ${script}`,
      ],
      environment,
    )
  const marked = async (name: string) => {
    for (let tries = 0; tries < 600; tries++) {
      if (existsSync(file(name))) return
      await new Promise((next) => setTimeout(next, 50))
    }
    assert.fail(`the step never came to ${name}`)
  }
  return {
    start,
    marked,
    mark: (name: string) => writeFileSync(file(name), ''),
    run: () => readFileSync(file('run'), 'utf8').trim(),
  }
}

const logs = (run: string, ...options: string[]) =>
  stage.operate(['logs', run, '--data', stage.dataFolder, ...options])
const logFolder = (kind: 'open' | 'sealed') => join(stage.dataFolder, 'server', 'logs', kind)
const stepOf = ({ stderr }: Ran) => /\((stp_\w+)\)/.exec(stderr)?.[1] ?? ''

async function sealedFile(step: string): Promise<string> {
  for (let tries = 0; tries < 400; tries++) {
    const found = existsSync(logFolder('sealed'))
      ? readdirSync(logFolder('sealed'), { recursive: true, encoding: 'utf8' }).find((name) =>
          name.includes(`/${step}.`),
        )
      : undefined
    if (found !== undefined) return join(logFolder('sealed'), found)
    await new Promise((next) => setTimeout(next, 50))
  }
  return assert.fail('the log is never sealed')
}

test('what a step showed is kept, masked, in order, and verified by the entry of its end', async () => {
  const job = openJob()
  const ran = await job.start(
    `for i in 1 2 3; do echo "out $i"; sleep 0.05; echo "err $i" >&2; sleep 0.05; done; echo "$A_TOKEN"`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  const shown = await logs(job.run())
  assert.equal(shown.exitCode, 0, shown.stderr)
  assert.equal(shown.stdout, `${[1, 2, 3].map((i) => `out ${i}\nerr ${i}\n`).join('')}***\n`)
  assert.match(
    shown.stderr,
    /step "test" \(stp_\w+\), role build.*\n.*verified by entry \d+ of the audit log: SHA-256/,
  )
  const timed = await logs(job.run(), '--timestamps')
  assert.match(timed.stdout, /^(?:\d{4}-\d\d-\d\dT[\d:.]+Z (?:out \d|err \d|\*{3})\n){7}$/)
  const cast = join(stage.folder, 'step.cast')
  assert.equal((await logs(job.run(), '--asciicast', cast)).exitCode, 0)
  const [head, ...events] = readFileSync(cast, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(head?.['version'], 2)
  assert.equal(events.length, 7)
  const listed = JSON.parse((await logs(job.run(), '--json')).stdout) as {
    steps: { name: string; verified: boolean }[]
  }
  assert.deepEqual(
    listed.steps.map(({ name, verified }) => [name, verified]),
    [['test', true]],
  )
})

test('the end of a step says what ran, what it used and what it left outside its workspace', async () => {
  const job = openJob()
  const script = 'echo x >/tmp/left-here'
  assert.equal((await job.start(script)).exitCode, 0)
  // Published within a second.
  let end: Record<string, unknown> = {}
  for (let tries = 0; tries < 50 && end['script'] === undefined; tries++) {
    const exported = await stage.operate([
      ...['audit', 'export', '--format', 'cloudevents', '--run', job.run(), '--data', stage.dataFolder],
    ])
    const line = exported.stdout.split('\n').find((one) => one.includes('taskrun.finished'))
    if (line !== undefined)
      end = (JSON.parse(line) as { data: { customData: { reported: Record<string, unknown> } } }).data
        .customData.reported
    else await new Promise((next) => setTimeout(next, 100))
  }
  const argv = ['bash', '-c', `echo $MAYFLY_RUN >run; ${script}`].map((one) => `${one}\0`).join('')
  assert.deepEqual(
    (end['script'] as Record<string, unknown>)['sha256'],
    createHash('sha256').update(argv).digest('hex'),
  )
  const { user_ms, system_ms, peak_memory_bytes } = end['resources'] as Record<string, number>
  assert.ok(
    Number(user_ms) >= 0 && Number(system_ms) >= 0 && Number(peak_memory_bytes) > 0,
    JSON.stringify(end),
  )
  assert.deepEqual(
    (end['left_in_memory'] as { folder: string; files: number; names: string[] }[]).map(
      ({ folder, files, names }) => [folder, files, names],
    ),
    [['/tmp', 1, ['left-here']]],
  )
  const story = await stage.operate(['audit', 'show', '--run', job.run(), '--data', stage.dataFolder])
  assert.match(story.stdout, /it took [\d.]+ s, processor .*\n(?:.*\n)*.*it left 1 files in \/tmp: left-here/)
})

test('-f shows a step’s lines while it runs, and ends with it', async () => {
  const job = openJob()
  const running = job.start('echo first; until [ -e go ]; do sleep 0.05; done; echo second')
  await job.marked('run')
  let said = ''
  const following = stage.operate(['logs', job.run(), '-f', '--data', stage.dataFolder])
  // It has been shown while the step waits for us.
  for (let tries = 0; tries < 300 && !said.includes('first'); tries++) {
    said = (await logs(job.run())).stdout
    await new Promise((next) => setTimeout(next, 50))
  }
  assert.equal(said, 'first\n')
  job.mark('go')
  assert.equal((await running).exitCode, 0)
  const followed = await following
  assert.equal(followed.exitCode, 0, followed.stderr)
  assert.equal(followed.stdout, 'first\nsecond\n')
  assert.match(followed.stderr, /verified by entry/)
})

test('two steps at once have a log each; --step shows one, and says which there are', async () => {
  const [one, other] = [openJob(), openJob()]
  const talk = (word: string) => `for i in $(seq 300); do echo ${word} $i; done`
  const ran = await Promise.all([one.start(talk('one')), other.start(talk('other'))])
  assert.deepEqual(
    ran.map(({ exitCode }) => exitCode),
    [0, 0],
  )
  for (const [job, word] of [
    [one, 'one'],
    [other, 'other'],
  ] as const) {
    const shown = await logs(job.run(), '--step', 'test')
    assert.equal(shown.stdout, Array.from({ length: 300 }, (_, i) => `${word} ${i + 1}\n`).join(''))
    assert.match(shown.stderr, /verified by entry/)
  }
  const wrong = await logs(one.run(), '--step', 'tset')
  assert.deepEqual([wrong.exitCode, wrong.stdout], [1, ''])
  assert.match(wrong.stderr, /did you mean test\?/)
  assert.equal((await logs('run_nobody')).exitCode, 1)
})

test('the server is killed in the middle and comes back: the log goes on, whole', slow, async () => {
  const job = openJob()
  const running = job.start(
    'echo before; touch said; until [ -e gone ]; do sleep 0.05; done; echo while it was away; until [ -e back ]; do sleep 0.05; done; echo after',
  )
  await job.marked('said')
  for (let tries = 0; tries < 300 && (await logs(job.run())).stdout === ''; tries++)
    await new Promise((next) => setTimeout(next, 50))
  await (again ?? stage.up).stop('SIGKILL')
  job.mark('gone')
  await new Promise((next) => setTimeout(next, 1_500))
  const ports = ['--port', new URL(stage.server).port, '--gateway-port', new URL(stage.up.gatewayUrl).port]
  again = await startUp(stage.dataFolder, [...ports, '--drain-seconds', '0'])
  job.mark('back')
  const ran = await running
  assert.equal(ran.exitCode, 0, ran.stderr)
  const shown = await logs(job.run())
  assert.equal(shown.stdout, 'before\nwhile it was away\nafter\n')
  assert.match(shown.stderr, /verified by entry/)
})

test(
  'a log that was changed on the server’s disk is found by its digest: open, sealed, and damaged',
  slow,
  async () => {
    const job = openJob()
    assert.equal((await job.start('echo the truth')).exitCode, 0)
    const step = stepOf(await logs(job.run()))
    const open = join(logFolder('open'), step)
    const plain = readFileSync(open)
    const lie = Buffer.from(plain.toString('latin1').replace('truth', 'liess'), 'latin1')
    writeFileSync(open, lie)
    const changed = await logs(job.run())
    assert.equal(changed.exitCode, 1)
    assert.match(changed.stderr, /IT WAS CHANGED/)
    writeFileSync(open, plain.subarray(0, -3))
    assert.match((await logs(job.run())).stderr, /NOT ALL OF IT: 3 bytes less/)
    writeFileSync(open, plain)
    assert.equal((await logs(job.run())).exitCode, 0)
    const sealed = await sealedFile(step)
    const packed = readFileSync(sealed)
    assert.deepEqual(zstdDecompressSync(packed), plain)
    assert.equal((await logs(job.run())).stdout, 'the truth\n')
    writeFileSync(sealed, zstdCompressSync(lie))
    const forged = await logs(job.run())
    assert.deepEqual([forged.exitCode, forged.stdout], [1, 'the liess\n'])
    assert.match(forged.stderr, /IT WAS CHANGED/)
    assert.equal((await logs(job.run(), '--json')).exitCode, 1)
    writeFileSync(sealed, packed.with(packed.length - 1, (packed.at(-1) ?? 0) ^ 1))
    assert.equal((await logs(job.run())).exitCode, 1)
    writeFileSync(sealed, Buffer.from('no zstd at all'))
    const damaged = await logs(job.run())
    assert.equal(damaged.exitCode, 1)
    assert.match(damaged.stderr, /the file of this log is damaged/)
    writeFileSync(
      sealed,
      zstdCompressSync(Buffer.concat([plain, outputFrames(9, 'o', Buffer.from('more\n'))])),
    )
    const longer = await logs(job.run())
    assert.equal(longer.exitCode, 1)
    assert.match(
      longer.stderr,
      /IT WAS CHANGED: by entry \d+ of the audit log its runner made \d+ bytes, and here are \d+ more/,
    )
    rmSync(sealed)
    assert.equal((await logs(job.run())).exitCode, 1)
  },
)

test('what is beyond max_step is not kept, which is said; the step is none the worse', async () => {
  const job = openJob()
  const ran = await job.start('head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end')
  assert.equal(ran.exitCode, 0)
  assert.equal(ran.stdout.length, 3_000_005)
  assert.match(ran.stderr, /the rest of the step’s log is not kept: logs\.max_step allows 1048576 bytes/)
  const shown = await logs(job.run())
  assert.equal(shown.exitCode, 0, shown.stderr)
  assert.ok(shown.stdout.length > 100_000 && shown.stdout.length <= 1_048_576)
  assert.match(
    shown.stderr,
    /verified by entry \d+.*; \d+ bytes that the runner made did not come to the server/,
  )
})

test('a step that is revoked leaves its log, as far as it came', async () => {
  const job = openJob()
  const running = job.start('echo before; sleep 60')
  await job.marked('run')
  for (let tries = 0; tries < 300 && (await logs(job.run())).stdout === ''; tries++)
    await new Promise((next) => setTimeout(next, 50))
  assert.equal((await stage.operate(['revoke', '--run', job.run()])).exitCode, 0)
  assert.equal((await running).exitCode, 125)
  const shown = await logs(job.run(), '-f')
  assert.equal(shown.exitCode, 0, shown.stderr)
  assert.equal(shown.stdout, 'before\n')
  assert.match(shown.stderr, /verified by entry/)
})

test('without an audit log at hand that is said; without a sign-in nothing is shown; erased is erased', async () => {
  const job = openJob()
  assert.equal((await job.start('echo a name')).exitCode, 0)
  const unverified = await stage.operate(['logs', job.run()])
  assert.equal(unverified.stdout, 'a name\n')
  assert.match(unverified.stderr, /not verified: no audit log at hand/)
  assert.equal((await stage.runJob(['logs', job.run()], stage.jobEnvironment())).exitCode, 1)
  assert.equal((await logs(job.run(), '--erase')).exitCode, 2)
  assert.match((await logs(job.run(), '--erase', '--yes')).stdout, /1 steps/)
  const gone = await logs(job.run())
  assert.equal(gone.stdout, '')
  assert.match(gone.stderr, /its log was removed .* \(an operator had it removed\)/)
})

test('a step that wrote nothing is known by the audit log, in the list and by its name; one that never was is not', async () => {
  const job = openJob()
  assert.equal((await job.start('echo here', 'loud')).exitCode, 0)
  assert.equal((await job.start('true', 'silent')).exitCode, 0)
  const asked = await logs(job.run(), '--step', 'silent')
  assert.equal(asked.exitCode, 0, asked.stderr)
  assert.match(asked.stderr, /step "silent" \(stp_\w+\): it wrote nothing, by entry \d+ of the audit log/)
  const all = await logs(job.run())
  assert.equal(all.exitCode, 0, all.stderr)
  assert.match(all.stderr, /step "loud" .*verified[\s\S]*step "silent" \(stp_\w+\): it wrote nothing/)
  const never = await logs(job.run(), '--step', 'never')
  assert.equal(never.exitCode, 1)
  assert.match(never.stderr, /has no step never, or it wrote nothing .*: steps that did are loud/)
})

test('a step that said nothing, and one that prints what a terminal obeys', async () => {
  const silent = openJob()
  assert.equal((await silent.start('true')).exitCode, 0)
  assert.match(
    (await logs(silent.run())).stderr,
    /no step of this run has said anything|: it wrote nothing, by entry/,
  )
  const job = openJob()
  assert.equal((await job.start(String.raw`printf '\033]0;title\007\033[31mred\033[0m\n'`)).exitCode, 0)
  const raw = await logs(job.run())
  assert.equal(raw.stdout, '\x1b]0;title\x07\x1b[31mred\x1b[0m\n')
})

test('a log that the server does not show any more is missed, where the audit log has its digest', async () => {
  const job = openJob()
  assert.equal((await job.start('echo here')).exitCode, 0)
  const step = stepOf(await logs(job.run()))
  const database = new DatabaseSync(join(stage.dataFolder, 'server/mayfly.db'))
  database.prepare('DELETE FROM step_logs WHERE step_id = ?').run(step)
  database.close()
  const shown = await logs(job.run())
  assert.equal(shown.exitCode, 1, shown.stderr)
  assert.match(shown.stderr, new RegExp(`step ${step}: THE SERVER DOES NOT SHOW ITS LOG: entry`))
})
