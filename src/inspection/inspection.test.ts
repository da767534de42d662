import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import type { RevokedLease, Step } from '../broker/index.ts'
import type { FilePaths, Sent } from '../gateway/index.ts'
import { systemClock, type StepId } from '../lib/index.ts'
import { policySchema } from '../config/index.ts'
import { compileScan } from '../policy/scan.ts'
import { createKnownSecrets, fingerprintsOf, keysOf } from '../scan/known/index.ts'
import { builtInRules, fillTemplate, seededRandom } from '../scan/rules/index.ts'
import { createInspection, createResponse, createScanThreads } from './index.ts'
import type { Owner } from './vault-secrets.ts'

const token = `tok_${randomBytes(27).toString('base64url')}`
const minted = `ghs_${randomBytes(27).toString('base64url')}`
/** Words: it is only likely that they are the vault's. */
const weak = 'correct-horse-battery-staple'
const keys = keysOf(randomBytes(32))
const weakName = createKnownSecrets(keys).nameOf('secret 1 weak')

interface Options {
  readonly scan?: object
  readonly role?: object
  readonly logIsDown?: true
  /** What becomes of a lease that is to end. */
  readonly revoke?: () => Promise<boolean>
  readonly yes?: { readonly ok: true } | { readonly ok: false; readonly why: string }
}

function setup(t: TestContext, { scan, role, yes, revoke, logIsDown }: Options = {}) {
  const known = createKnownSecrets<Owner>(keys)
  known.add('secret 3 deploy', { kind: 'secret', secret: 'deploy', version: 3 }, fingerprintsOf(token, keys))
  const given: Owner = {
    ...{
      kind: 'credential',
      connection: 'github',
      step: 'stp_0' as StepId,
      lease: 'lse_1',
      untilMs: Infinity,
    },
  }
  known.add('secret 1 weak', { kind: 'secret', secret: 'weak', version: 1 }, fingerprintsOf(weak, keys))
  known.add('credential stp_0 github', given, fingerprintsOf(minted, keys))
  const scanner = createScanThreads({ clock: systemClock })
  t.after(() => scanner.close())
  const entries: { type: string; data: Record<string, unknown> }[] = []
  const compromised: { secret: string; version: number; reason: string }[] = []
  const revoked: RevokedLease[] = []
  const asked: unknown[] = []
  const told: string[] = []
  const schema = policySchema.shape.scan
  const rules = compileScan(schema.parse(scan), schema.parse(role))
  const inspection = createInspection({
    policy: () => ({ roles: new Map([['build', { scan: rules }]]) }) as never,
    secrets: {
      known: () => known,
      sweep: async () => undefined,
      forget: () => undefined,
      given: () => undefined,
    },
    scanner,
    outbox: {
      write: async (work) => work(undefined as never, (all) => void entries.push(...(all as typeof entries))),
    },
    audit: {
      async append(event) {
        if (logIsDown === true) throw new Error('the log is down')
        entries.push(event)
        return {} as never
      },
    },
    approvers: {
      async ask(one) {
        asked.push(one)
        return yes?.ok === true
          ? { ok: true, approval: 'apr_1', by: ['ada'] }
          : { ok: false, why: yes?.why ?? 'nobody' }
      },
      stepEnded: async () => undefined,
    },
    response: createResponse({
      async compromise(secret, { version, reason }) {
        compromised.push({ secret, version, reason })
        return { state: 'begun', ended: ['lse_of_deploy'] }
      },
      async revokeLease(which) {
        revoked.push(which)
        return (await revoke?.()) ?? true
      },
    }),
    clock: systemClock,
  })
  const step = {
    ...{ id: 'stp_1' as StepId, role: 'build' },
    session: { id: 'ses_1', runId: 'run_1', subject: { issuer: 'github', attributes: {} } },
  } as unknown as Step
  async function send(
    files: Record<string, string | Buffer>,
    more: Partial<Sent> = {},
    nameOf?: (name: string) => string | FilePaths,
  ) {
    const sent: Sent = {
      ...{ place: 'push', connection: 'git', what: 'octo/app@refs/heads/main' },
      ...{ gone: () => false, waits: () => undefined, tell: (line) => void told.push(line), ...more },
    }
    const look = inspection.open(step, sent)
    if (look === undefined) return 'not looked at'
    for (const [name, content] of Object.entries(files)) await look.add(name, Buffer.from(content))
    return look.finish(nameOf)
  }
  return { inspection, step, send, entries, compromised, revoked, asked, told }
}

