import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { projectFolder, runMayfly, setStage, startUp, type Stage } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

let stage: Stage
let runId = ''
let key = ''
before(async () => {
  stage = await setStage()
  const ran = await stage.runJob(
    [
      'run',
      '--json',
      '--role',
      'build',
      '--',
      'git',
      'clone',
      '-q',
      'https://git.example.com/octo-org/links',
      '.',
    ],
    stage.jobEnvironment(),
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  runId = (JSON.parse(ran.stdout) as { runId: string }).runId
  key = readFileSync(join(stage.dataFolder, 'keys/audit.vkey'), 'utf8').trim()
  await published('run.finished')
})
after(() => stage[Symbol.asyncDispose]())

const audit = (args: readonly string[]) => stage.operate(['audit', ...args])
const inData = () => ['--data', stage.dataFolder]

interface Shown {
  index: number
  id: string
  type: string
  run?: string
  seq?: number
  data: Record<string, Record<string, unknown>>
}

async function shown(args: readonly string[] = []): Promise<Shown[]> {
  const { stdout } = await audit(['show', '--json', ...inData(), ...args])
  return (JSON.parse(stdout) as { entries: Shown[] }).entries
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await look()) return
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error(`it was never so: ${what}`)
}

const published = (type: string) =>
  until(`${type} is published`, async () => (await shown()).some((entry) => entry.type === type))

function schemaOf(name: string): object {
  return JSON.parse(readFileSync(join(projectFolder, 'test/schemas', name), 'utf8')) as object
}
const withFormats = formats as unknown as (ajv: Ajv) => Ajv

test('a run is a story from its first to its last entry, numbered, and check finds no gap', async () => {
  const run = await shown(['--run', runId])
  assert.deepEqual(
    run.map(({ seq }) => seq),
    run.map((_, i) => i),
  )
  assert.deepEqual([run[0]?.type, run.at(-1)?.type], ['run.started', 'run.finished'])
  const told = await audit(['show', '--run', runId, ...inData()])
  assert.match(told.stdout, /octocat triggered push in octo-org\/links/)
  const checked = await audit(['check', ...inData()])
  assert.equal(checked.exitCode, 0, checked.stdout)
  assert.match(checked.stdout, /no gap: \d+ runs/)
})

test('find: who, what and where, on verified entries; a value that nothing has is named', async () => {
  const cache = { XDG_CACHE_HOME: join(stage.folder, 'cache') }
  const find = async (...args: string[]) => {
    const { stdout, stderr, exitCode } = await runMayfly(['audit', 'find', ...inData(), ...args], {
      PATH: process.env['PATH'] ?? '',
      ...cache,
    })
    return { stdout, stderr, exitCode }
  }
  const all = await shown(['--run', runId])
  for (const [args, isWanted] of [
    [['--run', runId], () => true],
    [['--type', 'step.*'], ({ type }) => type.startsWith('step.')],
    [['--action', 'git:read', '--outcome', 'granted'], ({ type }) => type === 'access.granted'],
    [['--host', 'git.example.com'], ({ type }) => type === 'access.granted'],
    // By name, where the folder opens names; entries of a step carry the pseudonym alone.
    [['--actor', 'octocat', '--type', 'lease.issued'], ({ type }) => type === 'lease.issued'],
    [['--repository', 'octo-org/links', '--type', 'run.*'], ({ type }) => type.startsWith('run.')],
  ] as [string[], (entry: Shown) => boolean][]) {
    const { stdout, stderr, exitCode } = await find('--json', ...args)
    assert.equal(exitCode, 0, stderr)
    const { entries } = JSON.parse(stdout) as { entries: Shown[] }
    assert.deepEqual(
      entries.filter(({ run }) => run === runId).map(({ id }) => id),
      all.filter(isWanted).map(({ id }) => id),
      args.join(' '),
    )
  }
  const typo = await find('--repository', 'octo-org/link')
  assert.equal(typo.exitCode, 1)
  assert.equal(
    typo.stderr,
    'mayfly: no entry of this log has repository "octo-org/link": did you mean "octo-org/links"?\n',
  )
  const none = await find('--repository', 'octo-org/links', '--to', '2000-01-01')
  assert.deepEqual([none.exitCode, none.stdout], [1, 'no entry matches all of it\n'])
  const text = await find('--type', 'lease.issued', '-n', '1')
  assert.match(
    text.stdout,
    /^ *\d+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z  run_\w+  a lease on git was issued/,
  )
  const named = await find('--type', 'access.granted', '--actor', 'octocat', '--json', '-n', '1')
  assert.match(named.stdout, /"job":\{[^}]*"actor":\{"person":"per_\w+","login":"octocat"\}/)
  const runs = await runMayfly(['audit', 'runs', ...inData()], { PATH: process.env['PATH'] ?? '', ...cache })
  assert.match(runs.stdout, new RegExp(`^RUN .*\n(?:.*\n)*${runId} .* ended .* octo-org/links .* octocat`))
})

