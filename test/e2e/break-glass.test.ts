import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, beforeEach, test, type TestContext } from 'node:test'
import {
  baseEnvironment,
  projectFolder,
  setStage,
  startUp,
  type Ran,
  type Stage,
  type Up,
} from '../../demo/stage.ts'
import { createBrowser, startProvider } from '../../src/operators/provider.fixture.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../src/scan/rules/index.ts'

/**
 * A push in which a secret was found waits for a person: a real server, real git, people who sign in at a real provider and say yes by
 * `mayfly approve`.
 */
let stage: Stage
let again: Up | undefined
let provider: Awaited<ReturnType<typeof startProvider>>
const ends: (() => unknown)[] = []
const people: Record<string, Record<string, string>> = {}

before(async () => {
  provider = await startProvider({
    after: (end: () => unknown) => void ends.push(end),
  } as unknown as TestContext)
  stage = await setStage({ policy: withPeople, upArguments: ['--drain-seconds', '0'] })
  await stage.operate(['secret', 'set', 'oidc'], 'p@ss word:1')
  provider.register(`${stage.server}/auth/callback`)
  for (const name of ['anna', 'octo', 'carl']) people[name] = await signIn(name)
})
after(async () => {
  await again?.stop()
  await stage?.[Symbol.asyncDispose]()
  for (const end of ends) await end()
})

beforeEach(() => {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
})

/** `octo` triggers the runs; `carl` is somebody else, but in no group. */
function withPeople(text: string): string {
  const scan = (timeout: string) =>
    `    scan: { approvers: security, timeout: ${timeout} }\n    grants:\n      - git:push git/octo-org/links@refs/heads/*\n`
  let count = 0
  return `${text.replace(/^ {4}grants:\n/gm, () => scan(count++ === 0 ? '5s' : '10m'))}
people:
  anna: { logins: ["sub:anna"], ci: ["ci:101"] }
  octo: { logins: ["sub:octo"], ci: ["ci:583231"] }
  carl: { logins: ["sub:carl"], ci: ["ci:102"] }
groups:
  security: { people: [anna, octo] }
  everyone: { people: [anna, octo, carl] }
sign_in:
  issuer: ${provider.url}
  client_id: mayfly
  client_secret: secret:oidc
  permissions: { approver: [everyone] }
`
}

/** `mayfly` of a person with a home of their own. */
function as(
  env: Record<string, string>,
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe'] as const
    const child = spawn(join(projectFolder, 'bin', 'mayfly'), args, { env, stdio: [...stdio] })
    let [stdout, stderr] = ['', '']
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    if (child.stderr !== null)
      createInterface({ input: child.stderr }).on('line', (line) => {
        stderr += `${line}\n`
        onLine(line)
      })
    child.once('error', reject)
    child.once('close', (code) => resolve({ exitCode: code ?? 255, stdout, stderr }))
  })
}

async function signIn(name: string): Promise<Record<string, string>> {
  const home = mkdtempSync(join(tmpdir(), 'mayfly-person-'))
  ends.push(() => rmSync(home, { recursive: true, force: true }))
  const env = { ...baseEnvironment(), XDG_CONFIG_HOME: home, MAYFLY_SERVER: stage.server }
  provider.state.account = { sub: name }
  const browser = createBrowser()
  const confirming: Promise<unknown>[] = []
  const signedIn = await as(env, ['login', '--no-browser'], (line) => {
    const url = /open (\S+)/.exec(line)?.[1]
    if (url !== undefined) confirming.push(confirm(browser, url))
  })
  await Promise.all(confirming)
  assert.equal(signedIn.exitCode, 0, signedIn.stderr)
  return env
}

async function confirm(browser: ReturnType<typeof createBrowser>, url: string): Promise<void> {
  const { text } = await browser.follow(url)
  const csrf = /name="csrf" value="([0-9a-f]{64})"/.exec(text)?.[1] ?? ''
  const form = { ...Object.fromEntries(new URL(url).searchParams), csrf }
  const headers = { origin: stage.server }
  const allowed = await browser.request(`${stage.server}/auth/cli`, { method: 'POST', form, headers })
  assert.equal((await fetch(allowed.location ?? '')).status, 200)
}

