import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { startPostgres, type Postgres } from './postgres.ts'

let stage: Stage
let postgres: Postgres | undefined
/** A service that the job has and that no role allows. */
const other = createServer((socket) => socket.on('error', () => undefined).end('not for steps'))
before(async () => {
  postgres = await startPostgres()
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
  const services = postgres === undefined ? '' : `    services: [${postgres.port}]\n`
  stage = await setStage({ policy: (text) => text.replace(/^ {2}build:\n/m, (line) => `${line}${services}`) })
})
after(async () => {
  other.close()
  postgres?.[Symbol.dispose]()
  await stage[Symbol.asyncDispose]()
})

const inStep = (script: string, options: readonly string[] = []): Promise<Ran> =>
  stage.runJob(['run', '--role', 'build', ...options, '--', 'bash', '-c', script], stage.jobEnvironment())

const withoutProxy =
  'unset HTTP_PROXY http_proxy HTTPS_PROXY https_proxy ALL_PROXY all_proxy NODE_USE_ENV_PROXY;'
const url = 'https://git.example.com/octo-org/links/info/refs?service=git-upload-pack'

/** A folder that the step has as a tool, with this program in it. */
function toolFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-tools-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('curl, git and Node reach a connection without a word of a proxy, in any case of its name, with the credential added', async () => {
  const before = stage.git.seen.length
  const ran = await inStep(
    `${withoutProxy} set -e
     curl -sS --noproxy '*' '${url}' | tail -c +5 | head -1
     curl -sS --noproxy '*' 'https://GIT.Example.COM/octo-org/links/info/refs?service=git-upload-pack' | tail -c +5 | head -1
     git ls-remote -q https://git.example.com/octo-org/links HEAD
     node -e 'fetch("${url}").then((a) => a.text()).then((text) => console.log(text.slice(4, 30)))'`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  const lines = ran.stdout.trim().split('\n')
  assert.equal(lines[0], '# service=git-upload-pack')
  assert.equal(lines[1], '# service=git-upload-pack')
  assert.match(lines[2] ?? '', /^[0-9a-f]{40}\tHEAD$/)
  assert.equal(lines[3], '# service=git-upload-pack')
  const seen = stage.git.seen.slice(before)
  assert.ok(seen.length >= 4 && seen.every(({ status }) => status === 200))
})

test('what the policy does not name has no address, and the same port of another door’s address is nobody’s', async () => {
  const ran = await inStep(
    `${withoutProxy} curl -sS --noproxy '*' https://example.com/; echo $?; curl -sS --noproxy '*' https://git.example.com:8443/; echo $?; getent hosts git.example.com`,
  )
  assert.match(ran.stdout, /^6\n7\n127\.64\.0\.1 +git\.example\.com\n$/)
})

test('what a door’s host refuses is refused there, too, with its line in the job’s output', async () => {
  const ran = await inStep(
    `${withoutProxy} curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' https://git.example.com/octo-org/payroll/info/refs?service=git-upload-pack`,
  )
  assert.equal(ran.stdout, '403')
  assert.match(ran.stderr, /^mayfly: refused: git:read git\/octo-org\/payroll: /m)
})

test('Java reaches a connection, and trusts the run’s CA', async (t) => {
  if (!existsSync('/usr/bin/javac')) return t.skip('no Java on this machine')
  const folder = toolFolder(t)
  writeFileSync(
    join(folder, 'Ask.java'),
    `public class Ask { public static void main(String[] a) throws Exception {
       var c = (java.net.HttpURLConnection) new java.net.URL(a[0]).openConnection();
       System.out.println(c.getResponseCode() + " " + new String(c.getInputStream().readNBytes(30)).substring(4).trim()); } }`,
  )
  execFileSync('/usr/bin/javac', ['-d', folder, join(folder, 'Ask.java')])
  const ran = await inStep(`${withoutProxy} java -cp ${folder} Ask '${url}'`, ['--tools', folder])
  assert.equal(ran.stdout, '200 # service=git-upload-pack\n', ran.stderr)
})

interface Entry {
  readonly type: string
  readonly data: { name?: string; services?: unknown; reported: { services?: unknown } }
}

test('psql reaches the job’s PostgreSQL at localhost, as a service that is named and allowed; the log has it', async (t) => {
  if (postgres === undefined) return t.skip('no PostgreSQL on this machine')
  const { port, psql } = postgres
  const ask = `${psql} -h localhost -p ${port} -U ci -d postgres -Atc`
  const ran = await inStep(
    `${ask} 'select 6*7' && ${ask} 'select count(*) from pg_stat_activity where client_addr is not null'`,
    ['--name', 'ask', '--service', String(port)],
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.equal(ran.stdout, '42\n1\n')
  const run = /mayfly: run (run_\w+)/.exec(ran.stderr)?.[1] ?? ''
  const args = ['audit', 'export', '--format', 'ndjson', '--data', stage.dataFolder, '--run', run]
  let entries: Entry[] = []
  // The log publishes what it holds some moments later.
  const dataOf = (wanted: string) =>
    entries.find(({ type, data }) => type === wanted && data.name === 'ask')?.data
  for (let tries = 0; tries < 200 && dataOf('step.finished') === undefined; tries++) {
    const { stdout } = await stage.operate(args)
    entries = stdout.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line)))
  }
  assert.deepEqual(dataOf('step.started')?.services, [port])
  assert.deepEqual(dataOf('step.finished')?.reported.services, [{ port, connections: 2 }])
})

test('of the runner’s localhost nothing else is there, and what the role does not allow is refused before the step', async () => {
  const { port } = other.address() as AddressInfo
  const direct = await inStep(`curl -sS --noproxy '*' http://localhost:${port}/; echo $?`)
  assert.equal(direct.stdout, '7\n')
  const asked = await inStep('echo ran', ['--service', String(port)])
  assert.deepEqual([asked.exitCode, asked.stdout], [125, ''])
  assert.match(
    asked.stderr,
    new RegExp(
      `asks for service ${port}, which role "build" does not allow: add to roles\\.build in mayfly\\.yaml: services: \\[.*${port}\\]`,
    ),
  )
  const odd = await inStep('echo ran', ['--service', 'postgres'])
  assert.equal(odd.exitCode, 2)
  assert.match(odd.stderr, /--service postgres: it takes the port/)
})

test('a pipeline file names the services of each step', async (t) => {
  if (postgres === undefined) return t.skip('no PostgreSQL on this machine')
  const { port, psql } = postgres
  const file = join(stage.folder, 'services.yaml')
  const ask = `${psql} -h localhost -p ${port} -U ci -d postgres -Atc "select 'reached'"`
  writeFileSync(
    file,
    `steps:\n  - { name: with, role: build, services: [${port}], run: ${JSON.stringify(ask)} }\n  - { name: without, role: build, run: ${JSON.stringify(`! ${ask}`)} }\n`,
  )
  const ran = await stage.runJob(['run', '-f', file], stage.jobEnvironment())
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.equal(ran.stdout.match(/reached/g)?.length, 1)
})