test('what was refused tells who it was, from where, and for what', async () => {
  const outside = await stage.runJob(
    ['run', '--role', 'build', '--', 'curl', '-s', 'https://not-granted.example/'],
    stage.jobEnvironment({ run_id: '9000000098' }),
  )
  assert.notEqual(outside.exitCode, 0)
  const refused = await stage.runJob(
    ['run', '--role', 'release', '--', 'true'],
    stage.jobEnvironment({ run_id: '9000000099', ref: 'refs/heads/feature' }),
  )
  assert.notEqual(refused.exitCode, 0)
  await published('session.refused')
  const denied = await audit(['find', '--host', 'not-granted.example', '--no-index', ...inData()])
  assert.match(
    denied.stdout,
    /REFUSED not-granted\.example:443: .+\n +for octo-org\/links at refs\/heads\/main \([0-9a-f]{12}\), triggered by octocat/,
  )
  const told = await audit(['find', '--type', 'session.refused', '--no-index', ...inData()])
  assert.match(
    told.stdout,
    /REFUSED a session the role "release": trust_mismatch \(req_\w+\)\n +to octo-org\/links at refs\/heads\/feature \([0-9a-f]{12}\), triggered by octocat\n +\w+: expected .+, got .+/,
  )
})

test('verify: from the folder, and from anywhere over HTTP with a key that one trusts', async () => {
  const { audit: url } = JSON.parse(readFileSync(join(stage.dataFolder, 'up.json'), 'utf8')) as {
    audit: string
  }
  for (const from of [inData(), ['--url', url, '--key', key]]) {
    const verified = await audit(['verify', ...from])
    assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr)
    assert.match(verified.stdout, /^verified: \d+ entries/)
  }
  assert.equal((await audit(['verify', '--url', url])).exitCode, 2)
  const gone = await audit(['verify', '--url', 'http://127.0.0.1:9', '--key', key])
  assert.equal(gone.exitCode, 3, gone.stdout + gone.stderr)
})

test('prove, check-proof and consistency: offline, and a lie is found', async () => {
  const at = (name: string) => join(stage.folder, name)
  const entry = (await shown(['--run', runId])).find(({ type }) => type === 'step.started')
  assert.ok(entry)
  const files = ['-o', at('p.tlog-proof'), '--entry-out', at('entry.json')]
  const proved = await audit(['prove', entry.id, ...files, ...inData()])
  assert.equal(proved.exitCode, 0, proved.stderr)
  const check = ['check-proof', at('p.tlog-proof'), '--entry', at('entry.json'), '--key', key]
  const checked = await audit(check)
  assert.equal(checked.exitCode, 0, checked.stderr)
  assert.match(checked.stdout, new RegExp(`^proven: it is entry ${entry.index} of the log`))
  const bytes = readFileSync(at('entry.json'))
  writeFileSync(at('entry.json'), bytes.with(20, (bytes[20] ?? 0) ^ 1))
  assert.equal((await audit(check)).exitCode, 1)
  writeFileSync(at('entry.json'), bytes)
  const other = key.replace(/\+.*/s, '')
  const strangers = await audit([...check.slice(0, -1), `${other}+00000000+AAAA`])
  assert.equal(strangers.exitCode, 2)

  const folder = join(stage.dataFolder, 'audit')
  cpSync(join(folder, 'checkpoint'), at('old-checkpoint'))
  const size = (await shown()).length
  await stage.operate(['secret', 'set', 'another'], 'value-of-another')
  await until('a new entry', async () => (await shown()).length > size)
  const consistent = await audit(['consistency', at('old-checkpoint'), ...inData()])
  assert.equal(consistent.exitCode, 0, consistent.stderr)
  assert.match(consistent.stdout, /^consistent: the \d+ entries/)
  const backwards = await audit([
    'consistency',
    join(folder, 'checkpoint'),
    at('old-checkpoint'),
    ...inData(),
  ])
  assert.equal(backwards.exitCode, 1)
  assert.match(backwards.stderr, /rolled back/)
})

