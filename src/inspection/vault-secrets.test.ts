import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Secret, type StepId } from '../lib/index.ts'
import { fingerprintsOf, keysOf, packFingerprints, reckonedVersion } from '../scan/known/index.ts'
import { fillTemplate, seededRandom } from '../scan/rules/index.ts'
import { createVault, seal } from '../vault/index.ts'
import { ringSetup } from '../vault/key-ring.fixture.ts'
import { createVaultSecrets, loadSeed } from './vault-secrets.ts'

const token = () => `tok_${randomBytes(27).toString('base64url')}`

test('every version of a secret is known, at each server, also those that were there before; until it is destroyed', async (t) => {
  const it = ringSetup(t)
  const { store, ring, clock } = await it.server()
  const vault = createVault({ store, key: ring, clock })
  const values = [token(), token(), token()]
  for (const value of values.slice(0, 2)) await vault.set('deploy', new Secret(value))
  const open = () => createVaultSecrets({ store, vault, vaultKey: ring, nowMs: clock.nowMs })
  const [one, two] = [open(), open()]
  assert.equal(one.known(), undefined)
  await Promise.all([one.sweep(), two.sweep()])
  const found = (server: typeof one, text: string) =>
    server
      .known()
      ?.find(Buffer.from(`x ${text} y`))
      .hits.map((hit) => hit.of)
  const version = (n: number, secret = 'deploy') => [{ kind: 'secret', secret, version: n }]
  for (const each of [one, two]) {
    assert.deepEqual(found(each, values[0] ?? ''), version(1))
    assert.deepEqual(found(each, Buffer.from(values[1] ?? '').toString('base64')), version(2))
  }
  // What is on disk has nothing of the secret, and does not open without the vault.
  const rows = await store.read.selectFrom('secret_fingerprints').selectAll().execute()
  assert.equal(rows.length, 2)
  await vault.set('deploy', new Secret(values[2] ?? ''))
  assert.deepEqual(found(one, values[2] ?? ''), [])
  await two.sweep()
  await one.sweep()
  assert.deepEqual([found(one, values[2] ?? ''), found(two, values[2] ?? '')], [version(3), version(3)])
  await store.write((tx) => vault.change(tx).destroy('deploy', 1))
  await store.write((tx) => vault.change(tx).move('deploy', 'prod/deploy'))
  for (const _ of [1, 2]) for (const each of [one, two]) await each.sweep()
  for (const each of [one, two]) {
    assert.deepEqual(found(each, values[0] ?? ''), [])
    assert.deepEqual(found(each, values[1] ?? ''), version(2, 'prod/deploy'))
  }
})

test('what a step was given is known while it lives; a sealed vault leaves nothing', async (t) => {
  const it = ringSetup(t)
  const { store, ring, clock } = await it.server()
  const vault = createVault({ store, key: ring, clock })
  const kept = token()
  await vault.set('deploy', new Secret(kept))
  const secrets = createVaultSecrets({ store, vault, vaultKey: ring, nowMs: clock.nowMs })
  const minted = token()
  const given = { connection: 'github', step: 'stp_1' as StepId, lease: 'lse_1', untilMs: clock.ms + 30_000 }
  secrets.given({ ...given, value: new Secret(minted) })
  secrets.given({ ...given, value: new Secret(kept) })
  await secrets.sweep()
  const found = (text: string) =>
    secrets
      .known()
      ?.find(Buffer.from(text))
      .hits.map((hit) => hit.of.kind)
  assert.deepEqual([found(minted), found(kept)], [['credential'], ['secret']])
  // Another lease has the same value, and lives longer.
  secrets.given({ ...given, lease: 'lse_2', untilMs: clock.ms + 60_000, value: new Secret(minted) })
  clock.ms += 30_001
  await secrets.sweep()
  assert.partialDeepStrictEqual(secrets.known()?.find(Buffer.from(minted)).hits, [{ of: { lease: 'lse_2' } }])
  clock.ms += 30_000
  await secrets.sweep()
  assert.deepEqual([found(minted), found(kept)], [[], ['secret']])
  secrets.forget()
  assert.equal(secrets.known(), undefined)
})

