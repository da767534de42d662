import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'
import { fingerprintOf } from '../../scan/findings/index.ts'
import { cases } from '../../scan/liveness/cases.fixture.ts'
import { endsWhenAsked, startVendors } from '../../scan/liveness/vendors.fixture.ts'
import { fillTemplate, seededRandom } from '../../scan/rules/index.ts'
import { openServer, policyText } from '../server.fixture.ts'

const policy = policyText({
  more: `scan:
  verify:
    kinds: [github-personal-access-token, sendgrid-api-key]`,
})
const random = seededRandom(3)
const [github] = cases
assert.ok(github)
const keyOf = (rule: string, secret: string) => ({
  ...{ rule, secret, fingerprint: fingerprintOf(rule, Buffer.from(secret)) },
})
const found = (rule = github.rule, template = github.secret) => keyOf(rule, fillTemplate(template, random))

/** What is true reaches the log a moment later. */
async function entriesOf(it: Awaited<ReturnType<typeof openServer>>, type: string, count: number) {
  while (it.audit.ofType(type).length < count) await pause(5)
  return it.audit.ofType(type)
}

test('an operator asks whether a secret lives: the log has it first, and nothing has the secret', async (t) => {
  const vendors = await startVendors(t, { tls: true })
  const it = await openServer(t, { policy, vendors: (...question) => vendors.ask(...question) })
  const atAsking: string[][] = []
  vendors.answer = () => {
    atAsking.push(it.audit.types())
    return github.alive
  }
  const key = found()
  const ask = () => it.asAdmin('POST', '/v1/scan/verify', { keys: [key] })
  const first = await ask()
  assert.equal(first.status, 200, inspect(first.body))
  const answer = { at: 'api.github.com', state: 'alive', whose: 'octocat, User', can: ['repo', 'read:org'] }
  const shared = { fingerprint: key.fingerprint, revocable: true }
  assert.deepEqual(first.body, { keys: [{ ...shared, ...answer, asked: 'now' }] })
  assert.ok(atAsking[0]?.includes('scan.verifying'))
  // Within the hour it is not asked again, but the log has that it was told.
  it.audit.down = true
  assert.ok((await ask()).status >= 500)
  it.audit.down = false
  assert.deepEqual((await ask()).body, { keys: [{ ...shared, ...answer, asked: 'before' }] })
  const { rule, fingerprint } = key
  assert.deepEqual(
    it.audit.ofType('scan.told').map(({ data }) => data['keys']),
    [[{ rule, fingerprint, at: 'api.github.com', state: 'alive' }]],
  )
  assert.equal(vendors.seen.length, 1)
  it.clock.aheadMs += 3_600_001
  await ask()
  assert.equal(vendors.seen.length, 2)
  const [verified] = await entriesOf(it, 'scan.verified', 2)
  assert.equal(verified?.data['state'], 'alive')
  assert.deepEqual(verified?.data['can'], ['repo', 'read:org'])
  // A person may be behind it: the log can forget them.
  assert.deepEqual(verified?.data['whose'], {
    $personal: { who: 'api.github.com octocat, User', name: 'octocat, User' },
  })
  const rows = await it.store.read.selectFrom('scan_asked').selectAll().execute()
  for (const text of [inspect(it.audit.entries, { depth: 9 }), inspect(rows)])
    assert.ok(!text.includes(key.secret))
})

test('what a vendor could not say is asked again after a minute', async (t) => {
  const vendors = await startVendors(t, { tls: false })
  const it = await openServer(t, { policy, vendors: (...question) => vendors.ask(...question) })
  const key = found()
  const ask = async () => {
    const { body } = await it.asAdmin('POST', '/v1/scan/verify', { keys: [key] })
    const [one] = body['keys'] as { state: string; asked: string }[]
    return [one?.state, one?.asked]
  }
  vendors.answer = () => ({ status: 503, text: 'later' })
  assert.deepEqual(await ask(), ['unknown', 'now'])
  vendors.answer = () => github.alive
  assert.deepEqual(await ask(), ['unknown', 'before'])
  it.clock.aheadMs += 60_001
  assert.deepEqual(await ask(), ['alive', 'now'])
})