test('tail: the last entries, then every new one, until the log is rolled back', async () => {
  const last = (await shown()).slice(-2).map(({ id }) => id)
  const ids = (text: string) =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as Shown).id)
  const told = await audit(['tail', '-n', '2', '--json', ...inData()])
  assert.deepEqual(ids(told.stdout), last)

  const copy = join(stage.folder, 'copy')
  const refresh = () => {
    const published = readFileSync(join(stage.dataFolder, 'audit/checkpoint'))
    for (const name of ['keys', 'audit'])
      cpSync(join(stage.dataFolder, name), join(copy, name), {
        recursive: true,
        filter: (from) => basename(from) !== 'checkpoint',
      })
    writeFileSync(join(copy, 'audit/next'), published)
    renameSync(join(copy, 'audit/next'), join(copy, 'audit/checkpoint'))
  }
  refresh()
  const old = readFileSync(join(copy, 'audit/checkpoint'))
  const following = spawn(
    join(projectFolder, 'bin/mayfly'),
    ['audit', 'tail', '-f', '-n', '1', '--json', '--data', copy],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let stdout = ''
  let stderr = ''
  following.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  following.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<number | null>((resolve) => following.once('close', resolve))
  await until('the last entry', async () => ids(stdout).length === 1)
  const { length } = await shown()
  await stage.operate(['secret', 'set', 'followed'], 'value-of-followed')
  await until('a new entry', async () => (await shown()).length > length)
  refresh()
  await until('the followed entry', async () => ids(stdout).length > 1)
  assert.deepEqual(
    ids(stdout),
    (await shown()).slice(-ids(stdout).length).map(({ id }) => id),
  )
  writeFileSync(join(copy, 'audit/checkpoint'), old)
  assert.equal(await ended, 1)
  assert.match(stderr, /rolled back/)
})

test('export: every entry in every format is what its schema says', async () => {
  const validators = {
    cloudevents: withFormats(new Ajv({ strict: false })).compile(schemaOf('cloudevents-1.0.json')),
    ocsf: withFormats(new Ajv2020({ strict: false })).compile(schemaOf('ocsf-1.8.0.json')),
  }
  const cdevents = (schemaOf('cdevents-0.5.1.json') as { types: Record<string, object> }).types
  const ajv = withFormats(new Ajv2020({ strict: false }))
  const count = (await shown()).length
  for (const [format, validate] of Object.entries(validators)) {
    const { stdout, exitCode, stderr } = await audit(['export', '--format', format, ...inData()])
    assert.equal(exitCode, 0, stderr)
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; data: unknown })
    assert.ok(events.length >= count)
    for (const event of events) assert.ok(validate(event), JSON.stringify([validate.errors, event]))
    if (format !== 'cloudevents') continue
    for (const { type, data } of events) {
      const one = cdevents[type] ?? cdevents['custom'] ?? {}
      assert.ok(ajv.validate(one, data), JSON.stringify([type, ajv.errors]))
    }
  }
  const out = join(stage.folder, 'build.ndjson')
  const args = [
    'export',
    '--format',
    'ndjson',
    '--repository',
    '1296269',
    '--role',
    'build',
    '-o',
    out,
    ...inData(),
  ]
  assert.equal((await audit(args)).exitCode, 0)
  const types = readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Shown).type)
  assert.ok(types.includes('access.granted') && !types.includes('policy.applied'), types.join())
  assert.equal(
    (await audit(['export', '--format', 'ndjson', '--from', 'yesterday', ...inData()])).exitCode,
    2,
  )
})

test('what the runner says of a step stands apart, and no name of a person is in the log', async () => {
  const started = (await shown(['--run', runId])).find(({ type }) => type === 'step.started')
  assert.match(String(started?.data['reported']?.['command']), /git/)
  const { stdout } = await audit(['export', '--format', 'cloudevents', ...inData()])
  assert.doesNotMatch(stdout, /octocat/)
})

