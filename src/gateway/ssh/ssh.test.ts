import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test, type TestContext } from 'node:test'
import { Secret, systemClock } from '../../lib/index.ts'
import { createRecordings, type Recordings } from '../../recordings/index.ts'
import { openStore } from '../../store/index.ts'
import { startSshd, type Sshd } from '../../../test/e2e/sshd.ts'
import { openDoor } from '../door.fixture.ts'
import { acceptedIn, compileRules, openWorld } from '../gateway.fixture.ts'

const run = promisify(execFile)

/** An authority of the test and a certificate by it, as the issuer makes them. */
function makeKeys(folder: string, principal: string) {
  const at = (name: string) => join(folder, name)
  const keygen = (...words: string[]) => execFileSync('ssh-keygen', ['-q', ...words])
  for (const name of ['ca', 'key']) keygen('-t', 'ed25519', '-N', '', '-f', at(name))
  keygen('-s', at('ca'), '-I', 'test', '-n', principal, '-V', '-1m:+5m', at('key.pub'))
  const read = (name: string) => readFileSync(at(name), 'utf8')
  return { ca: read('ca.pub'), privateKey: read('key'), certificate: read('key-cert.pub').trim() }
}

async function sshWorld(
  t: TestContext,
  sshd: Sshd,
  keys: ReturnType<typeof makeKeys>,
  folder: string,
  grants: readonly string[],
  {
    hostKey = sshd.hostKey,
    recordings,
    ...more
  }: { hostKey?: string; recordings?: Recordings; record_input?: true; credential?: object } = {},
) {
  const world = await openWorld(t, recordings === undefined ? {} : { recordings })
  const web = {
    ...{ kind: 'ssh', url: 'ssh://web.test', dial: `127.0.0.1:${sshd.port}`, host_keys: [hostKey] },
    credential: { 'ssh-certificate': { ca: 'secret:ca', principals: ['deploy'] } },
    ...more,
  }
  const rules = compileRules({ web }, grants)
  world.setTargets(rules.targets, rules.policy)
  if ('ssh-certificate' in web.credential)
    world.brokers.minted.set('web', {
      private_key: new Secret(keys.privateKey),
      certificate: new Secret(keys.certificate),
    })
  const port = await openDoor(t, world, 'web.test:22')
  const known = join(folder, `known-${port}`)
  writeFileSync(known, `web.test ${world.gateway.hostKey(world.step.session)}\n`)
  const options = [
    ...['-F', 'none', '-o', 'HostKeyAlias=web.test', '-o', `UserKnownHostsFile=${known}`],
    ...['-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes', '-o', 'IdentityAgent=none'],
  ]
  const tool = async (name: string, args: readonly string[], input: string | Buffer = '') => {
    const asked = run(name, [...args], { timeout: 30_000, maxBuffer: 50_000_000 })
    asked.child.stdin?.end(input)
    return asked.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        stdout,
        stderr,
      }),
    )
  }
  const ssh = (command: string, input?: string | Buffer, ...more: string[]) =>
    tool('ssh', [...options, '-p', String(port), ...more, `${sshd.user}@127.0.0.1`, command], input)
  return { world, tool, ssh, options, port }
}

