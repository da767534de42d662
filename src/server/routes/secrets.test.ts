import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openServer, policyText } from '../server.fixture.ts'

const withSecret = policyText().replace(
  'url: https://git.example.com }',
  'url: https://git.example.com, credential: { basic: secret:git } }',
)

const entriesOf = async (it: Awaited<ReturnType<typeof openServer>>, type: string, count: number) => {
  // Those of what takes away are delivered once the store has them.
  for (let tries = 0; tries < 200 && it.audit.ofType(type).length < count; tries++)
    await new Promise((next) => setTimeout(next, 10))
  return it.audit.ofType(type).map(({ data }) => data)
}

test('deleted, restored, destroyed, moved: in the policy’s use only by force; each stands in the log', async (t) => {
  const it = await openServer(t, { policy: withSecret, secrets: { git: 'a:b', 'old/one': 'x' } })
  const old = '/v1/secrets/old%2Fone'
  await it.asAdmin('PUT', '/v1/secrets/git', { value: 'a:c' })
  for (const [method, path, body] of [
    ['DELETE', '/v1/secrets/git', {}],
    ['POST', '/v1/secrets/git/destroy', {}],
    ['POST', '/v1/secrets/git/destroy', { version: 2 }],
    ['POST', '/v1/secrets/git/move', { to: 'other' }],
  ] as const) {
    const refused = await it.asAdmin(method, path, body)
    assert.equal(refused.status, 409, path)
    assert.match(
      String(refused.body['detail']),
      /connections\.git of the policy in force needs secret "git".*--force/,
    )
  }
  assert.equal((await it.vault.open('git')).reveal(), 'a:c')
  // An older version is needed by nobody.
  const first = await it.asAdmin('POST', '/v1/secrets/git/destroy', { version: 1 })
  assert.deepEqual(first.body, { name: 'git', versions: [1], erased: true })
  assert.equal((await it.asAdmin('POST', '/v1/secrets/git/destroy', { version: 1 })).status, 404)
  assert.deepEqual((await it.asAdmin('DELETE', old, {})).body, { name: 'old/one', versions: 1 })
  assert.equal((await it.asAdmin('DELETE', old, {})).status, 409)
  await assert.rejects(it.vault.open('old/one'), /is deleted/)
  assert.deepEqual((await it.asAdmin('POST', `${old}/restore`, {})).body, { name: 'old/one', version: 1 })
  assert.equal((await it.asAdmin('POST', `${old}/restore`, {})).status, 409)
  assert.equal((await it.vault.open('old/one')).reveal(), 'x')
  await it.asAdmin('PUT', old, { value: 'y' })
  assert.equal((await it.asAdmin('POST', `${old}/restore`, { version: 1 })).body['version'], 3)
  assert.equal((await it.vault.open('old/one')).reveal(), 'x')
  assert.equal((await it.asAdmin('POST', `${old}/restore`, { version: 9 })).status, 404)
  assert.equal((await it.asAdmin('POST', `${old}/move`, { to: 'git' })).status, 409)
  assert.equal((await it.asAdmin('POST', `${old}/move`, { to: 'Not A Name' })).status, 400)
  assert.equal((await it.asAdmin('POST', `${old}/move`, { to: 'new/one' })).status, 200)
  assert.equal((await it.vault.open('new/one')).reveal(), 'x')
  assert.equal((await it.asAdmin('DELETE', '/v1/secrets/git', { force: true })).status, 200)
  const facts = async (type: string, count: number) =>
    (await entriesOf(it, type, count)).map(({ by: _by, token: _token, request: _request, ...rest }) => rest)
  assert.deepEqual(await facts('secret.deleted', 2), [
    { secret: 'old/one', versions: 1, neededBy: [] },
    { secret: 'git', versions: 2, neededBy: ['connections.git'] },
  ])
  assert.deepEqual(await facts('secret.destroyed', 1), [{ secret: 'git', versions: [1], neededBy: [] }])
  assert.deepEqual(await facts('secret.restored', 2), [
    { secret: 'old/one', version: 1 },
    { secret: 'old/one', version: 3, copyOf: 1 },
  ])
  assert.deepEqual(await facts('secret.moved', 1), [{ secret: 'old/one', to: 'new/one', neededBy: [] }])
})