test('erase: the name is gone from the story, the root is not', async () => {
  const issued = () =>
    shown(['--run', runId]).then((run) => run.find(({ type }) => type === 'session.issued'))
  assert.equal((await issued())?.data['actor']?.['login'], 'octocat')
  const unknown = await audit(['erase', '--yes', '--subject', 'ci:nobody'])
  assert.equal(unknown.exitCode, 1)
  const erased = await audit(['erase', '--yes', '--subject', 'ci:octocat'])
  assert.equal(erased.exitCode, 0, erased.stderr)
  await published('person.erased')
  assert.match(String((await issued())?.data['actor']?.['login']), /^per_\w+ \(erased\)$/)
  const verified = await audit(['verify', ...inData()])
  assert.equal(verified.exitCode, 0, verified.stdout)
  assert.deepEqual(readdirSync(join(stage.dataFolder, 'audit/people/keys')), [])
})

interface Started {
  ready: { url: string; verifierKey: string }
  stop(): Promise<void>
}

async function startWitness(folder: string, name: string, port = '0'): Promise<Started> {
  const args = ['witness', '--folder', folder, '--name', name, '--log', key, '--port', port, '--json']
  const child = spawn(join(projectFolder, 'bin/mayfly'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const [line = ''] = await new Promise<string[]>((resolve) =>
    createInterface({ input: child.stdout }).once('line', (text) => resolve([text])),
  )
  return {
    ready: JSON.parse(line) as Started['ready'],
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

test('two witnesses, a lost quorum and its return, and a sink: with the commands alone', slow, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-audit-e2e-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
  const own = await setStage()
  await own.up.stop()
  key = readFileSync(join(own.dataFolder, 'keys/audit.vkey'), 'utf8').trim()
  const one = await startWitness(join(folder, 'w1'), 'w1.example')
  let two = await startWitness(join(folder, 'w2'), 'w2.example')
  const policy = join(folder, 'policy')
  writeFileSync(
    policy,
    `log ${key}\nwitness one ${one.ready.verifierKey} ${one.ready.url}\nwitness two ${two.ready.verifierKey} ${two.ready.url}\ngroup both all one two\nquorum both\n`,
  )
  const copy = join(folder, 'copy.ndjson')
  writeFileSync(
    join(folder, 'forward.yaml'),
    `sinks:\n  copy: { kind: file, path: ${JSON.stringify(copy)}, format: ndjson }\n`,
  )
  const up = await startUp(own.dataFolder, [
    '--witness-policy',
    policy,
    '--forward',
    join(folder, 'forward.yaml'),
  ])
  t.after(async () => {
    await up.stop()
    await one.stop()
    await two.stop()
    await own[Symbol.asyncDispose]()
  })
  const verify = () =>
    runMayfly(['audit', 'verify', '--policy', policy, '--data', own.dataFolder], {
      PATH: process.env['PATH'] ?? '',
    })
  await until('cosigned', async () => /cosigned by one, two/.test((await verify()).stdout))
  await until(
    'forwarded',
    async () => existsSync(copy) && readFileSync(copy, 'utf8').includes('server.started'),
  )
  const warnings = async () =>
    (
      (await (await fetch(`${up.url}/readyz`)).json()) as { ready: boolean; warnings: string[] }
    ).warnings.join()
  const port = new URL(two.ready.url).port
  await two.stop()
  const operate = (args: readonly string[], input: string) =>
    runMayfly(
      args,
      { PATH: process.env['PATH'] ?? '', MAYFLY_SERVER: up.url, MAYFLY_TOKEN: own.operatorToken },
      { input },
    )
  assert.equal((await operate(['secret', 'set', 'lost'], 'a-value')).exitCode, 0)
  await until('degraded', async () => /the witnesses are no quorum: two/.test(await warnings()))
  assert.equal((await fetch(`${up.url}/readyz`)).status, 200)
  await until('no quorum', async () => /NOT VERIFIED: no_quorum/.test((await verify()).stdout))
  two = await startWitness(join(folder, 'w2'), 'w2.example', port)
  assert.equal((await operate(['secret', 'set', 'found'], randomBytes(8).toString('hex'))).exitCode, 0)
  await until(
    'restored',
    async () => (await warnings()) === '' && /cosigned by one, two/.test((await verify()).stdout),
  )
})