test('what is not listed, is of the vault, or cannot be recorded is not asked', async (t) => {
  const vendors = await startVendors(t, { tls: false })
  vendors.answer = () => github.alive
  const ours = found()
  const it = await openServer(t, {
    policy,
    secrets: { deploy: ours.secret },
    vendors: (...question) => vendors.ask(...question),
  })
  const why = async (key: object) => {
    const { body } = await it.asAdmin('POST', '/v1/scan/verify', { keys: [key] })
    const [one] = body['keys'] as { state: string; asked: string; why: string }[]
    assert.deepEqual([one?.state, one?.asked], ['unknown', 'no'])
    return one?.why ?? ''
  }
  assert.match(
    await why(found('npm-token', 'npm_{alnum:36}')),
    /kinds of mayfly\.yaml does not list npm-token/,
  )
  assert.match(await why(ours), /secret of the vault.*mayfly secret compromise/)
  // The log has it before they are told; else they are not told.
  assert.partialDeepStrictEqual(
    it.audit.ofType('scan.known').map(({ data }) => data['secrets']),
    [[{ secret: 'deploy', version: 1, certain: true }]],
  )
  it.audit.down = true
  const untold = await it.asAdmin('POST', '/v1/scan/verify', { keys: [ours] })
  assert.ok(untold.status >= 500 && !inspect(untold.body).includes('vault'), inspect(untold.body))
  const unrecorded = found()
  assert.match(await why(unrecorded), /gives no receipts/)
  assert.equal(vendors.seen.length, 0)
  // It was not asked, so it is once that can be recorded.
  it.audit.down = false
  await it.asAdmin('POST', '/v1/scan/verify', { keys: [unrecorded] })
  assert.equal(vendors.seen.length, 1)
  const { body } = await it.asAdmin('GET', '/v1/scan/kinds')
  assert.deepEqual(body['kinds'], ['github-personal-access-token', 'sendgrid-api-key'])
  assert.deepEqual(body['revocable'], ['github-personal-access-token'])
})

test('no secret of the vault is guessed by asking: only all of it counts, none that is weak is told, who goes on waits', async (t) => {
  const vendors = await startVendors(t, { tls: false })
  vendors.answer = () => ({ status: 200, json: { scopes: ['mail.send'], login: 'octocat', id: 1 } })
  const weak = `SG.${'a'.repeat(22)}.${'a'.repeat(43)}`
  const word = 'changeme_please_prod'
  const it = await openServer(t, {
    policy,
    secrets: { mail: weak, db: word },
    vendors: (...question) => vendors.ask(...question),
  })
  const asked = async (key: object, path = 'verify') => {
    const body = path === 'verify' ? { keys: [key] } : key
    return await it.asAdmin('POST', `/v1/scan/${path}`, body)
  }
  // A guess within a text is none: it is asked about as any other.
  const around = keyOf(github.rule, fillTemplate(`github_pat_${word}_{alnum:60}`, random))
  const [one] = (await asked(around)).body['keys'] as { asked: string }[]
  assert.equal(one?.asked, 'now')
  const seen = vendors.seen.length
  const presented = keyOf('sendgrid-api-key', weak)
  for (const path of ['verify', 'revoke', 'verify']) {
    const { body } = await asked(presented, path)
    const told = path === 'verify' ? (body['keys'] as object[])[0] : body
    assert.partialDeepStrictEqual(told, { at: '', why: 'it is not asked about' })
  }
  assert.equal(vendors.seen.length, seen)
  assert.deepEqual(
    it.audit
      .ofType('scan.known')
      .map(({ data }) => (data['secrets'] as { secret: string; certain: boolean }[])[0])
      .map((known) => [known?.secret, known?.certain]),
    Array.from({ length: 3 }, () => ['mail', false]),
  )
  for (const path of ['verify', 'revoke']) assert.equal((await asked(presented, path)).status, 429)
  it.clock.aheadMs += 61_000
  assert.equal((await asked(presented)).status, 200)
})

test('what is answered is recorded of the secret that was sent, not of one that is named', async (t) => {
  const vendors = await startVendors(t, { tls: false })
  vendors.answer = () => ({ status: 401, json: { message: 'Bad credentials' } })
  const it = await openServer(t, { policy, vendors: (...question) => vendors.ask(...question) })
  const [mine, other] = [found(), found()]
  const wrong = { ...mine, fingerprint: other.fingerprint }
  for (const [path, body] of [
    ['verify', { keys: [found(), wrong] }],
    ['revoke', wrong],
  ] as const) {
    const answer = await it.asAdmin('POST', `/v1/scan/${path}`, body)
    assert.equal(answer.status, 400, inspect(answer.body))
    assert.match(inspect(answer.body), /fingerprint is not that of its rule and secret/)
  }
  assert.equal(vendors.seen.length, 0)
})