const file = (value: string) => `line one\nline two\nconst key = "${value}"\n`
const linesOf = (verdict: Awaited<ReturnType<ReturnType<typeof setup>['send']>>) =>
  typeof verdict === 'object' && !verdict.ok ? verdict.lines.join('\n') : ''

test('a secret of the vault is refused wherever it is in what is sent, recorded without it, and counts as compromised', async (t) => {
  const it = setup(t)
  for (const [name, content] of Object.entries({
    'src/config.ts': file(token),
    'base64.yaml': file(Buffer.from(`deploy:${token}`).toString('base64')),
    'utf16.txt': Buffer.from(file(token), 'utf16le'),
  })) {
    const verdict = await it.send({ 'README.md': 'nothing here\n', [name]: content })
    const lines = linesOf(verdict)
    assert.match(
      lines,
      new RegExp(`${name}:3: secret "deploy" of the vault \\(version 3\\).*\\[[0-9a-f]{32}\\]`),
    )
    assert.match(lines, /counts as compromised from now on.*\n.*take it from every commit/)
    assert.ok(!lines.includes(token.slice(0, 12)))
  }
  assert.equal(it.entries.length, 3)
  const [entry] = it.entries
  assert.equal(entry?.type, 'scan.found')
  const { outcome, secrets, compromised, revoked } = entry?.data ?? {}
  assert.deepEqual([outcome, compromised, revoked], ['refused', ['deploy'], ['lse_of_deploy']])
  assert.partialDeepStrictEqual(secrets, [
    { secret: 'deploy', version: 3, path: 'src/config.ts', line: 3, certain: true },
  ])
  assert.ok(!JSON.stringify(it.entries).includes(token.slice(0, 12)))
  assert.partialDeepStrictEqual(it.compromised[0], { secret: 'deploy', version: 3 })
  assert.match(
    it.compromised[0]?.reason ?? '',
    /found by step stp_1 in push git octo\/app@refs\/heads\/main, src\/config.ts:3/,
  )
  assert.deepEqual(await it.send({ 'README.md': 'nothing here\n' }), { ok: true })
  assert.equal(it.entries.length, 3)
})

test('a credential that a step was given is refused, too, its lease ends, and nothing of the vault counts as compromised by it', async (t) => {
  const it = setup(t)
  const lines = linesOf(await it.send({ '.netrc': file(minted), 'again.txt': file(minted) }))
  assert.match(lines, /\.netrc:3: the credential that a step was given for connection "github"/)
  assert.match(lines, /the credential for connection "github" \(lease lse_1\) is revoked/)
  assert.deepEqual(it.compromised, [])
  assert.deepEqual(it.revoked, [{ lease: 'lse_1', step: 'stp_0', connection: 'github' }])
  assert.partialDeepStrictEqual(it.entries[0]?.data, {
    revoked: ['lse_1'],
    secrets: [{ credentialOf: 'github', givenTo: 'stp_0', lease: 'lse_1' }, { lease: 'lse_1' }],
  })
  // It ends whatever becomes of what was sent.
  const warned = setup(t, { scan: { push: 'record' }, revoke: async () => false })
  assert.deepEqual(await warned.send({ a: file(minted) }), { ok: true })
  assert.equal(warned.revoked.length, 1)
  const failing = setup(t, { revoke: () => Promise.reject(new Error('the disk is full')) })
  assert.match(
    linesOf(await failing.send({ a: file(minted) })),
    /as soon as the store takes it: the disk is full/,
  )
})