test('ssh: commands, files and forwarding by OpenSSH’s own clients, to a real host', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-ssh-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const keys = makeKeys(folder, 'deploy')
  const sshd = await startSshd(keys.ca, 'deploy\n')
  if (sshd === undefined) return t.skip('OpenSSH is not installed, or nobody but root is here')
  t.after(() => sshd[Symbol.dispose]())
  const { user } = sshd
  const there = join(folder, 'there')
  mkdirSync(join(there, 'www'), { recursive: true })
  const owner = process.getuid?.() === 0 ? Number(execFileSync('id', ['-u', user])) : undefined
  for (const path of [there, join(there, 'www')]) if (owner !== undefined) chownSync(path, owner, owner)
  chmodSync(folder, 0o755)
  writeFileSync(join(there, 'other'), 'other')
  writeFileSync(join(folder, 'site.html'), 'x'.repeat(2_000_000))
  const echo = createServer((socket) => socket.pipe(socket))
  await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done))
  t.after(() => echo.close())
  const echoPort = (echo.address() as AddressInfo).port
  const { world, ssh, tool, options, port } = await sshWorld(t, sshd, keys, folder, [
    ...[`ssh:exec web/${user}/echo *`, `ssh:exec web/${user}/sh -c *`, `ssh:exec web/${user}/sleep 30`],
    ...[`ssh:exec web/${user}/cat`, `ssh:script web/${user}/exit 3; true`],
    ...[`ssh:script web/${user}/kill -*`, `ssh:script web/${user}/: *`],
    ...[`ssh:write web/${user}${there}/www/*`, `ssh:forward web/${user}/127.0.0.1:${echoPort}`],
  ])

  await t.test('a command runs as the user, with its input, output, errors and exit', async () => {
    assert.deepEqual(await ssh('echo hello world'), { code: 0, stdout: 'hello world\n', stderr: '' })
    assert.equal((await ssh('exit 3; true')).code, 3)
    const failed = await ssh("sh -c 'nosuchcommand'")
    assert.equal(failed.code, 127)
    assert.match(failed.stderr, /nosuchcommand/)
    const long = `: ${'x'.repeat(15_000)}; echo there`
    assert.equal((await ssh(long)).stdout, 'there\n')
    const big = 'line of text\n'.repeat(300_000)
    assert.ok((await ssh('cat', big)).stdout === big)
  })

  await t.test('a signal ends a command for the client, whatever it is called', async () => {
    for (const signal of ['TERM', 'BUS']) {
      const { code, stderr } = await ssh(`kill -${signal} $$`)
      assert.equal(code, 255, stderr)
    }
  })

  await t.test('only what works is offered', async () => {
    const gex = ['-o', 'KexAlgorithms=diffie-hellman-group-exchange-sha256']
    assert.match((await ssh('echo hi', '', ...gex)).stderr, /no matching key exchange method/)
  })

  await t.test('what no grant can name is refused with what to do', async () => {
    assert.match((await ssh('echo a\necho b')).stderr, /a command has one line: .*bash -s <<'EOF'/)
    assert.match((await ssh(`echo ${'x'.repeat(20_000)}`)).stderr, /at most 16000 characters, this one 20005/)
  })

  await t.test('what no grant allows is refused before the host hears of it', async () => {
    const sessions = () => sshd.log().split('Starting session:').length
    const before = sessions()
    for (const command of [
      'id',
      'echo hi; id',
      'echo $(id)',
      'echo `id`',
      'echo x | sh',
      'echo hi\nid',
      'echo a && id',
    ]) {
      const { code, stderr, stdout } = await ssh(command)
      assert.deepEqual([code, stdout], [126, ''], command)
      assert.match(stderr, /mayfly: refused: ssh:/, command)
    }
    const another = await tool('ssh', [...options, '-p', String(port), 'root@127.0.0.1', 'echo hi'])
    assert.match(another.stderr, /to its grants in mayfly.yaml: "ssh:exec web\/root\/echo hi"/)
    assert.equal(sessions(), before)
  })

  await t.test('scp and sftp have the files that are granted, and no others', async () => {
    const scp = (from: string, to: string) =>
      tool('scp', [...options, '-P', String(port), from, `${user}@127.0.0.1:${to}`])
    const sent = await scp(join(folder, 'site.html'), join(there, 'www', 'index.html'))
    assert.equal(sent.code, 0, sent.stderr)
    assert.equal(readFileSync(join(there, 'www', 'index.html'), 'utf8').length, 2_000_000)
    const folded = await scp(join(folder, 'site.html'), `${there}/www/`)
    assert.equal(folded.code, 0, folded.stderr)
    assert.notEqual((await scp(join(folder, 'site.html'), join(there, 'elsewhere'))).code, 0)
    assert.notEqual((await scp(join(folder, 'site.html'), `${there}/www/../up`)).code, 0)
    assert.ok(!existsSync(join(there, 'elsewhere')) && !existsSync(join(there, 'up')))
    const batch = [
      ...[
        `ls ${there}/www`,
        `get ${there}/www/index.html ${folder}/back`,
        `-get ${there}/other ${folder}/stolen`,
      ],
      ...[
        `mkdir ${there}/www/a`,
        `rename ${there}/www/index.html ${there}/www/a/b`,
        `chmod 600 ${there}/www/a/b`,
      ],
      ...[`-symlink /etc ${there}/www/etc`, `-rm ${there}/other`, `-rename ${there}/www/a/b ${there}/b`],
    ]
    const sftp = await tool(
      'sftp',
      [...options, '-P', String(port), '-b', '-', `${user}@127.0.0.1`],
      `${batch.join('\n')}\n`,
    )
    assert.equal(sftp.code, 0, sftp.stderr)
    assert.equal(readFileSync(join(folder, 'back')).length, 2_000_000)
    assert.ok(existsSync(join(there, 'www/a/b')) && existsSync(join(there, 'other')))
    assert.ok(!existsSync(join(folder, 'stolen')) && !existsSync(join(there, 'www/etc')))
    assert.match(sftp.stderr, /mayfly: refused: .*links are not made/)
    const named = await tool('scp', [
      ...options,
      ...['-P', String(port), `${user}@127.0.0.1:${there}/other`, join(folder, 'stolen')],
    ])
    assert.match(named.stderr, new RegExp(`mayfly: refused: ssh:read web/${user}${there}/other`))
    const granted = world.audit
      .ofType('access.granted')
      .flatMap(({ data }) => data['operations'] as { action: string; path: string }[])
    for (const name of ['index.html', 'a/', 'a/b'])
      assert.ok(
        granted.some(({ action, path }) => action === 'ssh:write' && path === `${user}${there}/www/${name}`),
      )
  })

  await t.test('a port behind the host is reached where it is granted, nothing leads back', async () => {
    const passed = await tool(
      'ssh',
      [...options, '-p', String(port), '-W', `127.0.0.1:${echoPort}`, `${user}@127.0.0.1`],
      'ping',
    )
    assert.equal(passed.stdout, 'ping')
    const refused = await tool(
      'ssh',
      [...options, '-p', String(port), '-W', '127.0.0.1:22', `${user}@127.0.0.1`],
      'ping',
    )
    assert.notEqual(refused.code, 0)
    const back = await ssh('echo x', '', '-R', '0:127.0.0.1:1', '-o', 'ExitOnForwardFailure=yes')
    assert.notEqual(back.code, 0)
    assert.equal((await ssh('echo x', '', '-A', '-X')).code, 0)
  })

  await t.test('what was done is recorded, the credential is not', async () => {
    await world.gateway.recordDownloads(world.step)
    const done = world.audit
      .ofType('operations.done')
      .flatMap(({ data }) => data['operations'] as { operation: string; facts: unknown }[])
    const hello = done.find(({ operation }) => operation === `ssh:exec web/${user}/echo hello world`)
    assert.deepEqual(hello?.facts, { sent: 0, received: 12, exit: 0 })
    assert.ok(done.some(({ operation }) => operation === `ssh:write web/${user}${there}/www/index.html`))
    // What was refused was not done.
    assert.ok(!done.some(({ operation }) => operation.endsWith(`${there}/b`)))
    const renamed = done.filter(
      ({ operation, facts }) =>
        operation.endsWith('www/a/b') && (facts as { request: string }).request === 'rename',
    )
    assert.equal(renamed.length, 1)
    const bus = done.find(({ operation }) => operation.endsWith('kill -BUS $$'))
    assert.match(JSON.stringify(bus?.facts), /"signal":"SIG/)
    assert.ok(!JSON.stringify(world.audit.events).includes('PRIVATE KEY'))
  })

  await t.test('a host with another key is hung up on', async () => {
    const other = `ssh-ed25519 ${readFileSync(join(folder, 'key.pub'), 'utf8').split(' ')[1]}`
    const impostor = await sshWorld(t, sshd, keys, folder, [`ssh:exec web/${user}/echo *`], {
      hostKey: other,
    })
    const { code, stderr } = await impostor.ssh('echo hi')
    assert.equal(code, 126)
    assert.match(stderr, /shows a host key that connection "web" does not name/)
  })

  await t.test('a host that does not let in is told of by what to look at', async () => {
    const elsewhere = mkdtempSync(join(folder, 'elsewhere-'))
    const others = makeKeys(elsewhere, 'deploy')
    const said = async (
      of: ReturnType<typeof makeKeys>,
      credential: object | undefined,
      ...more: string[]
    ) => {
      const grants = [`ssh:exec web/${user}/echo *`]
      const one = await sshWorld(t, sshd, of, folder, grants, credential === undefined ? {} : { credential })
      return (await one.ssh('echo hi', '', ...more)).stderr
    }
    assert.match(await said(others, undefined), /is not among its principals \("deploy"\); add it there/)
    const named = { 'ssh-certificate': { ca: 'secret:ca', principals: [user] } }
    assert.match(await said(others, named), /does the host trust its CA/)
    assert.match(
      await said(keys, { 'ssh-key': 'secret:no-key' }),
      /secret "no-key" is no private key .*secret set/,
    )
    assert.match(await said(keys, { basic: 'secret:web' }), /\(secret "web"\): .*PasswordAuthentication/)
    const bare = { 'ssh-certificate': { ca: 'secret:ca', principals: ['deploy'], extensions: [] } }
    execFileSync('ssh-keygen', [
      ...['-q', '-s', join(folder, 'ca'), '-I', 'bare', '-n', 'deploy', '-V', '-1m:+5m'],
      ...['-O', 'no-pty', join(folder, 'key.pub')],
    ])
    const certificate = readFileSync(join(folder, 'key-cert.pub'), 'utf8').trim()
    assert.match(
      await said({ ...keys, certificate }, bare, '-tt'),
      /has no permit-pty, add it to `extensions` of the connection's ssh-certificate/,
    )
  })

  await t.test('a session at a terminal is recorded, or there is none', async (t) => {
    const store = openStore(join(folder, 'mayfly.db'))
    const limits = { keepSeconds: 3_600, maxTotalBytes: 1_000_000 }
    const recordings = await createRecordings({
      ...{ store, clock: systemClock, folder: join(folder, 'recordings'), limits: () => limits },
    })
    const grants = [`ssh:shell web/${user}`, `ssh:exec web/${user}/echo *`]
    const one = await sshWorld(t, sshd, keys, folder, grants, { recordings, record_input: true })
    const secretLine = keys.privateKey.split('\n')[1] ?? ''
    const shell = (input: string, ...more: string[]) =>
      one.tool('ssh', [...one.options, '-p', String(one.port), ...more, `${user}@127.0.0.1`], input)
    const shown = await shell(`stty -echo; echo four$((40+2)); echo '${secretLine}'; exit 3\n`, '-tt')
    if (sshd.log().includes('chown(/dev/pts')) return t.skip('sshd has no terminals here but as root')
    assert.match(shown.stdout, /four42/, shown.stderr)
    assert.equal(shown.code, 3)
    assert.ok(shown.stdout.includes(secretLine))
    await shell('echo plain; echo bad >&2; exit\n', '-T')
    await one.tool(
      'ssh',
      [...one.options, '-p', String(one.port), '-tt', `${user}@127.0.0.1`, 'echo terminal'],
      '',
    )
    assert.equal((await one.ssh('echo none')).code, 0)
    const done = await acceptedIn(one.world, 'operations.done', 4)
    const casts = done.map(({ facts }) => {
      const { recording, recording_sha256: sha256 } = facts as Record<string, string>
      if (recording === undefined) return ''
      const cast = readFileSync(join(folder, 'recordings', `${recording}.cast`))
      assert.equal(createHash('sha256').update(cast).digest('hex'), sha256)
      return cast.toString()
    })
    const all = (cast: string, code: string) =>
      cast
        .split('\n')
        .slice(1, -1)
        .map((line) => JSON.parse(line) as [number, string, string])
        .flatMap(([, is, said]) => (is === code ? [said] : []))
        .join('')
    const castWith = (text: string) => casts.find((cast) => cast.includes(text)) ?? ''
    const [first, second, third] = ['four42', 'plain', 'terminal'].map(castWith) as [string, string, string]
    assert.match(all(first, 'o'), /four42\r\n/)
    assert.match(all(first, 'i'), /^stty -echo/)
    assert.ok(first.includes('***') && !first.includes(secretLine))
    assert.match(all(second, 'o'), /plain\n/)
    assert.match(all(second, 'o'), /bad\n/)
    assert.equal(all(third, 'o'), 'terminal\r\n')
    assert.ok(casts.includes(''))
    const ids = one.world.audit.ofType('access.granted').map(({ data }) => data['recording'])
    assert.equal(ids.filter((id) => typeof id === 'string' && recordings.find(id) !== undefined).length, 3)

    limits.maxTotalBytes = 1
    const before = sshd.log().split('Starting session').length
    const refused = await shell('echo hi\n', '-tt')
    assert.equal(refused.code, 126)
    assert.match(refused.stderr + refused.stdout, /recordings.max_total/)
    assert.equal(sshd.log().split('Starting session').length, before)
    limits.maxTotalBytes = (await recordings.list()).reduce((sum, { bytes }) => sum + bytes, 3_000)
    const cut = await shell('seq 100000; exit\n', '-tt')
    assert.notEqual(cut.code, 0)
    assert.match(cut.stderr + cut.stdout, /recordings.max_total/)
    await store.close()
  })

  await t.test('the end of the step ends what runs there', async () => {
    const running = ssh('sleep 30')
    await new Promise((next) => setTimeout(next, 500))
    world.brokers.end(world.step)
    assert.notEqual((await running).code, 0)
  })
})

