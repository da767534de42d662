import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseConfig, policySchema } from '../../config/index.ts'
import { createHttpClient } from '../../http-client/index.ts'
import { MayflyError, Secret, type ErrorCode } from '../../lib/index.ts'
import { createExternalSecrets } from '../index.ts'
import { commandStore } from './command-store.ts'
import { jsonServer, openbao } from './stores.fixture.ts'

// OpenBao's and 1Password's servers here are written from their published API references.

const rest = `issuers: { ci: { kind: github-actions } }
roles: { build: { trust: { issuer: ci, repository_id: "1" }, egress: ["a.example.com:443"], grants: [] } }
`

/** Secrets as mayfly.yaml has them; what the vault itself holds is `sealed`. */
function elsewhere(
  yaml: string,
  more: {
    sealed?: Record<string, string>
    folders?: Record<string, string>
    commands?: Record<string, string>
  } = {},
) {
  const parsed = parseConfig(rest + yaml, 'mayfly.yaml', policySchema)
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const it = { document: parsed.value, now: 1_000_000, identities: [] as string[] }
  const external = createExternalSecrets({
    document: () => it.document,
    http: createHttpClient(),
    clock: { nowMs: () => it.now },
    openSecret: (name) => Promise.resolve(new Secret(more.sealed?.[name] ?? '')),
    identityToken: (audience, purpose) => {
      it.identities.push(`${audience} ${purpose}`)
      return Promise.resolve(new Secret('our.own.jwt'))
    },
    folders: new Map(Object.entries(more.folders ?? {})),
    commands: new Map(Object.entries(more.commands ?? {})),
    variables: {},
  })
  const open = async (name: string) => {
    const { value, version, store } = await external.open(name)
    return [value.reveal(), version, store]
  }
  return { ...it, it, external, open }
}