test('each role says what becomes of it: told, recorded alone, not looked at; for images what is known is refused', async (t) => {
  const warned = setup(t, { scan: { push: 'off', packages: 'record' }, role: { push: 'warn' } })
  assert.deepEqual(await warned.send({ a: file(token) }), { ok: true })
  assert.match(warned.told.join('\n'), /octo\/app@refs\/heads\/main: a:3: secret "deploy"/)
  assert.equal(warned.entries[0]?.data['outcome'], 'passed')
  // It was seen by others all the same.
  assert.equal(warned.compromised.length, 1)
  const warnings: string[] = []
  const sided = setup(t, { scan: { push: 'warn' } })
  assert.deepEqual(await sided.send({ a: file(token) }, { warn: (line) => void warnings.push(line) }), {
    ok: true,
  })
  assert.match(warnings.join('\n'), /^a:3: secret "deploy"/)
  assert.deepEqual(sided.told, [])
  warned.told.length = 0
  assert.deepEqual(await warned.send({ a: file(token) }, { place: 'packages' }), { ok: true })
  assert.deepEqual([warned.told, warned.entries.length], [[], 2])
  assert.match(linesOf(await warned.send({ a: file(token) }, { place: 'images' })), /secret "deploy"/)
  const off = setup(t, { role: { push: 'off' } })
  assert.equal(await off.send({ a: file(token) }), 'not looked at')
  assert.deepEqual(
    [off.inspection.looksAt(off.step, 'push'), off.inspection.looksAt(off.step, 'images')],
    [false, true],
  )
})

test('what the policy allows until a day passes until then, and starts nothing', async (t) => {
  const first = setup(t)
  const [, fingerprint = ''] =
    /\[([0-9a-f]{32})\]/.exec(linesOf(await first.send({ 'test/a': file(token) }))) ?? []
  const allow = (more: object) => ({
    scan: { allow: [{ finding: fingerprint, reason: 'of a test', until: '2999-01-01', ...more }] },
  })
  const allowed = setup(t, allow({ path: 'test/*' }))
  assert.deepEqual(await allowed.send({ 'test/a': file(token) }), { ok: true })
  assert.deepEqual([allowed.compromised, allowed.entries[0]?.data['allowed']], [[], 1])
  for (const more of [{ until: '2020-01-01' }, { path: 'other/*' }])
    assert.match(linesOf(await setup(t, allow(more)).send({ 'test/a': file(token) })), /secret "deploy"/)
})

test('break-glass: a person says yes to just these findings, and the log says so before it passes', async (t) => {
  const scan = { approvers: 'security', timeout: '5m' }
  const yes = setup(t, { scan, yes: { ok: true } })
  assert.deepEqual(await yes.send({ a: file(token) }, { same: () => 'commits' }), { ok: true })
  assert.partialDeepStrictEqual(yes.asked, [
    { approvers: 'security', mode: 'always', timeoutSeconds: 300, same: 'commits' },
  ])
  assert.ok(!JSON.stringify(yes.asked).includes(token))
  assert.partialDeepStrictEqual(yes.entries[0]?.data, { outcome: 'approved', approval: 'apr_1' })
  assert.equal(yes.compromised.length, 1)
  const unlogged = setup(t, { scan, yes: { ok: true }, logIsDown: true })
  assert.match(linesOf(await unlogged.send({ a: file(token) })), /not recorded: the log is down/)
  const no = setup(t, { scan, yes: { ok: false, why: 'ada said no' } })
  assert.match(linesOf(await no.send({ a: file(token) })), /nobody let it pass: ada said no/)
})