test('ssh: what a host says as it hangs up is not lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-ssh-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const keys = makeKeys(folder, 'deploy')
  const { default: ssh2 } = await import('ssh2')
  const server = new ssh2.Server({ hostKeys: [keys.privateKey] }, (client) => {
    client.on('error', () => undefined)
    client.on('authentication', (context) => context.accept())
    client.on('session', (accept) =>
      accept().on('exec', (take) => {
        take()
        // 2: a host that takes what the gateway sends for wrong.
        ;(client as unknown as { _protocol: { disconnect(reason: number): void } })._protocol.disconnect(2)
      }),
    )
  })
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', () => done()))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const hostKey = readFileSync(join(folder, 'key.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
  const host = { port, user: 'deploy', hostKey } as Sshd
  const credential = { basic: 'secret:web' }
  const {
    world,
    ssh,
    options,
    port: door,
    tool,
  } = await sshWorld(t, host, keys, folder, ['ssh:exec web/deploy/*'], { credential })
  assert.match((await ssh('echo hi')).stderr, /mayfly: the host closed the connection: PROTOCOL_ERROR/)
  const long = await tool('ssh', [
    ...options,
    '-p',
    String(door),
    'deploy@127.0.0.1',
    `echo ${'x'.repeat(60_000)}`,
  ])
  assert.notEqual(long.code, 0)
  const { denied } = world.gateway.activity(world.step.id)
  assert.ok(denied.some(({ reason }) => reason.includes('more than 35,000 bytes')))
})