test('a value is shown to whom the scope says, and not before the log has who saw it', async (t) => {
  const it = await openServer(t, { secrets: { 'prod/db': 'hunter2', git: 'x' } })
  await it.asAdmin('PUT', '/v1/secrets/prod%2Fdb', { value: 'hunter3' })
  const reveal = async (body: object) => await it.asAdmin('POST', '/v1/secrets/prod%2Fdb/reveal', body)
  const { status, body } = await reveal({})
  assert.deepEqual([status, body], [200, { name: 'prod/db', version: '2', value: 'hunter3' }])
  assert.equal((await reveal({ version: 1 })).body['value'], 'hunter2')
  assert.deepEqual(
    it.audit.ofType('secret.revealed').map(({ data }) => [data?.['secret'], data?.['version']]),
    [
      ['prod/db', 2],
      ['prod/db', 1],
    ],
  )
  it.audit.down = true
  const refused = await reveal({})
  assert.equal(refused.status, 503)
  assert.doesNotMatch(JSON.stringify(refused.body), /hunter/)
  it.audit.down = false
  const { token } = await it.apiTokens.create({
    name: 'writer',
    scopes: ['secret:read', 'secret:write'],
    expiresMs: null,
  })
  const writer = await it.call('POST', '/v1/secrets/git/reveal', {
    json: {},
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(writer.status, 403)
  assert.match(String(writer.body['detail']), /lacks the scope secret:reveal/)
})

test('what is most likely not meant as a value is not sealed; what is refused by the log leaves no bytes', async (t) => {
  const it = await openServer(t)
  const pem = `-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----`
  const put = async (value: string, more = {}) =>
    await it.asAdmin('PUT', '/v1/secrets/prod%2Fkey', { value, ...more })
  for (const [value, says] of [
    ['a\nhunter2', /several lines: --multiline/],
    [' hunter2', /white space/],
    ['hunter2\t', /white space/],
    ['hunter2\u0000', /control characters/],
    ['\ufeffhunter2', /byte order mark/],
    ['hunter2\ud800', /not UTF-8/],
    [pem.slice(0, -1), /cut short/],
  ] as const) {
    const refused = await put(value)
    assert.equal(refused.status, 400, value)
    assert.match(String(refused.body['detail']), says)
    assert.doesNotMatch(JSON.stringify(refused.body), /hunter2|MIIB/)
  }
  assert.equal((await put(pem)).body['form'], 'pem')
  assert.equal((await put('{\n"a": 1\n}')).body['form'], 'json')
  assert.equal((await put('a\nb', { multiline: true })).body['form'], 'lines')
  assert.equal((await put(' a\n', { as_is: true })).body['version'], 4)
  assert.equal((await it.vault.open('prod/key')).reveal(), ' a\n')
  it.audit.down = true
  assert.equal((await put('new')).status, 503)
  assert.equal((await it.vault.open('prod/key')).reveal(), ' a\n')
  assert.equal((await it.vault.history('prod/key'))[0]?.state, 'destroyed')
})

test('the line break at the end of a value is left out, however it comes; --as-is takes it', async (t) => {
  const it = await openServer(t)
  const pem = '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----'
  assert.equal((await it.asAdmin('PUT', '/v1/secrets/one', { value: `${pem}\r\n` })).status, 200)
  const secrets = [
    { name: 'two', value: `${pem}\n` },
    { name: 'three', value: `${pem}\n`, as_is: true },
  ]
  assert.equal((await it.asAdmin('POST', '/v1/secrets', { secrets })).status, 200)
  const values = await Promise.all(
    ['one', 'two', 'three'].map(async (name) => (await it.vault.open(name)).reveal()),
  )
  assert.deepEqual(values, [pem, pem, `${pem}\n`])
  assert.equal((await it.asAdmin('PUT', '/v1/secrets/one', { value: `${pem}\n\n` })).status, 400)
  assert.equal((await it.asAdmin('PUT', '/v1/secrets/one', { value: '\n' })).status, 400)
})

test('a secret whose bytes are gone is not said to be back, in no answer and no entry', async (t) => {
  const it = await openServer(t, { secrets: { a: 'x', b: 'y' } })
  await it.asAdmin('PUT', '/v1/secrets/b', { value: 'z' })
  assert.equal((await it.asAdmin('POST', '/v1/secrets/a/destroy', {})).status, 200)
  assert.equal((await it.asAdmin('POST', '/v1/secrets/b/destroy', { version: 2 })).status, 200)
  assert.equal((await it.asAdmin('DELETE', '/v1/secrets/b', {})).status, 200)
  const restore = async (name: string) => await it.asAdmin('POST', `/v1/secrets/${name}/restore`, {})
  const [all, used] = [await restore('a'), await restore('b')]
  assert.match(String(all.body['detail']), /every version of secret "a" is destroyed.*mayfly secret set a/)
  assert.match(String(used.body['detail']), /in use, is destroyed: mayfly secret restore b --version 1/)
  assert.deepEqual(it.audit.ofType('secret.restored'), [])
  await it.store.write((tx) =>
    tx.updateTable('secret_names').set({ compromised_version: 1 }).where('name', '=', 'b').execute(),
  )
  const known = await it.asAdmin('POST', '/v1/secrets/b/restore', { version: 1 })
  assert.match(String(known.body['detail']), /version 1 of secret "b" is compromised.*with a new value/)
})

test('two who set a secret at once: both versions stand, and the later one is used', async (t) => {
  const it = await openServer(t)
  const answers = await Promise.all(
    ['one', 'two', 'three'].map(async (value) => await it.asAdmin('PUT', '/v1/secrets/a', { value })),
  )
  assert.deepEqual(
    answers.map(({ body }) => Number(body['version'])).toSorted((a, b) => a - b),
    [1, 2, 3],
  )
  const newest = answers.findIndex(({ body }) => body['version'] === 3)
  assert.equal((await it.vault.open('a')).reveal(), ['one', 'two', 'three'][newest])
  assert.equal((await it.vault.history('a')).length, 3)
})

test('many at once: all of them or none, and what is replaced is said before', async (t) => {
  const it = await openServer(t, { secrets: { 'prod/a': 'x' } })
  const secrets = [
    { name: 'prod/a', value: 'y' },
    { name: 'prod/b', value: 'z' },
  ]
  const post = async (body: object) => await it.asAdmin('POST', '/v1/secrets', body)
  const planned = [
    { name: 'prod/a', version: 2, replaces: 1 },
    { name: 'prod/b', version: 1, replaces: null },
  ]
  assert.deepEqual((await post({ secrets, dry_run: true })).body, { secrets: planned })
  assert.equal((await it.vault.open('prod/a')).reveal(), 'x')
  for (const wrong of [
    { name: 'Prod', value: 'q' },
    { name: 'prod/c', value: 'q\nq' },
    { name: 'prod/b', value: 'q' },
  ])
    assert.equal((await post({ secrets: [...secrets, wrong] })).status, 400)
  it.audit.down = true
  assert.equal((await post({ secrets })).status, 503)
  it.audit.down = false
  assert.equal((await it.vault.open('prod/a')).reveal(), 'x')
  assert.equal(await it.vault.find('prod/b'), undefined)
  assert.equal((await post({ secrets })).status, 200)
  assert.equal((await it.vault.open('prod/b')).reveal(), 'z')
})

test('a secret is described: whose it is, who may use it, who did last', async (t) => {
  const it = await openServer(t, { policy: withSecret, secrets: { git: 'a:b', spare: 'x' } })
  const change = { owner: 'payments', description: 'the bot', tags: { team: 'x' } }
  await it.asAdmin('PUT', '/v1/secrets/git/details', change)
  await it.asAdmin('PUT', '/v1/secrets/git/details', { description: null })
  await it.vault.open('git', { by: 'run-1' })
  await it.store.write(() => Promise.resolve())
  const { body } = await it.asAdmin('GET', '/v1/secrets/git')
  assert.deepEqual([body['owner'], body['description'], body['tags']], ['payments', null, { team: 'x' }])
  assert.deepEqual([body['places'], body['used_by']], [['connections.git'], 'run-1'])
  assert.deepEqual(body['roles'], [
    { role: 'build', grants: ['git:read git/octo-org/app'] },
    { role: 'release', grants: ['git:push git/octo-org/app@refs/tags/v*'] },
  ])
  const listed = (await it.asAdmin('GET', '/v1/secrets?prefix=sp')).body['secrets'] as { name: string }[]
  assert.deepEqual(
    listed.map(({ name }) => name),
    ['spare'],
  )
})

test('a secret that is not there is said to be none, with the name that was meant', async (t) => {
  const it = await openServer(t, { secrets: { registry: 'x' } })
  const gone = await it.asAdmin('DELETE', '/v1/secrets/regsitry', {})
  assert.equal(gone.status, 404)
  assert.match(String(gone.body['detail']), /there is no secret regsitry: did you mean registry\?/)
  assert.deepEqual(it.audit.ofType('secret.deleted'), [])
})

test('a log that is down does not keep a secret alive', async (t) => {
  const it = await openServer(t, { secrets: { leaked: 'x' } })
  it.audit.down = true
  assert.equal((await it.asAdmin('DELETE', '/v1/secrets/leaked', {})).status, 200)
  await assert.rejects(it.vault.open('leaked'), /is deleted/)
})

test('who applies a policy is warned of secrets that are not in the vault, also when only looking', async (t) => {
  const it = await openServer(t)
  const warnings = ['secret "git" of connections.git is not in the vault: mayfly secret set git']
  const dry = await it.asAdmin('PUT', '/v1/policy', { text: withSecret, dry_run: true })
  assert.deepEqual([dry.body['changed'], dry.body['warnings']], [true, warnings])
  assert.deepEqual((await it.asAdmin('PUT', '/v1/policy', { text: withSecret })).body['warnings'], warnings)
  await it.asAdmin('PUT', '/v1/secrets/git', { value: 'a:b' })
  const again = await it.asAdmin('PUT', '/v1/policy', { text: withSecret, dry_run: true })
  assert.deepEqual(again.body['warnings'], [])
  await it.asAdmin('POST', '/v1/policy/versions/1/rollback', {})
  const back = await it.asAdmin('POST', '/v1/policy/versions/2/rollback', {})
  assert.deepEqual(back.body['warnings'], [])
  assert.equal(back.body['document'], undefined)
})

test('secrets of sign-in and of notifications count, too', async (t) => {
  const it = await openServer(t)
  const text = `${policyText()}notify:\n  team: { kind: slack, url: secret:hook }\n`.replace(
    'client_id: mayfly',
    'client_id: mayfly\n  client_secret: secret:hook',
  )
  assert.deepEqual((await it.asAdmin('PUT', '/v1/policy', { text, dry_run: true })).body['warnings'], [
    'secret "hook" of notify.team, sign_in is not in the vault: mayfly secret set hook',
  ])
})

test('what another store keeps is listed, and changed there alone', async (t) => {
  const policy = `${withSecret}secret_stores:
  files: { kind: file, folder: mounted }
secrets:
  git: { store: files, path: git, owner: platform }
  here: { description: by the policy }
`
  const it = await openServer(t, { policy, secrets: { git: 'a:b', here: 'x' } })
  const refusals = [
    ['PUT', '/v1/secrets/git', { value: 'q' }],
    ['PUT', '/v1/secrets/git/details', { owner: 'q' }],
    ['POST', '/v1/secrets', { secrets: [{ name: 'git', value: 'q' }] }],
    ['POST', '/v1/secrets/git/restore', {}],
    ['DELETE', '/v1/secrets/git', { force: true }],
    ['POST', '/v1/secrets/git/destroy', { force: true }],
    ['POST', '/v1/secrets/git/move', { to: 'other', force: true }],
    ['POST', '/v1/secrets/here/move', { to: 'git' }],
  ] as const
  for (const [method, path, body] of refusals) {
    const refused = await it.asAdmin(method, path, body)
    assert.equal(refused.status, 409, `${method} ${path}`)
    assert.match(String(refused.body['detail']), /secret "git" is kept in the store "files".*change it there/)
  }
  const listed = (await it.asAdmin('GET', '/v1/secrets')).body['secrets'] as Record<string, unknown>[]
  assert.deepEqual(
    listed.map(({ name, store, version, owner, description, places }) => [
      ...[name, store, version, owner, description, places],
    ]),
    [
      ['git', 'files', null, 'platform', null, ['connections.git']],
      ['here', null, 1, null, 'by the policy', []],
    ],
  )
  assert.equal((await it.asAdmin('GET', '/v1/secrets/git')).body['store'], 'files')
  const applied = await it.asAdmin('PUT', '/v1/policy', { text: policy, dry_run: true })
  assert.deepEqual(applied.body['warnings'], [
    'secret "git" of connections.git is kept in the store "files": what the vault has under that name is not used',
  ])
})

test('while a secret is rotated it is neither deleted nor destroyed nor moved; by force the rotation is given up', async (t) => {
  const rotation = '{ every: 30d, by: { command: { name: nobody } } }'
  const it = await openServer(t, {
    policy: `${policyText()}\nsecrets: { old/one: { rotation: ${rotation} }, old/two: { rotation: ${rotation} } }\n`,
    secrets: { 'old/one': 'x', 'old/two': 'y' },
  })
  const [one, two] = ['/v1/secrets/old%2Fone', '/v1/secrets/old%2Ftwo']
  const set = await it.asAdmin('PUT', one, { value: 'x' })
  assert.match(String(set.body['note']), /old\/one is rotated by itself \(command\)/)
  const imported = await it.asAdmin('POST', '/v1/secrets', {
    secrets: [{ name: 'old/one', value: 'x' }],
    dry_run: true,
  })
  assert.match(JSON.stringify(imported.body), /"replaces":2,"note":"old\/one is rotated by itself/)
  for (const name of ['one', 'two'])
    assert.equal((await it.asAdmin('POST', `/v1/rotations/old%2F${name}`, { now: true })).status, 200)
  for (const [method, path, body] of [
    ['DELETE', one, {}],
    ['POST', `${one}/destroy`, {}],
    ['POST', `${one}/destroy`, { version: 1 }],
    ['POST', `${one}/move`, { to: 'new/one' }],
  ] as const) {
    const refused = await it.asAdmin(method, path, body)
    assert.equal(refused.status, 409, path)
    assert.match(
      String(refused.body['detail']),
      /rotation of old\/one is under way \(planned\): wait .*--force/,
    )
  }
  assert.equal((await it.vault.open('old/one')).reveal(), 'x')
  assert.deepEqual(it.audit.ofType('secret.moved'), [], 'what was refused is not in the log as done')
  assert.equal((await it.asAdmin('DELETE', one, { force: true })).status, 200)
  assert.equal((await it.asAdmin('POST', `${two}/move`, { to: 'new/two', force: true })).status, 200)
  const rows = await it.store.read.selectFrom('rotations').selectAll().orderBy('secret').execute()
  assert.deepEqual(
    rows.map(({ secret, state, undone_by }) => [secret, state, undone_by]),
    [
      ['new/two', 'failed', '"root"'],
      ['old/one', 'failed', '"root"'],
    ],
  )
  const given = await entriesOf(it, 'secret.unrotated', 2)
  assert.deepEqual(
    given.map(({ by }) => by),
    ['root', 'root'],
  )
  assert.match(String(given[0]?.['reason']), /given up by hand in the state planned/)
})