test('what nobody could look at is told, or refused where the policy says so; a scan that fails lets nothing pass that it was to block', async (t) => {
  const broken = gzipSync(Buffer.from(file(token))).subarray(0, 30)
  const unseen = async (it: ReturnType<typeof setup>) => {
    const look = it.inspection.open(it.step, {
      ...{ place: 'push', connection: 'git', what: 'x', gone: () => false, waits: () => undefined },
      tell: (line) => void it.told.push(line),
    })
    look?.unseen('a delta of what is not in the pack')
    await look?.add('a.gz', broken)
    return look?.finish()
  }
  const told = setup(t)
  assert.deepEqual(await unseen(told), { ok: true })
  assert.match(told.told.join('\n'), /could not be looked at: a delta of what is not in the pack/)
  const refused = await unseen(setup(t, { scan: { unseen: 'refuse' } }))
  assert.match(linesOf(refused as never), /scan\.unseen says that such is refused/)
  const it = setup(t)
  const failing = createInspectionThatFails(it)
  assert.match(linesOf(await failing), /not recorded: out of order/)
})

async function createInspectionThatFails(it: ReturnType<typeof setup>) {
  const schema = policySchema.shape.scan
  const inspection = createInspection({
    policy: () =>
      ({ roles: new Map([['build', { scan: compileScan(schema.parse(undefined), undefined) }]]) }) as never,
    secrets: { known: () => undefined, sweep: () => Promise.reject(new Error('out of order')) } as never,
    scanner: undefined as never,
    outbox: undefined as never,
    audit: undefined as never,
    approvers: undefined,
    response: undefined as never,
    clock: systemClock,
  })
  const look = inspection.open(it.step, {
    ...{
      place: 'push',
      connection: 'git',
      what: 'x',
      gone: () => false,
      waits: () => undefined,
      tell: () => undefined,
    },
  })
  await look?.add('a', deflateSync('x'))
  return look?.finish() as never
}

test('what rules find is refused by block, told by known; in what comes in pieces, too', async (t) => {
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  const long = Buffer.concat([Buffer.alloc(70_000, 'text\n'), Buffer.from(key)])
  const it = setup(t)
  assert.match(
    linesOf(await it.send({ 'deploy/id': key })),
    /deploy\/id:\d+:\d+: .*private.*\(.*, (?:certain|likely)\)/i,
  )
  const look = it.inspection.open(it.step, {
    ...{
      place: 'packages',
      connection: 'npm',
      what: 'pkg:npm/a@1',
      gone: () => false,
      waits: () => undefined,
    },
    tell: () => undefined,
  })
  const stream = look?.stream('a.txt')
  for (let at = 0; at < long.length; at += 1_000) await stream?.write(long.subarray(at, at + 1_000))
  stream?.end()
  assert.match(linesOf((await look?.finish()) as never), /a\.txt:14001:1: .*private/i)
  const packed = await it.send({ 'dist/app.gz': gzipSync(`text\n${file(token)}`) })
  assert.match(linesOf(packed), /dist\/app\.gz:4: secret "deploy"/)
  const known = setup(t, { scan: { push: 'known' } })
  assert.deepEqual(await known.send({ 'deploy/id': key }), { ok: true })
  assert.match(known.told.join('\n'), /deploy\/id/)
})

test('a secret behind more accepted ones than are told is not passed, and a yes for what has no digest is for one request', async (t) => {
  const id = 'github-personal-access-token'
  const template = builtInRules.find((rule) => rule.id === id)?.examples.positive[0] ?? ''
  const random = seededRandom(5)
  const fresh = () => /ghp_\w{36}/.exec(fillTemplate(template, random))?.[0] ?? ''
  const day = new Date(Date.now() + 86_400_000 * 30).toISOString().slice(0, 10)
  const accepted = () => `T=${fresh()} # mayfly: ignore ${id} until ${day} a key of a test server\n`
  const it = setup(t, { scan: { push: 'block', approvers: 'security' }, yes: { ok: false, why: 'nobody' } })
  assert.deepEqual(await it.send({ 'a.env': accepted().repeat(3) }), { ok: true })
  const many = Array.from({ length: 600 }, accepted).join('')
  const lines = linesOf(await it.send({ 'b.env': `${many}T=${fresh()}\n` }))
  assert.match(lines, /more in it than is told/)
  assert.partialDeepStrictEqual(it.asked, [
    { detail: { more: 'more was found than is told' }, same: undefined },
  ])
})

