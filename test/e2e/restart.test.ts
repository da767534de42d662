import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setStage, startUp, type Stage, type Up } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

/** The server is killed in the middle of a step and started again on its ports, as a service manager does it. */
let stage: Stage
let again: Up | undefined
beforeEach(async () => {
  stage = await setStage({ upArguments: ['--drain-seconds', '0'] })
})
afterEach(async () => {
  await again?.stop()
  again = undefined
  await stage[Symbol.asyncDispose]()
})

const repositoryUrl = 'https://git.example.com/octo-org/links'
const inStep = (script: string) =>
  stage.runJob(['run', '--role', 'build', '--', 'bash', '-c', script], stage.jobEnvironment())
const mark = (name: string) => writeFileSync(join(stage.workspace, name), '')
const portOf = (url: string) => new URL(url).port

async function marked(name: string, everyMs = 50): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += everyMs) {
    if (existsSync(join(stage.workspace, name))) return
    await new Promise((next) => setTimeout(next, everyMs))
  }
  assert.fail(`the step never came to ${name}`)
}

async function startAgain(): Promise<void> {
  const ports = ['--port', portOf(stage.server), '--gateway-port', portOf(stage.up.gatewayUrl)]
  again = await startUp(stage.dataFolder, [...ports, '--drain-seconds', '0'])
}

async function killAndStart(): Promise<void> {
  await stage.up.stop('SIGKILL')
  await startAgain()
}

interface Entry {
  type: string
  data: Record<string, unknown>
}
async function entriesOf(type: string): Promise<Entry[]> {
  const ran = await stage.operate(['audit', 'export', '--format', 'cloudevents', '--data', stage.dataFolder])
  const entries = ran.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry)
  return entries.filter((entry) => entry.type.includes(type))
}

test(
  'killed between the opening of a step and its first tunnel: the step goes on with the certificate it was given',
  slow,
  async () => {
    const running = inStep(
      `touch opened; until [ -e back ]; do sleep 0.1; done; git clone -q ${repositoryUrl} cloned`,
    )
    await marked('opened')
    await killAndStart()
    mark('back')
    const ran = await running
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.doesNotMatch(ran.stderr, /certificate/)
    assert.ok(existsSync(join(stage.workspace, 'cloned/package.json')))
  },
)

test('a command that begins while the server is away waits for it', slow, async () => {
  const running = inStep(
    `touch opened; until [ -e gone ]; do sleep 0.1; done; touch asking; git clone -q ${repositoryUrl} cloned`,
  )
  await marked('opened')
  await stage.up.stop('SIGKILL')
  mark('gone')
  await marked('asking')
  await startAgain()
  const ran = await running
  assert.equal(ran.exitCode, 0, ran.stderr)
})

test('killed while the step clones: what breaks off is the transfer, not the trust; the next clone works', async () => {
  const clone = `git clone -q ${repositoryUrl} clone`
  const running = inStep(
    `until [ -e back ]; do ${clone}; rm -rf clone; touch cloning; done; ${clone} && touch done-after`,
  )
  await marked('cloning')
  await killAndStart()
  mark('back')
  const ran = await running
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.doesNotMatch(ran.stderr, /certificate|has ended/)
})

test(
  'killed a moment after the step was given something: its provenance says that it may lack some',
  slow,
  async () => {
    const script = `git clone -q ${repositoryUrl} cloned && touch cloned/done; until [ -e back ]; do sleep 0.1; done; printf app > app.txt`
    const running = stage.runJob(
      [
        ...['run', '--role', 'build', '--artifact', 'app.txt', '--attestations', 'out'],
        ...['--', 'bash', '-c', script],
      ],
      stage.jobEnvironment(),
    )
    // Sooner than the second after which it is recorded.
    await marked('cloned/done', 5)
    await killAndStart()
    mark('back')
    const ran = await running
    assert.equal(ran.exitCode, 0, ran.stderr)
    const bundle = readFileSync(join(stage.workspace, 'out/app.txt.sigstore.json'), 'utf8')
    const { dsseEnvelope } = JSON.parse(bundle) as { dsseEnvelope: { payload: string } }
    assert.match(Buffer.from(dsseEnvelope.payload, 'base64').toString(), /"dependenciesIncomplete":true/)
    // It is published a moment later.
    const isSaid = async () =>
      (await entriesOf('')).some((entry) => JSON.stringify(entry).includes('"downloadsIncomplete":true'))
    let said = false
    for (let tries = 0; !said && tries < 10; tries++) said = await isSaid()
    assert.ok(said)
  },
)

test(
  'killed while npm installs: what was pinned stays pinned, and npm goes on, or goes again',
  slow,
  async () => {
    const install =
      'npm ci --no-audit --no-fund --cache ./cache --fetch-retries 8 --fetch-retry-mintimeout 300'
    // npm asks again for what it could not ask for, not for a body that broke off in the middle.
    const running = inStep(`git clone -q ${repositoryUrl} . && touch cloned && (${install} || ${install})`)
    await marked('cloned')
    // npm has fetched something, and not all.
    await marked('cache/_cacache')
    await killAndStart()
    const ran = await running
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.ok(readdirSync(join(stage.workspace, 'node_modules')).length > 0)
    assert.equal((await entriesOf('lockfile.pinned')).length, 1)
  },
)

test('a lockfile that was changed after the restart widens nothing', slow, async () => {
  const running = inStep(
    `git clone -q ${repositoryUrl} . && npm ci --no-audit --no-fund --ignore-scripts >/dev/null && touch opened; until [ -e back ]; do sleep 0.1; done; npm cache clean --force 2>/dev/null; npm install --no-save --no-audit --no-fund left-pad; echo "rc $?"`,
  )
  await marked('opened')
  await killAndStart()
  mark('back')
  const ran = await running
  assert.match(ran.stdout, /rc [1-9]/)
  const denied = async () => JSON.stringify(await entriesOf('access.denied'))
  // What the log has confirmed it publishes within a second.
  for (let tries = 0; tries < 50 && !/left-pad/.test(await denied()); tries++)
    await new Promise((next) => setTimeout(next, 100))
  assert.match(await denied(), /does not pin left-pad/)
})

test('stopped with a step open: the step is ended at its recorded end, and the job is told why', async () => {
  const running = inStep('touch opened; sleep 60; touch lived-on')
  await marked('opened')
  assert.equal(await stage.up.stop('SIGTERM'), 0)
  const ran = await running
  assert.match(ran.stderr, /the server was stopped/)
  assert.ok(!existsSync(join(stage.workspace, 'lived-on')))
  assert.ok(!existsSync(join(stage.dataFolder, 'up.json')))
  const checked = await stage.operate(['audit', 'check', '--data', stage.dataFolder])
  assert.match(checked.stdout, /^no gap: .*, 0 under way/)
  await startAgain()
  // It is published a moment later.
  let end: Entry | undefined
  for (let tries = 0; end === undefined && tries < 20; tries++) [end] = await entriesOf('taskrun.finished')
  assert.match(JSON.stringify(end?.data), /server_stopping/)
  rmSync(join(stage.workspace, 'opened'))
})