/** That code, that sentence, and nothing of what is secret. */
const refusal = (code: ErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof MayflyError &&
  error.code === code &&
  message.test(error.message) &&
  !/hunter|hvs\.|our\.own\.jwt/.test(`${error.message} ${String(error.cause)}`)

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-stores-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const baoYaml = (url: string, auth: string) => `secret_stores:
  bao: { kind: openbao, url: "${url}", auth: ${auth} }
secrets:
  one: { store: bao, path: prod/db, field: password }
  old: { store: bao, path: prod/db, field: password, version: 1 }
  dead: { store: bao, path: prod/db, field: password, version: 2 }
  only: { store: bao, path: "with space" }
  vague: { store: bao, path: prod/db }
  none: { store: bao, path: prod/none, field: x }
  lacks: { store: bao, path: prod/db, field: __proto__ }
`

test('OpenBao, by a token: versions, fields, what is destroyed there, what is not', async (t) => {
  const fields = { password: 'hunter3', user: 'ann' }
  const bao = openbao({
    token: 'hvs.kept',
    secrets: { 'prod/db': [{ password: 'hunter1' }, undefined, fields], 'with space': [{ key: 'hunter4' }] },
  })
  const server = await jsonServer(t, bao.answer)
  const { open, external } = elsewhere(baoYaml(server.url, '{ token: secret:bao-token }'), {
    sealed: { 'bao-token': 'hvs.kept\n' },
  })
  assert.equal(external.storeOf('one'), 'bao')
  assert.equal(external.storeOf('bao-token'), undefined)
  assert.deepEqual(await open('one'), ['hunter3', '3', 'bao'])
  assert.deepEqual(await open('old'), ['hunter1', '1', 'bao'])
  assert.deepEqual(await open('only'), ['hunter4', '1', 'bao'])
  for (const [name, code, says] of [
    [
      'dead',
      'secret_missing',
      /^secret "dead" of the store "bao" \(openbao\): version 2 is destroyed there$/,
    ],
    [
      'none',
      'secret_missing',
      /nothing there: check the path, .*its mount secret is there and is KV version 2/,
    ],
    ['lacks', 'secret_missing', /it has no field "__proto__" that is text/],
    ['vague', 'credential_failed', /it has 2 fields there: say which/],
  ] as const)
    await assert.rejects(open(name), refusal(code, says), name)
  bao.tokens.clear()
  const { open: denied } = elsewhere(baoYaml(server.url, '{ token: secret:t }'), {
    sealed: { t: 'hvs.other' },
  })
  await assert.rejects(
    denied('one'),
    refusal('credential_failed', /does not let Mayfly read that \(status 403\)/),
  )
})

test('OpenBao, by our own identity: one login, another when its token was revoked, and a refusal that repeats nothing', async (t) => {
  const bao = openbao({
    token: 'hvs.x',
    jwt: 'our.own.jwt',
    secrets: { 'prod/db': [{ password: 'hunter1' }] },
  })
  const server = await jsonServer(t, bao.answer)
  const { open, it } = elsewhere(baoYaml(server.url, '{ jwt: { role: mayfly, audience: bao } }'))
  assert.deepEqual((await open('one'))[0], 'hunter1')
  await open('old')
  assert.equal(bao.logins(), 1)
  assert.deepEqual(it.identities, ['bao secret-store/bao'])
  it.now += 61_000
  bao.tokens.clear()
  assert.deepEqual((await open('one'))[0], 'hunter1')
  assert.equal(bao.logins(), 2)
  const { open: stranger } = elsewhere(baoYaml(server.url, '{ jwt: { role: other } }'))
  await assert.rejects(
    stranger('one'),
    refusal(
      'credential_failed',
      /for the role other .*check that the role is there, .*that auth\/jwt is enabled/,
    ),
  )
})

test('a value is kept for a minute at most, and nothing old is used once the store says no, or nothing', async (t) => {
  const bao = openbao({ token: 'hvs.kept', secrets: { 'prod/db': [{ password: 'hunter1' }] } })
  const server = await jsonServer(t, bao.answer)
  const { open, it } = elsewhere(baoYaml(server.url, '{ token: secret:t }'), { sealed: { t: 'hvs.kept' } })
  await Promise.all([open('one'), open('one')])
  await open('one')
  assert.equal(server.asked.length, 1, 'asked once')
  const later = () => (it.now += 60_001)
  later()
  server.answer = () => ({ status: 503, json: { errors: ['hunter1'] } })
  await assert.rejects(open('one'), refusal('upstream_unreachable', /cannot answer now \(status 503\)/))
  server.answer = () => ({ status: 200, text: '<html>hunter1' })
  await assert.rejects(open('one'), refusal('credential_failed', /its mount secret is not KV version 2/))
  server.answer = bao.answer
  assert.equal((await open('one'))[0], 'hunter1', 'a refusal is kept for nobody')
  later()
  server.close()
  await assert.rejects(open('one'), refusal('upstream_unreachable', /of the store "bao".*does not answer/))
})

test('another configuration of the same name does not get what was kept for the one before', async (t) => {
  const bao = openbao({
    token: 'hvs.kept',
    secrets: { 'prod/db': [{ password: 'hunter1', other: 'hunter2' }] },
  })
  const server = await jsonServer(t, bao.answer)
  const yaml = baoYaml(server.url, '{ token: secret:t }')
  const { open, it } = elsewhere(yaml, { sealed: { t: 'hvs.kept' } })
  assert.equal((await open('one'))[0], 'hunter1')
  const changed = parseConfig(rest + yaml.replace('field: password }', 'field: other }'), 'f', policySchema)
  assert.ok(changed.ok)
  it.document = changed.value
  assert.equal((await open('one'))[0], 'hunter2')
})

test('1Password Connect: vaults and items by id or name, fields by id, label or purpose', async (t) => {
  const [vaultId, itemId] = ['v'.repeat(26), 'i'.repeat(26)]
  const fields = [
    { id: 'username', purpose: 'USERNAME', label: 'username', value: 'ann' },
    { id: 'password', purpose: 'PASSWORD', label: 'password', value: 'hunter1' },
    { id: 'f1', label: 'token', value: 'hunter2' },
    { id: 'f2', label: 'token', value: 'hunter3' },
  ]
  const server = await jsonServer(t, ({ path, query, headers }) => {
    if (headers.authorization !== 'Bearer connect') return { status: 401, json: { message: 'hunter' } }
    const filter = query.get('filter')
    if (path === '/v1/vaults')
      return { json: filter === 'name eq "Prod"' ? [{ id: vaultId, name: 'Prod' }] : [] }
    if (path === `/v1/vaults/${vaultId}/items`) {
      const twice = ['a', 'b'].map((id) => ({ id: id.repeat(26), title: 'Twice' }))
      return { json: filter === 'title eq "DB"' ? [{ id: itemId, title: 'DB' }] : twice }
    }
    if (path === `/v1/vaults/${vaultId}/items/${itemId}`) return { json: { id: itemId, version: 7, fields } }
    return { status: 404, json: {} }
  })
  const { open } = elsewhere(
    `secret_stores:
  op: { kind: 1password-connect, url: "${server.url}", token: secret:t }
  bad: { kind: 1password-connect, url: "${server.url}", token: secret:wrong }
secrets:
  pass: { store: op, path: Prod/DB }
  id: { store: op, path: ${vaultId}/${itemId}, field: f2 }
  two: { store: op, path: Prod/DB, field: token }
  lacks: { store: op, path: Prod/DB, field: nothing }
  twice: { store: op, path: Prod/Twice }
  none: { store: op, path: Test/DB }
  form: { store: op, path: DB }
  denied: { store: bad, path: Prod/DB }
`,
    { sealed: { t: 'connect', wrong: 'other' } },
  )
  assert.deepEqual(await open('pass'), ['hunter1', '7', 'op'])
  assert.deepEqual(await open('id'), ['hunter3', '7', 'op'])
  for (const [name, code, says] of [
    ['two', 'credential_failed', /it has 2 fields of that name there: use the id/],
    ['lacks', 'secret_missing', /no field "nothing"/],
    ['twice', 'credential_failed', /it has 2 items of that name: use the id/],
    ['none', 'secret_missing', /it has no vault of that name/],
    ['form', 'credential_failed', /a path there is VAULT\/ITEM/],
    ['denied', 'credential_failed', /status 401/],
  ] as const)
    await assert.rejects(open(name), refusal(code, says), name)
})

test('files: of the folder that the server was given, also by links within it, and of nothing else', async (t) => {
  const [folder, outside] = [folderOf(t), folderOf(t)]
  writeFileSync(join(outside, 'shadow'), 'hunter9')
  mkdirSync(join(folder, '..2026'))
  writeFileSync(join(folder, '..2026', 'token'), 'hunter1\n')
  // As Kubernetes mounts a Secret.
  symlinkSync('..2026', join(folder, '..data'))
  symlinkSync(join('..data', 'token'), join(folder, 'token'))
  symlinkSync(join(outside, 'shadow'), join(folder, 'out'))
  symlinkSync(outside, join(folder, 'dir'))
  symlinkSync('/dev/zero', join(folder, 'zero'))
  writeFileSync(join(folder, 'json'), '{"a": "hunter2", "n": 7, "yes": true, "half": 1e400, "list": ["x"]}')
  writeFileSync(join(folder, 'bytes'), Buffer.from([0x68, 0xff]))
  writeFileSync(join(folder, 'big'), 'x'.repeat(65_537))
  writeFileSync(join(folder, 'empty'), '')
  const hasFifo = spawnSync('mkfifo', [join(folder, 'fifo')]).status === 0
  const names = ['token', 'out', 'dir/shadow', 'zero', 'bytes', 'big', 'empty', 'none', '..2026', 'fifo']
  const { open } = elsewhere(
    `secret_stores:
  mounted: { kind: file, folder: k8s }
  other: { kind: file, folder: etc }
secrets:
${names.map((name, i) => `  f${i}: { store: mounted, path: "${name}" }`).join('\n')}
  field: { store: mounted, path: json, field: a }
  number: { store: mounted, path: json, field: n }
  yes: { store: mounted, path: json, field: "yes" }
  half: { store: mounted, path: json, field: half }
  list: { store: mounted, path: json, field: list }
  unknown: { store: other, path: passwd }
`,
    { folders: { k8s: folder } },
  )
  const [value, version] = await open('f0')
  assert.equal(value, 'hunter1')
  assert.match(String(version), /^20\d\d-.*Z$/)
  assert.equal((await open('field'))[0], 'hunter2')
  assert.deepEqual([(await open('number'))[0], (await open('yes'))[0]], ['7', 'true'])
  for (const [name, code, says] of [
    ['f1', 'credential_failed', /a link that leads out of its folder/],
    ['f2', 'credential_failed', /a link that leads out of its folder/],
    ['f3', 'credential_failed', /a link that leads out of its folder/],
    ['f4', 'credential_failed', /not UTF-8/],
    ['f5', 'credential_failed', /larger than 65536 bytes/],
    ['f6', 'credential_failed', /its value is empty/],
    ['f7', 'secret_missing', /there is no such file/],
    ['f8', 'credential_failed', /EISDIR|no regular file/],
    ...(hasFifo ? ([['f9', 'credential_failed', /no regular file/]] as const) : []),
    ['half', 'secret_missing', /no field "half" that is text/],
    ['list', 'secret_missing', /no field "list" that is text/],
    [
      'unknown',
      'credential_failed',
      /this server was started without it: mayfly up --secret-files etc=FOLDER/,
    ],
  ] as const)
    await assert.rejects(open(name), refusal(code, says), name)
})

test('a program: no shell, no environment of ours, its standard error is not told, and it ends in time with all that it started', async (t) => {
  const folder = folderOf(t)
  const program = join(folder, 'program')
  const seen = join(folder, 'seen')
  writeFileSync(
    program,
    `#!/bin/sh
echo hunter-on-stderr >&2
case "$1" in
  none) exit 3 ;;
  fails) exit 4 ;;
  much) head -c 70000 /dev/zero | tr '\\0' x ;;
  hangs) sleep 300 & echo $! > ${seen}.pid; sleep 300 ;;
  *) printf '%s' "$#" > ${seen}; env > ${seen}.env; echo "value of $1" ;;
esac
`,
  )
  chmodSync(program, 0o755)
  const { open } = elsewhere(
    `secret_stores: { pass: { kind: command, command: pass } }
secrets:
  a: { store: pass, path: "prod/$(id) ; x" }
  none: { store: pass, path: none }
  fails: { store: pass, path: fails }
  much: { store: pass, path: much }
`,
    { commands: { pass: program } },
  )
  process.env['MAYFLY_PLANTED'] = 'hunter7'
  t.after(() => delete process.env['MAYFLY_PLANTED'])
  assert.deepEqual(await open('a'), ['value of prod/$(id) ; x', 'latest', 'pass'])
  assert.equal(readFileSync(seen, 'utf8'), '1')
  assert.doesNotMatch(readFileSync(`${seen}.env`, 'utf8'), /MAYFLY|hunter7/)
  for (const [name, code, says] of [
    ['none', 'secret_missing', /no such secret \(exit code 3\)/],
    ['fails', 'credential_failed', /ended with exit code 4/],
    ['much', 'credential_failed', /printed more than 65536 bytes/],
  ] as const)
    await assert.rejects(open(name), refusal(code, says), name)
  const late = commandStore(program, { timeoutMs: 1_000 }).read({ path: 'hangs' })
  await assert.rejects(late, refusal('upstream_unreachable', /did not answer within 1 s/))
  const pid = readFileSync(`${seen}.pid`, 'utf8').trim()
  const isGone = () => !existsSync(`/proc/${pid}`) || / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (process.platform === 'linux') {
    for (let tries = 0; tries < 100 && !isGone(); tries++) await new Promise((next) => setTimeout(next, 20))
    assert.ok(isGone(), 'what it started goes on')
  }
  await assert.rejects(
    commandStore(join(folder, 'nothing')).read({ path: 'x' }),
    refusal('credential_failed', /ENOENT/),
  )
})