const random = seededRandom(7)
const template =
  builtInRules.find(({ id }) => id === 'github-personal-access-token')?.examples.positive[0] ?? ''
const freshToken = () => /ghp_\w{36}/.exec(fillTemplate(template, random))?.[0] ?? ''
const clone = 'set -eu; git clone -q https://git.example.com/octo-org/links .'
const commit = 'git add -A; git -c user.name=ci -c user.email=ci@example.com commit -q -m'
/** The command line is masked, and so the step puts the value together itself. */
const write = (name: string, value: string) =>
  `printf '%s%s\n' '${value.slice(0, 9)}' '${value.slice(9)}' > ${name}`

let runs = 0
function startStep(role: string, script: string) {
  let [text, from] = ['', 0]
  const waiting: { resolve: (id: string) => void }[] = []
  const look = () => {
    const found = /mayfly approve (apr_\w+)/g
    found.lastIndex = from
    const id = found.exec(text)?.[1]
    if (id === undefined || waiting.length === 0) return
    from = found.lastIndex
    waiting.shift()?.resolve(id)
  }
  const ended = stage.runJob(
    ['run', '--role', role, '--', 'bash', '-c', `${clone}\n${script}`],
    stage.jobEnvironment({ run_id: `90000${runs++}` }),
    (more) => {
      text += more
      look()
    },
  )
  const asks = () =>
    Promise.race([
      new Promise<string>((resolve) => {
        waiting.push({ resolve })
        look()
      }),
      ended.then((ran) => assert.fail(`it ended without asking: ${ran.stdout}${ran.stderr}`)),
    ])
  return { ended, asks }
}

const onServer = (ref: string) =>
  execFileSync(
    'git',
    [
      '-c',
      'safe.directory=*',
      '-C',
      join(stage.git.root, 'octo-org/links.git'),
      'for-each-ref',
      '--format=%(objectname)',
      ref,
    ],
    { encoding: 'utf8' },
  ).trim()

interface Entry {
  readonly type: string
  readonly data: Record<string, unknown>
}

interface Exported {
  readonly type: string
  readonly data: { readonly subject: { readonly id: string; readonly content: Record<string, unknown> } }
}

async function entries(): Promise<Entry[]> {
  const ran = await stage.operate(['audit', 'export', '--format', 'cloudevents', '--data', stage.dataFolder])
  return ran.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Exported)
    .map(({ type, data: { subject } }) => ({ type, data: { of: subject.id, ...subject.content } }))
}