test('uploads of which nothing came take no place; one step has not all of them, and none once it has ended', async (t) => {
  const it = setup(t)
  const open = (id: string, more: object = {}) => {
    const step = { ...it.step, id: id as StepId, ...more } as Step
    const sent: Sent = {
      ...{ place: 'images', connection: 'registry', what: 'octo/app' },
      ...{ gone: () => false, waits: () => undefined, tell: () => undefined },
    }
    const look = it.inspection.open(step, sent)
    assert.ok(look !== undefined)
    return { look, stream: look.stream('layer') }
  }
  const begun = Array.from({ length: 300 }, () => open('stp_idle'))
  assert.equal(begun.length, 300)
  for (let i = 0; i < 32; i++) await open('stp_9').stream.write(Buffer.from('clean\n'))
  const beyond = open('stp_9')
  await beyond.stream.write(Buffer.from('clean\n'))
  beyond.stream.end()
  assert.match(linesOf(await beyond.look.finish()), /layer: the step sends more than 32 files at once/)
  const other = open('stp_10')
  await other.stream.write(Buffer.from(file(token)))
  other.stream.end()
  assert.match(linesOf(await other.look.finish()), /layer:3: secret "deploy"/)
  const late = open('stp_11', { endReason: 'finished' })
  await late.stream.write(Buffer.from('clean\n'))
  late.stream.end()
  assert.match(linesOf(await late.look.finish()), /the step has ended/)
})

test('what is ours for certain is refused and answered, however many places what is only likely takes in front of it', async (t) => {
  for (const [scan, place] of [
    [{}, 'images'],
    [{ allow: [{ finding: weakName, reason: 'words of the manual', until: '2200-01-01' }] }, 'push'],
  ] as const) {
    const it = setup(t, { scan })
    const docs = Array.from({ length: 150 }, (_, i) => [`docs/${i}.md`, file(weak)] as const)
    const verdict = await it.send({ ...Object.fromEntries(docs), 'src/key.ts': file(token) }, { place })
    assert.match(linesOf(verdict), /src\/key.ts:3: secret "deploy" of the vault/)
    assert.deepEqual(
      it.compromised.map(({ secret }) => secret),
      ['deploy'],
    )
    assert.equal(it.entries[0]?.data['outcome'], 'refused')
  }
})

test('places of a secret beyond those that are told are counted, and refused, accepted or not', async (t) => {
  const allow = [{ finding: weakName, reason: 'words of the manual', until: '2200-01-01' }]
  const files = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`docs/${i}.md`, file(value)]))
  const fits = setup(t, { scan: { allow } })
  assert.deepEqual(await fits.send(files(100, weak)), { ok: true })
  const beyond = setup(t, { scan: { allow } })
  assert.match(linesOf(await beyond.send(files(101, weak))), /more in it than is told/)
  assert.partialDeepStrictEqual(beyond.entries[0]?.data, { more: 1, allowed: 100 })
  const certain = setup(t)
  await certain.send(files(130, token), { place: 'images' })
  assert.partialDeepStrictEqual(certain.entries[0]?.data, { outcome: 'refused', more: 90 })
})

test('a file full of texts that begin as one secret does hides no other one', async (t) => {
  const it = setup(t)
  const junk = Array.from(
    { length: 5_000 },
    (_, i) => `${weak.slice(0, -4)}${i.toString(36).padStart(4, '-')}`,
  )
  const verdict = await it.send({ junk: `${junk.join('\n')}\n${file(token)}` }, { place: 'images' })
  assert.match(linesOf(verdict), /junk:5003: secret "deploy"/)
})

