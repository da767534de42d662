import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startSshd, type Sshd } from '../../../test/e2e/sshd.ts'
import { Secret, systemClock, type LeaseId } from '../../lib/index.ts'
import { sshCertificate as schema } from '../../config/ssh-certificate-schema.ts'
import { coded, connectionAt, field, heldOf, requestFor, toolsWith } from '../issuer.fixture.ts'
import type { Minted, MintRequest } from '../issuer.ts'
import { authorityIn } from './authority.ts'
import { sshCertificate } from './index.ts'
import { krlOf } from './krl.ts'
import { serialOf } from './serial.ts'

const folder = mkdtempSync(join(tmpdir(), 'mayfly-certificates-'))
const at = (name: string) => join(folder, name)
const missing = spawnSync('ssh-keygen', ['-?']).error !== undefined && 'OpenSSH is not installed'
const noServer = 'no sshd, or nobody to run it as (scripts/setup tests)'

const kinds: Readonly<Record<string, readonly string[]>> = {
  ed25519: ['-t', 'ed25519'],
  p256: ['-t', 'ecdsa', '-b', '256'],
  p384: ['-t', 'ecdsa', '-b', '384'],
  p521: ['-t', 'ecdsa', '-b', '521'],
  rsa: ['-t', 'rsa', '-b', '2048'],
  'rsa-pem': ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
  'p256-pkcs8': ['-t', 'ecdsa', '-b', '256', '-m', 'PKCS8'],
}
const secrets: Record<string, string> = {}
let sshd: Sshd | undefined
let tools = toolsWith(secrets)