/** What is only told may come to the log a moment after the step: it lies in the server's outbox until then. */
async function entriesOnce(isWhole: (all: readonly Entry[]) => boolean): Promise<Entry[]> {
  for (let tried = 0; tried < 40; tried++) {
    const all = await entries()
    if (isWhole(all)) return all
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  return entries()
}

test('somebody else of the group lets just this push pass; who triggered the run cannot, and another finding asks again', async () => {
  const [first, second] = [freshToken(), freshToken()]
  const step = startStep(
    'release',
    `${write('first.env', first)}; ${commit} first; git push origin HEAD:refs/heads/glass; git rev-parse HEAD
    ${write('second.env', second)}; ${commit} second; git push origin HEAD:refs/heads/glass || echo second refused`,
  )
  const id = await step.asks()
  assert.equal(onServer('refs/heads/glass'), '')
  for (const [name, why] of Object.entries({ octo: /triggered/, carl: /none of the groups/ })) {
    const tried = await as(people[name] ?? {}, ['approve', id])
    assert.notEqual(tried.exitCode, 0)
    assert.match(tried.stderr, why)
  }
  const byToken = await stage.operate(['approve', id])
  assert.match(byToken.stderr, /stands for no person|scope/)
  const list = await as(people['anna'] ?? {}, ['approve'])
  assert.match(list.stdout, new RegExp(id))
  const said = await as(people['anna'] ?? {}, ['approve', id, '--reason', 'a token of a test server'])
  assert.equal(said.exitCode, 0, said.stderr)
  const other = await step.asks()
  assert.notEqual(other, id)
  const passed = onServer('refs/heads/glass')
  assert.match(passed, /^[0-9a-f]{40}$/)
  assert.equal((await as(people['anna'] ?? {}, ['approve', other, '--deny'])).exitCode, 0)
  const ran = await step.ended
  assert.match(ran.stdout, new RegExp(`${passed}\nsecond refused`))
  assert.match(ran.stderr, /second\.env:1:1: .*github-personal-access-token/)
  assert.match(ran.stderr, /nobody let it pass: .*denied by anna/)
  assert.equal(onServer('refs/heads/glass'), passed)
  const log = await entriesOnce((all) => all.filter(({ type }) => type.includes('scan.found')).length === 2)
  const at = (type: string, approval: string) =>
    log.findIndex((one) => one.type.includes(type) && JSON.stringify(one).includes(approval))
  assert.ok(at('approval.granted', id) >= 0 && at('approval.granted', id) < at('scan.found', id))
  const found = log.filter(({ type }) => type.includes('scan.found')).map(({ data }) => data)
  assert.partialDeepStrictEqual(found, [
    { place: 'push', outcome: 'approved', approval: id, findings: [{ path: 'first.env' }] },
    { place: 'push', outcome: 'refused', findings: [{ path: 'second.env' }] },
  ])
  const pushed = log.findIndex(({ type, data }) => {
    const git = (data['git'] ?? {}) as { phase?: string }
    return type.includes('access.granted') && git.phase !== 'examine' && JSON.stringify(git).includes(passed)
  })
  assert.ok(pushed > at('scan.found', id), 'the push is permitted after what was found in it is in the log')
  for (const value of [first, second])
    assert.ok(!`${JSON.stringify(log)}${ran.stdout}${ran.stderr}${list.stdout}`.includes(value))
})

test('nobody answers: the push is refused when its time is over, and the step goes on', async () => {
  const step = startStep(
    'build',
    `${write('late.env', freshToken())}; ${commit} late; git push origin HEAD:refs/heads/late || echo refused`,
  )
  const id = await step.asks()
  const ran = await step.ended
  assert.match(ran.stdout, /refused/)
  assert.match(ran.stderr, new RegExp(`nobody let it pass: approval ${id}: nobody answered in time`))
  assert.equal(onServer('refs/heads/late'), '')
  const late = await as(people['anna'] ?? {}, ['approve', id])
  assert.notEqual(late.exitCode, 0)
})

test('the server is killed while a push waits: the same push asked anew has the yes that was given meanwhile', async () => {
  const step = startStep(
    'release',
    `${write('kept.env', freshToken())}; ${commit} kept
    until git push origin HEAD:refs/heads/kept; do touch failed; sleep 1; done`,
  )
  const id = await step.asks()
  await stage.up.stop('SIGKILL')
  const port = (url: string) => new URL(url).port
  const ports = ['--port', port(stage.server), '--gateway-port', port(stage.up.gatewayUrl)]
  again = await startUp(stage.dataFolder, [...ports, '--drain-seconds', '0'])
  const said = await as(people['anna'] ?? {}, ['approve', id])
  assert.equal(said.exitCode, 0, said.stderr)
  const ran = await step.ended
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.ok(existsSync(join(stage.workspace, 'failed')) || /kept/.test(ran.stderr))
  assert.notEqual(onServer('refs/heads/kept'), '')
  const asked = (await entries()).filter(
    ({ type, data }) =>
      type.includes('approval.requested') && JSON.stringify(data).includes('refs/heads/kept'),
  )
  assert.equal(asked.length, 1)
})
