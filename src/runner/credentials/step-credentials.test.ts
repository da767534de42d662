import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, readFileSync, readdirSync, statSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MayflyError, systemClock } from '../../lib/index.ts'
import { createServerApi } from '../api.ts'
import type { HandedCredential, StepGrant } from '../api-facts.ts'
import { createRedactor } from '../redactor.ts'
import { openBench, temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { makeMemoryFolder } from './memory-folder.ts'
import { takeCredentials } from './index.ts'

const key = `-----BEGIN PRIVATE KEY-----\n${'MC4CAQAwBQYDK2VwBCIEIA'.repeat(3)}\nfirst-line-of-base64/AAAA\n-----END PRIVATE KEY-----\n`

const grant = (delivers = true): StepGrant => ({
  ...{ step_id: 'stp_1', run_id: 'run_1', access_token: 'token', expires_in: 300, heartbeat_seconds: 60 },
  ...{ gateway: 'http://127.0.0.1:1', ca_certificate: '', grants: [] },
  connections: [
    { name: 'orders', kind: 'tcp', url: 'tcp://db:1', authority: 'db:1', ...(delivers ? { delivers } : {}) },
  ],
})

const handed = (
  changes: Partial<HandedCredential> = {},
  password = 'hunter2-first-one',
): HandedCredential => ({
  ...{ connection: 'orders', kind: 'tcp', url: 'tcp://db:1' },
  expires_at: new Date(Date.now() + 600_000).toISOString(),
  fields: { username: 'octo-db-user', password, private_key: key },
  env: { PGUSER: 'octo-db-user', PGPASSWORD: password },
  files: { '.pgpass': `*:*:*:octo-db-user:${password}\n`, '.ssh/id_ed25519': key },
  ...changes,
})

/** STUB of the server: gives the answers one after the other, the last one for good. */
function take(
  answers: readonly HandedCredential[][],
  how = { isolated: true, taken: [] as string[] },
  step = grant(),
) {
  const homes: string[] = []
  const told: string[] = []
  const redactor = createRedactor([])
  const left = [...answers]
  const deps = {
    redactor,
    clock: systemClock,
    tell: (line: string) => void told.push(line),
    api: {
      async credentials(_step: StepGrant, home: string) {
        homes.push(home)
        return (left.length > 1 ? left.shift() : left[0]) ?? []
      },
    },
  }
  return { taking: takeCredentials(deps, step, how), homes, told, redactor, answers: left }
}

test('what a step is handed is masked, line by line, and its files are its own, in memory, and gone at the end', async () => {
  const { taking, homes, redactor } = take([[handed()]])
  const credentials = await taking
  assert.ok(credentials !== undefined)
  const { folder } = credentials
  assert.deepEqual(homes, ['/home/step'])
  assert.equal(credentials.env['PGPASSWORD'], 'hunter2-first-one')
  assert.deepEqual(credentials.paths, ['.pgpass', '.ssh/id_ed25519'])
  assert.equal(readFileSync(join(folder, '.ssh/id_ed25519'), 'utf8'), key)
  assert.ok([0x01021994, 0x858458f6].includes(statfsSync(folder).type), 'in memory')
  for (const [path, mode] of [
    ['', 0o700],
    ['.ssh', 0o700],
    ['.pgpass', 0o600],
    ['.ssh/id_ed25519', 0o600],
  ] as const)
    assert.equal(statSync(join(folder, path)).mode & 0o777, mode, path)
  for (const text of [
    'is hunter2-first-one',
    Buffer.from('hunter2-first-one').toString('base64'),
    key.split('\n')[2],
  ])
    assert.match(redactor.text(text ?? ''), /^(?:is )?\*\*\*$/)
  // A name that stands everywhere stays.
  assert.equal(redactor.text('octo-db-user of mayfly'), 'octo-db-user of mayfly')
  credentials[Symbol.dispose]()
  assert.equal(existsSync(folder), false)
})

test('a step that is handed nothing asks for nothing; without a sandbox its files are in a folder of its own', async () => {
  const none = take([[handed()]], undefined, grant(false))
  assert.equal(await none.taking, undefined)
  assert.deepEqual(none.homes, [])
  const bare = take([[handed()]], { isolated: false, taken: [] })
  using credentials = await bare.taking
  assert.equal(bare.homes[0], credentials?.folder)
})

test('files are replaced before their credential ends, masked first; of variables it is told that they cannot be', async (t) => {
  const first = handed({ expires_at: new Date(Date.now() + 10_300).toISOString() })
  const second = handed({}, 'hunter2-second-one')
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { taking, redactor, told, homes } = take([[first], [second]])
  using credentials = await taking
  const file = join(credentials?.folder ?? '', '.pgpass')
  const inode = lstatSync(file).ino
  const rewritten = new Promise<void>((done) => {
    const look = setInterval(() => {
      if (lstatSync(file).ino === inode) return
      clearInterval(look)
      done()
    }, 5)
  })
  t.mock.timers.tick(8_000)
  await rewritten
  assert.match(readFileSync(file, 'utf8'), /hunter2-second-one/)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(redactor.text('hunter2-second-one'), '***')
  assert.equal(homes.length, 2)
  await new Promise((next) => setImmediate(next))
  assert.match(
    told.join(),
    /orders has another credential now; PGPASSWORD of what runs already cannot change/,
  )
})

test('when the server says that something of it is dead it is asked for again at once, and until there is another', async () => {
  const { taking, told, homes, answers } = take([[handed()]])
  using credentials = await taking
  assert.ok(credentials !== undefined)
  const file = join(credentials.folder, '.pgpass')
  answers[0] = [handed({}, 'hunter2-second-one')]
  credentials.renew()
  credentials.renew()
  for (let i = 0; i < 400 && !readFileSync(file, 'utf8').includes('second'); i++)
    await new Promise((next) => setTimeout(next, 5))
  assert.match(readFileSync(file, 'utf8'), /hunter2-second-one/)
  assert.equal(homes.length, 2)
  assert.deepEqual(
    told.filter((line) => !line.includes('PGPASSWORD')),
    [
      'mayfly: a credential that the step was handed was revoked: another one is asked for',
      'mayfly: the step has other credentials now',
    ],
  )
})

test('refused: two that hand over one name, names that lead out of the folder, one that a cache has', async () => {
  const refused = async (credentials: HandedCredential[], taken: string[] = []) => {
    await assert.rejects(take([credentials], { isolated: true, taken }).taking, MayflyError)
    const left = readdirSync('/dev/shm').filter((name) => name.includes(`-${process.pid}-`))
    assert.deepEqual(left, [])
  }
  await refused([handed(), handed({ connection: 'other' })])
  for (const path of ['../x', '/x', 'a/../../x', 'a/..', '.', 'a b', '', 'a/'])
    await refused([handed({ files: { [path]: 'x' } })])
  for (const name of ['A=B', '', '1A', 'A\0']) await refused([handed({ env: { [name]: 'x' } })])
  await refused([handed({ files: { '.m2/settings.xml': 'x' } })], ['/home/step/.m2'])
})

test('nothing is fetched in the clear from another machine, and a machine without memory folders hands over no file', async () => {
  const api = createServerApi({ url: 'http://mayfly.example.com', signer: undefined as never })
  await assert.rejects(api.credentials(grant(), '/home/step'), /would cross the network in the clear/)
  assert.throws(
    () => makeMemoryFolder({ orOnDisk: false }, ['/proc', '/nonexistent']),
    /kept in memory alone/,
  )
  using onDisk = makeMemoryFolder({ orOnDisk: true }, ['/nonexistent'])
  assert.equal(statSync(onDisk.path).mode & 0o777, 0o700)
})

test('what a killed supervisor left is removed at the next start', async () => {
  const script = `import { makeMemoryFolder } from ${JSON.stringify(new URL('memory-folder.ts', import.meta.url).href)}
    console.log(makeMemoryFolder({ orOnDisk: true }).path); setInterval(() => 0, 1000)`
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [said] = (await once(supervisor.stdout, 'data')) as [Buffer]
  const left = said.toString().trim()
  assert.ok(existsSync(left))
  supervisor.kill('SIGKILL')
  await once(supervisor, 'exit')
  using next = makeMemoryFolder({ orOnDisk: true })
  for (let i = 0; existsSync(left) && i < 400; i++) await new Promise((later) => setTimeout(later, 10))
  assert.equal(existsSync(left), false)
  assert.equal(dirname(next.path), dirname(left))
})

/** In the sandbox, while its credential is replaced outside. */
async function inSandbox(t: TestContext, script: string) {
  const { taking } = take([[handed()]])
  const credentials = await taking
  assert.ok(credentials !== undefined)
  t.after(() => credentials[Symbol.dispose]())
  const bench = await openBench(t, temporaryFolder(t), {}, { credentials })
  return { credentials, ran: await bench?.sh(script, { HOME: '/home/step' }) }
}

test('a step finds its files in its home, reads them as 0600 of its own, cannot change them, and nothing of them is in its workspace', async (t) => {
  const script = `cat ~/.pgpass ~/.ssh/id_ed25519
stat -L -c '%a %u' ~/.pgpass; id -u
for way in 'echo x > ~/.pgpass' 'rm /run/mayfly/credentials/.pgpass' 'echo x > /run/mayfly/credentials/new'; do sh -c "$way" 2>/dev/null && echo "could: $way"; done
touch ~/.ssh/known_hosts && echo own; find . -mindepth 1`
  const { ran } = await inSandbox(t, script)
  if (ran === undefined) return
  const uid = process.getuid?.()
  assert.equal(ran.stdout, `*:*:*:octo-db-user:hunter2-first-one\n${key}600 ${uid}\n${uid}\nown\n`)
})