test('what a step was given is known, whatever text of the vault stands in it', async (t) => {
  const it = ringSetup(t)
  const { store, ring, clock } = await it.server()
  const vault = createVault({ store, key: ring, clock })
  const kept = token()
  const values = ['https://sso.corp.example/', 'deploy-bot-production', kept]
  for (const [i, value] of values.entries()) await vault.set(`kept-${i}`, new Secret(value))
  const secrets = createVaultSecrets({ store, vault, vaultKey: ring, nowMs: clock.nowMs })
  await secrets.sweep()
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const random = () => randomBytes(24).toString('base64url')
  const claims = { iss: 'https://sso.corp.example/', sub: 'octo/app' }
  const fresh = [
    `deploy-bot-production:${random()}`,
    `postgres://deploy-bot-production:${random()}@db/x`,
    `${part({ alg: 'RS256' })}.${part(claims)}.${randomBytes(256).toString('base64url')}`,
    `${kept}.${random()}`,
  ]
  const given = (value: string, i: number) =>
    secrets.given({
      ...{ connection: 'db', step: `stp_${i}` as StepId, lease: `lse_${i}`, untilMs: clock.ms + 60_000 },
      value: new Secret(value),
    })
  for (const [i, value] of [...fresh, kept, `Bearer ${kept}`].entries()) given(value, i)
  const found = (text: string) => secrets.known()?.find(Buffer.from(` ${text}\n`)).hits ?? []
  for (const [i, value] of fresh.entries())
    assert.ok(
      found(value).some(
        ({ of, isCertain }) => of.kind === 'credential' && of.lease === `lse_${i}` && isCertain,
      ),
      value,
    )
  // What the vault has is known as that, also behind a word.
  for (const text of [kept, `Bearer ${kept}`])
    assert.deepEqual(
      found(text).map(({ of }) => of.kind),
      ['secret'],
    )
})

test('what rules would find in a file of the vault is known, in whatever form that file has it', async (t) => {
  const it = ringSetup(t)
  const { store, ring, clock } = await it.server()
  const vault = createVault({ store, key: ring, clock })
  const random = seededRandom(5)
  const made = () => fillTemplate('ghp_{alnum:30}{github-crc}', random)
  const files: Record<string, (secret: string) => string> = {
    prose: (secret) => `For the nightly build we use ${secret}, and mail Anna if it fails.\nNothing else.`,
    'a script': (secret) => `set -e\ncurl -u "me:${secret}" https://api.example.test/x\necho done`,
    'base64 in a script': (secret) =>
      `set -e\necho ${Buffer.from(`login:${secret}\nof the robot`).toString('base64')} | base64 -d`,
    'a name that says nothing': (secret) => `a=1\nDB_PASSWORD=${token()}\nthing=${secret}\n`,
    'JSON without a name': (secret) => JSON.stringify({ values: ['x', secret] }),
  }
  const secrets = createVaultSecrets({ store, vault, vaultKey: ring, nowMs: clock.nowMs })
  const inside = new Map<string, string>()
  for (const [i, [what, file]] of Object.entries(files).entries()) {
    inside.set(what, made())
    await vault.set(`file-${i}`, new Secret(file(inside.get(what) ?? '')))
  }
  await secrets.sweep()
  for (const [i, [what, secret]] of [...inside].entries())
    assert.partialDeepStrictEqual(
      secrets.known()?.find(Buffer.from(`x ${secret}`)).hits,
      [{ of: { kind: 'secret', secret: `file-${i}` }, isCertain: true }],
      what,
    )
})

test('what an older Mayfly made is good until it is made anew; names that are kept elsewhere hold up no others', async (t) => {
  const it = ringSetup(t)
  const { store, ring, clock } = await it.server()
  const vault = createVault({ store, key: ring, clock })
  const password = token()
  const old = token()
  await vault.set('deploy', new Secret(`USER=x\nPASSWORD=${password}\n`))
  for (let i = 0; i < 25; i++) await vault.set(`away-${i}`, new Secret(token()))
  const elsewhere = {
    opened: async (...[name, how]: Parameters<typeof vault.opened>) => {
      const opened = await vault.opened(name, how)
      return name.startsWith('away') ? { ...opened, store: 'corp' } : opened
    },
  }
  const seed = keysOf((await loadSeed(store, ring)).reveal())
  const sealed = seal(
    ring,
    'fingerprints of secret "deploy" version 1',
    packFingerprints(fingerprintsOf(old, seed)),
  )
  await store.write((tx) =>
    tx.insertInto('secret_fingerprints').values({ name: 'deploy', version: 1, sealed }).execute(),
  )
  const secrets = createVaultSecrets({ store, vault: elsewhere, vaultKey: ring, nowMs: clock.nowMs })
  await secrets.sweep()
  const isFound = (text: string) => secrets.known()?.find(Buffer.from(` ${text} `)).hits.length === 1
  assert.deepEqual([isFound(old), isFound(password)], [true, false])
  for (let i = 0; i < 3; i++) await secrets.sweep()
  assert.deepEqual([isFound(old), isFound(password)], [false, true])
  const rows = await store.read.selectFrom('secret_fingerprints').select(['name', 'reckoned']).execute()
  assert.deepEqual(
    rows.map(({ name, reckoned }) => [name, reckoned]),
    [['deploy', reckonedVersion]],
  )
})