before(async () => {
  if (missing !== false) return
  for (const [name, args] of Object.entries(kinds)) {
    execFileSync('ssh-keygen', ['-q', ...args, '-N', '', '-C', `${name} CA`, '-f', at(name)])
    secrets[name] = readFileSync(at(name), 'utf8')
  }
  for (const [name, args] of [
    ['locked', ['-t', 'ed25519']],
    ['locked-pem', ['-t', 'rsa', '-m', 'PEM']],
    ['locked-pkcs8', ['-t', 'ecdsa', '-m', 'PKCS8']],
  ] as const) {
    execFileSync('ssh-keygen', ['-q', ...args, '-N', 'a passphrase', '-f', at(name)])
    secrets[name] = readFileSync(at(name), 'utf8')
  }
  execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '1024', '-N', '', '-f', at('small')])
  secrets['small'] = readFileSync(at('small'), 'utf8')
  secrets['nonsense'] = 'a-password-and-no-key'
  secrets['cut'] = `${(secrets['ed25519'] ?? '').slice(0, 120)}\n-----END OPENSSH PRIVATE KEY-----`
  tools = toolsWith(secrets)
  const authorities = Object.keys(kinds).map((name) => readFileSync(at(`${name}.pub`), 'utf8'))
  sshd = await startSshd(authorities.join(''), 'deployers\n', krlOf([], Date.now()))
})
after(() => {
  sshd?.[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

type Config = Partial<MintRequest<'ssh-certificate'>['config']>

function request(config: Config = {}, more: Partial<MintRequest<'ssh-certificate'>> = {}) {
  const usual = { ca: 'secret:ed25519', principals: ['deployers'], extensions: [], within: '5m' }
  return requestFor<'ssh-certificate'>(connectionAt(22), { ...usual, ...config }, more)
}

const mint = (asked = request(), with_ = tools) =>
  sshCertificate.mint(asked, sshCertificate.plan(asked), with_)

let files = 0
function onDisk(made: Minted) {
  const [key, certificate] = [at(`key-${++files}`), at(`key-${files}-cert.pub`)]
  writeFileSync(key, field(made, 'private_key'), { mode: 0o600 })
  writeFileSync(certificate, `${field(made, 'certificate')}\n`)
  return { key, certificate }
}

function login(made: Minted, command = 'echo in') {
  const { key, certificate } = onDisk(made)
  assert.ok(sshd !== undefined)
  return sshd.ssh(key, certificate, command)
}

test('a certificate lets its principals in and nobody else, while it is valid, whatever kind of key the CA has', async (t) => {
  if (sshd === undefined) return t.skip(noServer)
  for (const ca of ['ed25519', 'p521', 'rsa-pem', 'p256-pkcs8'])
    assert.equal(login(await mint(request({ ca: `secret:${ca}` }))).stdout, 'in\n', ca)
  assert.match(login(await mint(request({ principals: ['others'] }))).stderr, /Permission denied/)
  const long = { ...tools, clock: { nowMs: () => systemClock.nowMs() - 3_600_000 } }
  assert.match(login(await mint(request(), long)).stderr, /Permission denied/)
  const early = { ...tools, clock: { nowMs: () => systemClock.nowMs() + 3_600_000 } }
  assert.match(login(await mint(request(), early)).stderr, /Permission denied/)
  // Another server of ours, whose clock is half a minute ahead.
  const ahead = { ...tools, clock: { nowMs: () => systemClock.nowMs() + 30_000 } }
  assert.equal(login(await mint(request(), ahead)).stdout, 'in\n')
  assert.match(
    sshd.log(),
    /ID mayfly run=run_1 step=migrate role=release lease=lse_\d+ \(serial \d+\) CA ED25519/,
  )
})

test('its command, and from where it may come, hold', async (t) => {
  if (sshd === undefined) return t.skip(noServer)
  const forced = await mint(
    request({
      force_command: 'echo "only this: $SSH_ORIGINAL_COMMAND"',
      source_address: ['127.0.0.0/8', '::1'],
    }),
  )
  assert.equal(login(forced, 'cat /etc/passwd').stdout, 'only this: cat /etc/passwd\n')
  assert.match(login(await mint(request({ source_address: ['10.0.0.0/8'] }))).stderr, /Permission denied/)
})

test('one that was revoked is refused by the list, and the others are let in', async (t) => {
  if (sshd === undefined) return t.skip(noServer)
  const [one, other] = [request({ krl: 'hosts' }), request({ krl: 'hosts' })]
  const [revoked, stays] = [await mint(one), await mint(other)]
  assert.equal(login(revoked).stdout, 'in\n')
  const many = Array.from({ length: 1_000 }, (_, i) => `lse_${i}`)
  const list = krlOf([one.lease, ...many], Date.now())
  sshd.setRevoked(list)
  assert.match(login(revoked).stderr, /Permission denied/)
  assert.equal(login(stays).stdout, 'in\n')
  writeFileSync(at('krl'), list)
  const isRevoked = (made: Minted) =>
    spawnSync('ssh-keygen', ['-Q', '-f', at('krl'), onDisk(made).certificate], { encoding: 'utf8' }).stdout
  assert.match(isRevoked(revoked), /: REVOKED\n$/)
  assert.match(isRevoked(stays), /: ok\n$/)
  assert.equal(await sshCertificate.revoke(heldOf(one, {}, revoked), tools), 'revoked')
  assert.equal(await sshCertificate.revoke(heldOf(request(), {}, revoked), tools), 'nothing_to_do')
  assert.deepEqual(sshCertificate.revocation(one.config), { means: 'within', seconds: 300 })
  assert.deepEqual(sshCertificate.revocation(request().config), { means: 'by_expiry' })
  assert.equal(sshCertificate.revocationList?.(one.config), 'hosts')
})

test(
  'ssh-keygen reads all of it: names, options, times; nothing of a step’s name begins another field',
  { skip: missing },
  async () => {
    const asked = request(
      {
        ca: 'secret:p384',
        principals: ['deploy', 'a@b'],
        extensions: ['permit-pty', 'permit-port-forwarding', 'permit-pty'],
        force_command: 'true',
        source_address: ['10.0.0.0/8'],
      },
      { step: 'x role=admin\nCert invalid: ünï', role: 'r'.repeat(200) },
    )
    const made = await mint(asked)
    const { key, certificate } = onDisk(made)
    const read = execFileSync('ssh-keygen', ['-L', '-f', certificate], {
      encoding: 'utf8',
      env: { TZ: 'UTC', PATH: process.env['PATH'] },
    })
    assert.match(read, /user certificate/)
    assert.match(read, new RegExp(`Serial: ${serialOf(asked.lease)}\n`))
    assert.match(
      read,
      /Key ID: "mayfly run=run_1 step=x_role_admin_Cert_invalid:__n_ role=r{100} lease=lse_\d+"\n/,
    )
    assert.match(
      read,
      /Principals: \n\s+deploy\n\s+a@b\n\s+Critical Options: \n\s+force-command true\n\s+source-address 10\.0\.0\.0\/8\n\s+Extensions: \n\s+permit-port-forwarding\n\s+permit-pty\n$/,
    )
    const [, from = '', to = ''] = /Valid: from (\S+) to (\S+)/.exec(read) ?? []
    assert.equal(Date.parse(`${to}Z`) - Date.parse(`${from}Z`), 660_000)
    assert.equal(Date.parse(`${to}Z`), made.expiresMs)
    assert.equal(
      execFileSync('ssh-keygen', ['-y', '-f', key], { encoding: 'utf8' }).trim(),
      field(made, 'public_key'),
    )
    assert.notEqual(field(made, 'private_key'), field(await mint(asked), 'private_key'))
  },
)

test(
  'what a host is asked for is what the grants of a connection of kind ssh allow',
  { skip: missing },
  async () => {
    const usual = request()
    const { extensions: _, ...config } = usual.config
    const of = async (kind: 'ssh' | 'tcp', grants: readonly string[]) => {
      const made = await mint({ ...usual, config, connection: { ...usual.connection, kind }, grants })
      const read = execFileSync('ssh-keygen', ['-L', '-f', onDisk(made).certificate], { encoding: 'utf8' })
      return read.slice(read.indexOf('Extensions:')).match(/permit-[a-z-]+/g) ?? []
    }
    assert.deepEqual(await of('tcp', ['tcp:connect web']), [])
    assert.deepEqual(await of('ssh', ['ssh:exec web/a/ls']), ['permit-pty'])
    assert.deepEqual(await of('ssh', ['ssh:forward web/a/b:1']), ['permit-port-forwarding', 'permit-pty'])
  },
)

test('a CA’s key that cannot be used says why, and nothing of itself', { skip: missing }, async () => {
  for (const [name, message] of [
    ['locked', /"locked".*has a passphrase.*ssh-keygen -p -N ""/],
    ['locked-pem', /has a passphrase/],
    ['locked-pkcs8', /has a passphrase/],
    ['small', /RSA has at least 2048 bits/],
    ['nonsense', /mayfly secret set nonsense/],
    ['cut', /ends before it should/],
  ] as const)
    await assert.rejects(mint(request({ ca: `secret:${name}` })), (error: Error) => {
      assert.ok(!error.message.includes((secrets[name] ?? '').slice(0, 20)))
      return coded('bad_input', message)(error)
    })
  await assert.rejects(mint(request({ principals: [] })), coded('config_invalid', /for everybody/))
  assert.throws(
    () => authorityIn(new Secret('-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA'), 'x'),
    coded('bad_input', /ends before/),
  )
})

test('serials are never 0 and never each other’s; networks are as sshd takes them', () => {
  const serials = Array.from({ length: 10_000 }, (_, i) => serialOf(`lse_${i}` as LeaseId))
  assert.equal(new Set(serials).size, serials.length)
  const problem = (config: object) =>
    schema.safeParse({ ca: 'secret:ca', principals: ['x'], ...config }).success
  for (const good of ['10.0.0.0/8', '10.1.2.3', '::1', '2001:db8::/32', '0.0.0.0/0', '::ffff:0:0/96'])
    assert.ok(problem({ source_address: [good] }), good)
  for (const bad of [
    '10.1.0.0/8',
    '10.0.0.0/33',
    'host',
    '10.0.0.0/8,0.0.0.0/0',
    '2001:db8::1/32',
    '10.0.0.0/08',
    '',
  ])
    assert.ok(!problem({ source_address: [bad] }), bad)
  for (const bad of [
    { principals: [] },
    { principals: ['a,b'] },
    { force_command: 'a\nb' },
    { force_command: '' },
    { krl: '../x' },
  ])
    assert.ok(!problem(bad), JSON.stringify(bad))
})
