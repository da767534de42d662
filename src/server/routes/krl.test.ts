import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secret, sha256Hex } from '../../lib/index.ts'
import { openServer, policyText } from '../server.fixture.ts'

const policy = policyText()
  .replace(
    'people:',
    `  shop:
    kind: tcp
    url: tcp://shop.internal:22
    credential: { ssh-certificate: { ca: secret:ca, principals: [deploy], krl: hosts } }
    deliver: { files: { .ssh/id_ed25519: "{private_key}", .ssh/id_ed25519-cert.pub: "{certificate}" } }
people:`,
  )
  .replace('repository_id: "1296269" }', 'repository_id: "1296269", event: push }')
  .replace('grants: [git:read git/octo-org/app]', 'grants: [git:read git/octo-org/app, tcp:credential shop]')

const missing = spawnSync('ssh-keygen', ['-?']).error !== undefined && 'OpenSSH is not installed'

test(
  'the list of revoked SSH certificates is made of the leases: from the end of a step until the certificate’s own',
  { skip: missing },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-krl-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const at = (name: string) => join(folder, name)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('ca')])
    const it = await openServer(t, { policy })
    await it.vault.set('ca', new Secret(readFileSync(at('ca'), 'utf8')))
    const fetchList = async (name = 'hosts') => {
      const answer = await fetch(`${it.url}/v1/krl/${name}`)
      const bytes = Buffer.from(await answer.arrayBuffer())
      if (answer.ok) writeFileSync(at('krl'), bytes)
      return { status: answer.status, bytes }
    }
    const version = ({ bytes }: { bytes: Buffer }) => bytes.readBigUInt64BE(12)
    const saysOf = (certificate: string) =>
      spawnSync('ssh-keygen', ['-Q', '-f', at('krl'), certificate], { encoding: 'utf8' }).stdout

    const empty = await fetchList()
    assert.equal(empty.status, 200)
    assert.equal((await fetchList('others')).status, 404)

    const signer = await it.signer()
    const session = (await it.exchange(signer, it.identityToken(), 'build')).body
    const certificateOf = async (name: string) => {
      const json = {
        name,
        role: 'build',
        tier: 'B',
        command: 'ssh shop',
        workspace: { kind: 'fresh', id: sha256Hex(name) },
      }
      const step = (await it.prove(signer, '/v1/steps', { token: String(session['access_token']), json }))
        .body
      const path = `/v1/steps/${String(step['step_id'])}`
      const token = String(step['access_token'])
      const given = await it.prove(signer, `${path}/credentials`, { token, json: { home: '/home/step' } })
      assert.equal(given.status, 200, JSON.stringify(given.body))
      const [{ fields }] = given.body['credentials'] as [{ fields: Record<string, string> }]
      writeFileSync(at(name), `${fields['certificate']}\n`)
      const end = () =>
        it.prove(signer, `${path}/finish`, { token, json: { reason: 'finished', exit_code: 0 } })
      return { file: at(name), end }
    }
    const [over, open] = [await certificateOf('over'), await certificateOf('open')]
    it.clock.aheadMs += 1
    const before = await fetchList()
    assert.match(saysOf(over.file), /: ok\n$/)
    const ended = await over.end()
    assert.equal(ended.status, 200, JSON.stringify(ended.body))
    it.clock.aheadMs += 1
    const after = await fetchList()
    assert.match(saysOf(over.file), /: REVOKED\n$/)
    assert.match(saysOf(open.file), /: ok\n$/)
    assert.ok(version(empty) < version(before) && version(before) < version(after))
    assert.ok(after.bytes.length > before.bytes.length)
    // sshd refuses it by itself by then, also where its clock is some minutes behind.
    it.clock.aheadMs += 24 * 3_600_000
    const later = await fetchList()
    assert.equal(later.bytes.length, empty.bytes.length)
    assert.match(saysOf(over.file), /: ok\n$/)
  },
)