test('more than is meant to be asked at a vendor is told, and not asked', async (t) => {
  const vendors = await startVendors(t, { tls: false })
  vendors.answer = () => github.alive
  const it = await openServer(t, { policy, vendors: (...question) => vendors.ask(...question) })
  const keys = Array.from({ length: 15 }, () => found())
  const ask = async () => {
    const { body } = await it.asAdmin('POST', '/v1/scan/verify', { keys })
    return (body['keys'] as { asked: string; why?: string }[]).map(({ asked, why }) => [asked, why ?? ''])
  }
  const told = await ask()
  assert.equal(told.filter(([asked]) => asked === 'now').length, 10)
  assert.ok(
    told
      .filter(([asked]) => asked === 'no')
      .every(([, why]) => /too much is asked at api\.github\.com/.test(why ?? '')),
  )
  assert.equal(vendors.seen.length, 10)
  // Another vendor has its own.
  const other = found('sendgrid-api-key', 'SG.{alnum:22}.{alnum:43}')
  vendors.answer = () => ({ status: 200, json: { scopes: ['mail.send'] } })
  const { body } = await it.asAdmin('POST', '/v1/scan/verify', { keys: [other] })
  assert.equal((body['keys'] as { asked: string }[])[0]?.asked, 'now')
  vendors.answer = () => github.alive
  it.clock.aheadMs += 60_000
  const later = await ask()
  assert.deepEqual(
    later.map(([asked]) => String(asked)).toSorted((a, b) => a.localeCompare(b)),
    [...Array.from({ length: 10 }, () => 'before'), ...Array.from({ length: 5 }, () => 'now')],
  )
})

test('a secret is revoked once, after the log has it; and an operator needs the scope for it', async (t) => {
  const vendors = await startVendors(t, { tls: false })
  const it = await openServer(t, { policy, vendors: (...question) => vendors.ask(...question) })
  const key = found()
  const revoke = (one: object = key) => it.asAdmin('POST', '/v1/scan/revoke', one)
  vendors.answer = ({ method }) =>
    method === 'POST' ? { status: 422, json: { message: 'Validation failed' } } : github.alive
  assert.deepEqual((await revoke()).body, {
    ...{ state: 'failed', at: 'api.github.com', why: 'api.github.com answers with status 422' },
  })
  let before: string[] = []
  vendors.answer = endsWhenAsked(github.alive, github.dead?.[0] ?? { status: 500 }, () => {
    before = it.audit.types()
  })
  assert.deepEqual((await revoke()).body, { state: 'revoked', at: 'api.github.com' })
  assert.equal(before.filter((type) => type === 'scan.revoking').length, 2)
  assert.deepEqual((await revoke()).body, { state: 'before', at: 'api.github.com' })
  assert.partialDeepStrictEqual(it.audit.ofType('scan.told')[0]?.data, { keys: [{ state: 'revoked' }] })
  const posts = () => vendors.seen.filter(({ method }) => method === 'POST').length
  assert.equal(posts(), 2)
  const both = found()
  vendors.seen.length = 0
  const states = (await Promise.all([revoke(both), revoke(both)])).map(({ body }) => String(body['state']))
  assert.deepEqual(
    states.toSorted((a, b) => a.localeCompare(b)),
    ['not_asked', 'revoked'],
  )
  assert.equal(posts(), 1)
  it.audit.down = true
  const { body } = await revoke(found())
  assert.deepEqual([body['state'], posts()], ['not_asked', 1])
  it.audit.down = false
  assert.deepEqual(
    (await entriesOf(it, 'scan.revoked', 3)).map(({ data }) => data['state']),
    ['failed', 'revoked', 'revoked'],
  )
})

test('a body that is not of the form is refused without a word of it', async (t) => {
  const it = await openServer(t, { policy })
  const { secret } = found()
  for (const body of [
    { keys: [{ rule: secret, secret, fingerprint: '0'.repeat(32) }] },
    { keys: [{ ...found(), [secret]: 1 }] },
    { keys: [{ ...found(), beside: { [secret]: secret } }] },
    { keys: [{ ...found(), fingerprint: secret }] },
    { [secret]: [] },
    { keys: Array.from({ length: 21 }, () => found()) },
    { keys: [{ ...found(), secret: secret.repeat(300) }] },
  ]) {
    const answer = await it.asAdmin('POST', '/v1/scan/verify', body)
    assert.equal(answer.status, 400)
    assert.ok(!inspect(answer.body).includes(secret), inspect(answer.body))
  }
})