test('a yes is for all that was found, also for what is not shown: another secret in the thirtieth file is another question', async (t) => {
  const it = setup(t, { scan: { push: 'block', approvers: 'security' } })
  const files = (last: string) =>
    Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i + 10}`, file(i === 29 ? last : token)]))
  for (const last of [token, token, minted]) await it.send(files(last))
  const details = it.asked.map((one) => (one as { detail: { found: string; all: string } }).detail)
  for (const { found, all } of details) {
    assert.equal(found.match(/f\d\d:3: /g)?.length, 20)
    assert.ok(all.startsWith('30 findings, SHA-256'), all)
  }
  const [first, again, other] = details
  assert.deepEqual(first, again)
  assert.notEqual(first?.all, other?.all)
})

const exampleOf = (rule: string) =>
  fillTemplate(builtInRules.find(({ id }) => id === rule)?.examples?.positive[0] ?? '', seededRandom(7))

test('what the policy allows at a path passes only if it stands at no other; the place that decided is told', async (t) => {
  const at =
    (paths: readonly string[], isWhole = true) =>
    () => ({ paths, isWhole })
  const first = setup(t)
  const both = `${file(token)}${exampleOf('github-personal-access-token')}\n`
  const lines = linesOf(await first.send({ id: both }, {}, at(['test/a'])))
  assert.match(lines, /GitHub/)
  const [ours = '', byRule = ''] = [...lines.matchAll(/\[([0-9a-f]+)\]$/gm)].map(([, one]) => one)
  const allow = (path?: string) => ({
    allow: [ours, byRule].map((finding) => ({
      ...{ finding, reason: 'of a test', until: '2999-01-01' },
      ...(path === undefined ? {} : { path }),
    })),
  })
  const narrow = setup(t, { scan: allow('test/*') })
  assert.deepEqual(await narrow.send({ id: both }, {}, at(['test/a', 'test/b'])), { ok: true })
  const refused = linesOf(await narrow.send({ id: both }, {}, at(['test/a', 'prod/a'])))
  assert.match(refused, /^prod\/a:3: secret "deploy"/m)
  assert.match(refused, /^prod\/a:4:.*GitHub/m)
  assert.partialDeepStrictEqual(narrow.entries.at(-1)?.data, {
    ...{ outcome: 'refused', secrets: [{ path: 'prod/a' }], findings: [{ path: 'prod/a' }] },
  })
  assert.match(linesOf(await narrow.send({ id: both }, {}, at(['test/a'], false))), /^test\/a \(and perhaps/m)
  assert.match(linesOf(await narrow.send({ id: both }, {}, at([], false))), /secret "deploy"/)
  const wide = setup(t, { scan: allow() })
  assert.deepEqual(await wide.send({ id: both }, {}, at(['test/a', 'prod/a'], false)), { ok: true })
})

test('a rule of some paths alone goes by every path of a file, and tells where nobody knows them', async (t) => {
  const content = exampleOf('pgpass-password')
  const at =
    (paths: readonly string[], isWhole = true) =>
    () => ({ paths, isWhole })
  const it = setup(t)
  assert.deepEqual(await it.send({ id: content }, {}, at(['notes.txt'])), { ok: true })
  const lines = linesOf(await it.send({ id: content }, {}, at(['notes.txt', 'home/.pgpass'])))
  assert.match(lines, /^home\/\.pgpass:1:/m)
  assert.doesNotMatch(lines, /notes\.txt/)
  assert.deepEqual(it.told, [])
  assert.deepEqual(await it.send({ id: content }, {}, at(['notes.txt'], false)), { ok: true })
  assert.match(it.told.join('\n'), /notes\.txt.*possible/)
})
