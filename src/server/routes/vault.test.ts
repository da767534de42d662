import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPeople, loadRunKeys } from '../../broker/index.ts'
import type { SessionId } from '../../lib/index.ts'
import { createSigningKeys } from '../../oidc-issuer/index.ts'
import { anna, openServer, policyText } from '../server.fixture.ts'

const build = 'build'

test('seal: sessions end, nothing is issued and the identity token stays unused; unseal', async (t) => {
  const rotated = 'secrets: { git: { rotation: { every: 30d, by: { command: { name: nobody } } } } }'
  const it = await openServer(t, { secrets: { git: 'a:b' }, policy: `${policyText()}\n${rotated}\n` })
  const [signer, token] = [await it.signer(), it.identityToken()]
  const open = await it.exchange(await it.signer(), it.identityToken({ jti: 'first' }), build)
  assert.equal(open.status, 200, JSON.stringify(open.body))
  assert.equal((await it.asAdmin('POST', '/v1/vault/seal', {})).status, 200)
  const rows = await it.store.read.selectFrom('sessions').select('end_reason').execute()
  assert.deepEqual(
    rows.map(({ end_reason: why }) => why),
    ['vault_sealed'],
  )
  const refused = await it.exchange(signer, token, build)
  assert.deepEqual([refused.status, refused.body['error']], [503, 'vault_sealed'])
  await assert.rejects(it.vault.open('git'), { code: 'vault_sealed' })
  const rotating = await it.asAdmin('POST', '/v1/rotations/git', { now: true })
  assert.equal(rotating.status, 503, 'it does not wait unheard')
  assert.match(String(rotating.body['detail']), /an operator sealed the vault/)
  const { body } = await it.call('GET', '/readyz')
  assert.match(JSON.stringify(body), /"ready":false.*vault: an operator sealed the vault/)
  const status = await it.asAdmin('GET', '/v1/vault')
  assert.equal(status.body['state'], 'sealed')
  assert.equal((await it.asAdmin('POST', '/v1/vault/unseal', {})).status, 200)
  assert.equal((await it.exchange(signer, token, build)).status, 200)
  assert.equal((await it.vault.open('git')).reveal(), 'a:b')
  assert.deepEqual(
    it.audit.types().filter((type) => type.startsWith('vault.')),
    ['vault.sealed', 'vault.sealed', 'vault.unsealed'],
  )
})

test('rotate-key: what its owners have sealed opens afterwards, by the new key alone', async (t) => {
  const it = await openServer(t, { secrets: { 'prod/db': 'a:b' } })
  const { store, vaultKey, clock } = it
  const person = await createPeople({ store, vaultKey, clock }).find('issuer:1', undefined)
  const seed = (await loadRunKeys({ store, vaultKey }))('ses' as SessionId)
  const begun = await it.asAdmin('POST', '/v1/vault/rotate-key', {})
  assert.equal(begun.body['begun'], true)
  for (let i = 0; i < 50; i++) {
    const step = await it.vaultControl.rotation.step()
    assert.deepEqual(step.broken, [])
    if (step.finish !== undefined) await store.write(async (tx) => void (await step.finish?.(tx)))
    if (step.finish !== undefined) break
    clock.aheadMs += 5_000
  }
  const { keys, older } = await it.vaultControl.status()
  assert.deepEqual([older, keys.map(({ retired }) => retired !== null)], [0, [true, false]])
  // As if the old key were gone.
  await store.write((tx) => tx.deleteFrom('vault_keys').where('retired_ms', 'is not', null).execute())
  vaultKey.forget('a restart')
  await it.vaultControl.open()
  assert.equal((await it.vault.open('prod/db')).reveal(), 'a:b')
  assert.deepEqual(await createPeople({ store, vaultKey, clock }).find('issuer:1', undefined), person)
  assert.deepEqual((await loadRunKeys({ store, vaultKey }))('ses' as SessionId), seed)
  await createSigningKeys({ store, vaultKey, clock })
})

test('what is refused stands in the log as refused, never as done', async (t) => {
  const it = await openServer(t)
  const vault = async (act: string, body = {}) => (await it.asAdmin('POST', `/v1/vault/${act}`, body)).status
  assert.equal(await vault('rekey', { to: 'nope' }), 422)
  assert.equal(await vault('rekey', { passphrase: 'x'.repeat(12) }), 400, 'a key file takes none')
  assert.equal(await vault('unseal', { passphrase: 'x'.repeat(12) }), 200, 'open already: nothing is tried')
  assert.equal(await vault('unseal', { passphrase: 'x'.repeat(12), new: true }), 409)
  assert.equal(await vault('seal'), 200)
  assert.equal(await vault('seal'), 200)
  assert.equal(await vault('rekey'), 503)
  assert.equal(await vault('rotate-key'), 503)
  assert.equal(await vault('unseal', { passphrase: 'x'.repeat(12) }), 400, 'nor does it open with one')
  assert.equal(await vault('unseal'), 200)
  assert.equal(await vault('rotate-key'), 200)
  assert.equal(await vault('rotate-key'), 200, 'under way')
  const entries = it.audit.entries.filter(({ type }) => type.startsWith('vault.'))
  assert.deepEqual(
    entries.map(({ type, data }) => (type === 'vault.refused' ? [data['act'], data['reason']] : type)),
    [
      ...[
        ['vault.rekeyed', 'config_invalid'],
        ['vault.rekeyed', 'bad_input'],
        ['vault.unsealed', 'conflict'],
      ],
      ...[
        'vault.sealed',
        'vault.sealed',
        ['vault.rekeyed', 'vault_sealed'],
        ['vault.rotated', 'vault_sealed'],
      ],
      ...[['vault.unsealed', 'bad_input'], 'vault.unsealed', 'vault.rotated'],
    ],
  )
  assert.equal(entries[0]?.data['by'], entries[3]?.data['by'])
})

test('refused: without the scope', async (t) => {
  const it = await openServer(t)
  for (const path of ['seal', 'unseal', 'rekey', 'rotate-key'])
    assert.equal((await it.asPerson(anna, 'POST', `/v1/vault/${path}`)).status, 403, path)
  assert.equal((await it.asPerson(anna, 'GET', '/v1/vault')).status, 403)
})
