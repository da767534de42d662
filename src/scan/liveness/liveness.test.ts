import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { hostileAnswers, oddAnswers } from '../../lib/hostile-answers.fixture.ts'
import { Secret } from '../../lib/index.ts'
import { builtInRules, fillTemplate, seededRandom } from '../rules/index.ts'
import { cases, type Case } from './cases.fixture.ts'
import { askable, createVendors, needingPlace, revocable, type FoundKey, type NamedPlace } from './index.ts'
import { kinds } from './kinds/index.ts'
import { endsWhenAsked, namedHost, startVendors, type Said, type StandIn } from './vendors.fixture.ts'

const random = seededRandom(7)
const own: NamedPlace = { connection: 'own', url: `https://${namedHost}/` }
const kindOf = new Map(kinds.flatMap((kind) => kind.rules.map((rule) => [rule, kind] as const)))

function keyOf({ rule, secret, beside }: Case): FoundKey & { readonly text: string } {
  // One that signs: the filler of templates only looks so.
  const text = secret === '{rsa}' ? rsaKey() : fillTemplate(secret, random)
  return {
    ...{ rule, text, secret: new Secret(text) },
    ...(beside === undefined ? {} : { beside: fillTemplate(beside, random) }),
  }
}

function rsaKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).trim().replaceAll('\n', '\\n')
}

const placeOf = (one: Case) => (kindOf.get(one.rule)?.host === undefined ? own : undefined)
const vendorsOf = (standIn: StandIn) =>
  createVendors({ ask: standIn.ask, nowMs: () => Date.now(), pause: async () => undefined })

/** Also an answer that means nothing in any kind: pages of those in between, failures, redirects. */
const odd: readonly Said[] = [
  { status: 200, text: '<html>Sign in to the network</html>' },
  { status: 200, json: {} },
  { status: 200, json: null },
  { status: 401, text: '<html>Proxy authentication</html>' },
  { status: 403, text: 'Blocked by the firewall' },
  { status: 404, text: '' },
  { status: 429, json: { message: 'Too many requests' }, headers: { 'retry-after': '60' } },
  { status: 500, json: { error: 'internal' } },
  { status: 503, text: 'Bad credentials' },
  { status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data/' } },
]

/** What gateways in front of a server of one's own say (Kong, Amazon's, Envoy, nginx), whatever is presented to them. */
const ofGateways: readonly Said[] = [
  { status: 401, json: { message: 'Unauthorized' } },
  { status: 401, json: { message: 'No API key found in request' } },
  { status: 401, json: { error: 'unauthorized' } },
  { status: 401, json: { error: { message: 'Unauthorized' } } },
  { status: 401, text: '<html><h1>401 Authorization Required</h1></html>' },
  { status: 403, json: { message: 'Forbidden' } },
  { status: 403, text: 'RBAC: access denied' },
]

test('each kind is of rules that there are, once, and says where it is documented', () => {
  const known = new Set(builtInRules.map(({ id }) => id))
  assert.deepEqual(
    askable.filter((rule) => !known.has(rule)),
    [],
  )
  assert.equal(new Set(kinds.flatMap(({ rules }) => rules)).size, kinds.flatMap(({ rules }) => rules).length)
  assert.ok(askable.length >= 60, String(askable.length))
  for (const { source, host, form, revoke } of kinds) {
    assert.match(source, /^https:\/\/[a-z0-9.-]+\.[a-z]{2,}\//)
    if (revoke !== undefined) assert.match(revoke.source, /^https:\/\//)
    if (host !== undefined) assert.match(host, /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/)
    assert.match(form.source, /^\^.*\$$/s, 'anchored as a whole')
    assert.equal(form.flags, '', 'no flag keeps a state, or lets a line end early')
  }
  // Every one is in the table below.
  assert.deepEqual(
    kinds.filter(({ rules }) => !cases.some(({ rule }) => rules.includes(rule))).map(({ rules }) => rules[0]),
    [],
  )
})

test('docs/scan-verify.md lists the kinds, with their hosts and who may end them', () => {
  const doc = readFileSync(new URL('../../../docs/scan-verify.md', import.meta.url), 'utf8')
  const marks = { host: ' *', always: ' **' }
  const markOf = (elsewhere?: 'host' | 'always', beside?: object) =>
    beside === undefined ? (elsewhere === undefined ? '' : marks[elsewhere]) : ' ***'
  for (const { rules, host, elsewhere, beside, revoke } of kinds) {
    const names = rules.map((rule) => `\`${rule}\``).join(', ')
    const where = `${host ?? 'a connection’s'}${markOf(elsewhere, beside)}`
    assert.ok(doc.includes(`| ${names} | ${where} | ${revoke === undefined ? '' : 'yes'} |\n`), names)
  }
})

test('each kind takes secrets as its rules find them', async () => {
  const { searchFor } = await import('../rules/find.fixture.ts')
  for (const rule of builtInRules.filter(({ id }) => kindOf.has(id))) {
    const { find } = searchFor([rule])
    const texts = [1, 20, 300, 4_000, 50_000].flatMap((seed) =>
      rule.examples.positive.map((example) => fillTemplate(example, seededRandom(seed))),
    )
    const found = texts.flatMap((text) => find(text).map(({ start, end }) => text.slice(start, end)))
    assert.ok(
      found.some((secret) => kindOf.get(rule.id)?.form.test(secret)),
      rule.id,
    )
  }
})

test('each vendor is asked as it documents, and its answers are read as it means them', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  for (const one of cases) {
    await t.test(one.rule, async () => {
      const key = keyOf(one)
      const place = placeOf(one)
      const host = (one.sends.split(' ')[1] ?? '').split('/')[0] ?? ''
      const answerTo = async (said: Said, at = place) => {
        standIn.answer = () => said
        standIn.seen.length = 0
        return await vendors.ask(key, at)
      }
      assert.deepEqual(await answerTo(one.alive), {
        ...{ state: 'alive', at: host },
        ...(one.whose === undefined ? {} : { whose: one.whose }),
        ...(one.can === undefined ? {} : { can: one.can }),
      })
      assertSent(standIn, key, one)
      for (const said of one.alsoAlive ?? []) {
        const { state, why } = await answerTo(said)
        assert.equal(state, 'alive', `${why} ${inspect(said)}`)
      }
      const { elsewhere, beside } = kindOf.get(one.rule) ?? {}
      for (const said of one.dead ?? []) {
        const { state, why } = await answerTo(said)
        const isSure = elsewhere === undefined && beside === undefined
        assert.equal(state, isSure ? 'dead' : 'unknown', inspect(said))
        if (!isSure)
          assert.match(why ?? '', beside === undefined ? /does not know it;/ : /which may be another's$/)
        // At a host that a connection names it is meant, but where another sort of key looks the same, or what stands beside it is believed.
        const named = await answerTo(said, own)
        const isMeant = elsewhere !== 'always' && beside === undefined
        assert.deepEqual([named.state, named.at], [isMeant ? 'dead' : 'unknown', namedHost])
      }
      if (elsewhere !== undefined || placeOf(one) !== undefined)
        for (const said of ofGateways)
          assert.equal((await answerTo(said, own)).state, 'unknown', inspect(said))
      for (const said of one.over ?? []) {
        const { state } = await answerTo(said)
        assert.equal(state, 'dead', inspect(said))
      }
      for (const said of [one.odd, ...(one.alsoOdd ?? []), ...odd]) {
        const { state, why } = await answerTo(said)
        assert.equal(state, 'unknown', inspect(said))
        assert.match(why ?? '', new RegExp(`^${RegExp.escape(host)} `))
        assert.equal(standIn.seen.length, 1, 'it is asked once, and no redirect is followed')
      }
    })
  }
})

function assertSent(
  { seen }: StandIn,
  key: FoundKey & { readonly text: string },
  { sends, header, body }: Pick<Case, 'sends' | 'header' | 'body'>,
): void {
  const fill = (text: string) => text.replace('&', key.beside ?? '').replace('$', () => key.text)
  const [asked] = seen
  assert.ok(asked)
  assert.ok(`${asked.method} ${asked.host}${asked.path}`.startsWith(fill(sends)), asked.path)
  if (header !== undefined)
    assert.ok(
      String(asked.headers[header[0]]).startsWith(fill(header[1] ?? '')),
      String(asked.headers[header[0]]),
    )
  if (body === undefined) assert.equal(asked.text, '')
  else assert.match(asked.text, body)
}

test('its holder may end it where the vendor lets them, and what is no yes of the vendor is none', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  const ended: string[] = []
  for (const one of cases) {
    const key = keyOf(one)
    standIn.seen.length = 0
    const { revoke } = one
    if (revoke === undefined) {
      assert.equal((await vendors.revoke(key, placeOf(one))).state, 'failed', one.rule)
      assert.equal(standIn.seen.length, 0)
      continue
    }
    const isOnlyTaken = kindOf.get(one.rule)?.revoke?.isOnlyTaken === true
    standIn.answer = isOnlyTaken
      ? endsWhenAsked(one.alive, one.dead?.[0] ?? { status: 500 })
      : () => revoke.done
    assert.equal((await vendors.revoke(key, placeOf(one))).state, 'revoked', one.rule)
    if (isOnlyTaken) assert.equal(standIn.seen.shift()?.method, 'GET')
    assertSent(standIn, key, revoke)
    for (const said of odd.filter(({ status }) => status !== 200 || revoke.done.status !== 200)) {
      standIn.answer = () => said
      assert.equal((await vendors.revoke(key, placeOf(one))).state, 'failed', `${one.rule} ${said.status}`)
    }
    ended.push(one.rule)
  }
  assert.ok(ended.length >= 10)
  assert.deepEqual(
    ended.filter((rule) => !revocable.includes(rule)),
    [],
  )
})

test('GitHub ends tokens of each form that it lists, and is asked to end no other', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  const [github] = cases
  assert.ok(github)
  const forms = { ghp: 'github-personal-access-token', gho: 'github-oauth-token', ghu: 'github-oauth-token' }
  for (const [form, rule] of Object.entries(forms)) {
    const secret = new Secret(fillTemplate(`${form}_{alnum:36}`, random))
    standIn.answer = endsWhenAsked(github.alive, github.dead?.[0] ?? { status: 500 })
    assert.equal((await vendors.revoke({ rule, secret })).state, 'revoked', form)
    assert.deepEqual(
      standIn.seen.filter(({ method }) => method === 'POST').map(({ text }) => JSON.parse(text) as unknown),
      [{ credentials: [secret.reveal()] }],
    )
    standIn.seen.length = 0
  }
})

test('a yes that only says it was taken ends nothing until the vendor refuses the secret that it knew', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  const [github] = cases
  assert.ok(github?.revoke !== undefined)
  const key = keyOf(github)
  standIn.answer = ({ method }) => (method === 'POST' ? github.revoke!.done : github.alive)
  const told = await vendors.revoke(key)
  assert.deepEqual([told.state, told.at], ['failed', 'api.github.com'])
  assert.match(told.why ?? '', /has taken the request, and does not refuse the secret yet/)
  // One that it never knew, as of a server of somebody's own, would be refused afterwards, too.
  standIn.seen.length = 0
  standIn.answer = ({ method }) =>
    method === 'POST' ? github.revoke!.done : (github.dead?.[0] ?? { status: 500 })
  assert.match((await vendors.revoke(key)).why ?? '', /does not say that it is alive/)
  assert.deepEqual(
    standIn.seen.map(({ method }) => method),
    ['GET'],
  )
})

test('nobody is asked where a part is missing, the form is another, or no connection names the server', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  const asked = async (rule: string, secret: string, beside?: string) =>
    await vendors.ask({ rule, secret: new Secret(fillTemplate(secret, random)), beside })
  for (const [rule, secret, beside, why] of [
    ['aws-access-key-pair', '{base64:40}', undefined, /does not stand beside it/],
    ['aws-access-key-pair', '{base64:40}', 'ASIAQ{upper:15}', /does not stand beside it/],
    ['twilio-account-pair', '{hex:32}', '../../x', /does not stand beside it/],
    ['hashicorp-vault-token', 'hvs.{alnum:24}', undefined, /scan\.verify\.at/],
    ['tailscale-key', 'tskey-auth-k{alnum:6}CNTRL-{alnum:33}', undefined, /this form/],
    [
      'slack-webhook',
      'https://hooks.slack.com/triggers/T{uppernum:10}/{digits:13}/{hex:32}',
      undefined,
      /this form/,
    ],
    ['github-personal-access-token', 'ghp_{alnum:36}\r\nhost: evil', undefined, /this form/],
    ['telegram-bot-token', '{digits:9}:AA{alnum:30}/..', undefined, /this form/],
    ['discord-webhook', 'https://evil.test/api/webhooks/{digits:19}/{alnum:68}', undefined, /this form/],
    ['pem-private-key', 'x', undefined, /nobody can be asked/],
  ] as const) {
    const { state, why: said, at } = await asked(rule, secret, beside)
    assert.deepEqual([state, at], ['unknown', ''], rule)
    assert.match(said ?? '', why)
  }
  assert.equal(standIn.seen.length, 0)
  assert.ok(needingPlace.includes('hashicorp-vault-token'))
})

const [github] = cases
assert.ok(github)

test('a vendor that repeats the secret, or writes to the terminal, is not repeated', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  const key = keyOf(github)
  const bytes = Buffer.from(key.text)
  const forms = [
    key.text,
    `you are ${key.text}!`,
    key.text.slice(3, 20),
    key.text.toUpperCase(),
    bytes.toString('hex'),
    bytes.toString('base64'),
    Buffer.from(`x${key.text}`).toString('base64'),
    Buffer.from(`xx:${key.text}`).toString('base64url'),
    [...key.text].join(' '),
    [...key.text].toReversed().join(''),
    key.text.toUpperCase().replaceAll(/[^]/g, (c) => `%${c.charCodeAt(0).toString(16)}`),
  ]
  for (const form of forms) {
    standIn.answer = () => ({
      status: 200,
      json: { login: form, id: 1, type: form },
      headers: { 'x-oauth-scopes': `repo, ${form.replaceAll(/[^\w+/=-]/g, '')}` },
    })
    const told = await vendors.ask(key)
    assert.deepEqual(told, {
      ...{ state: 'alive', at: 'api.github.com', whose: '(repeats the secret: not shown)' },
      can: ['repo', '(repeats the secret: not shown)'],
    })
  }
  standIn.answer = () => ({
    status: 200,
    json: { login: '\u001b]0;x\u0007evil\u202e', id: 1, type: 'y'.repeat(5_000) },
    headers: { 'x-oauth-scopes': Array.from({ length: 900 }, (_, i) => `s${i}`).join(' ') },
  })
  const { whose = '', can = [] } = await vendors.ask(key)
  assert.equal(whose, `\\u001b]0;x\\u0007evil\\u202e, ${'y'.repeat(120)}…`)
  assert.equal(can.length, 31)
  // What it means to say it with: the key itself cannot be printed either.
  assert.ok(!inspect(key.secret).includes(key.text))
})

test('a secret in pieces is not repeated, in whatever order; what only looks a little like it is shown', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  const key = keyOf(github)
  const told = async (login: string, scopes: readonly string[]) => {
    standIn.answer = () => ({
      status: 200,
      json: { login, id: 1, type: 'User' },
      headers: { 'x-oauth-scopes': scopes.join(',') },
    })
    const { whose, can } = await vendors.ask(key)
    return [whose, ...(can ?? [])].join(' ')
  }
  const pieces = (size: number) => key.text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []
  for (const size of [1, 2, 3, 5, 7]) {
    const shown = await told('octocat', pieces(size))
    assert.match(shown, /repeats the secret/, String(size))
    for (const piece of pieces(size).slice(2, -1)) if (size > 3) assert.ok(!shown.includes(piece), piece)
  }
  assert.match(await told('octocat', pieces(7).toReversed()), /repeats the secret/)
  const numbers = key.text.replaceAll(/[^]/g, (c) => `&#${c.charCodeAt(0)};`)
  const wide = [...key.text].map((c) => String.fromCodePoint((c.codePointAt(0) ?? 0) + 0xfee0)).join('')
  assert.match(await told(wide, []), /^.repeats the secret/)
  assert.match(await told(numbers, []), /^.repeats the secret/)
  assert.equal(await told('octo-ghp-user', ['repo', 'read:org']), 'octo-ghp-user, User repo read:org')
})

test('an answer is looked at in no more time, however long it or the secret is', async (t) => {
  const standIn = await startVendors(t, { tls: false })
  const vendors = vendorsOf(standIn)
  const random = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')
  const fly = { rule: 'fly-access-token', secret: new Secret(`fm2_${random(2_990)}`) }
  // What cleaning works through: letters of what is shown and of the forms of the secret, never the answer.
  standIn.answer = () => ({
    status: 200,
    json: { tokens: [{ token_id: 'a', org_slug: random(180_000) }] },
  })
  const { state, whose = '' } = await vendors.ask(fly)
  assert.deepEqual([state, whose.length <= 130], ['alive', true])
  // A pattern that could be tried at each place is asked of no such text.
  const google = cases.find(({ rule }) => rule === 'gcp-service-account-key')
  assert.ok(google)
  standIn.answer = () => ({
    status: 400,
    json: { error: 'invalid_grant', error_description: 'account'.repeat(35_000) },
  })
  assert.equal((await vendors.ask(keyOf(google))).state, 'unknown')
})

test('a hostile vendor ends in unknown: no HTTP, floods, an endless body, a slow drip, another certificate', async (t) => {
  const standIn = await startVendors(t, { tls: true })
  const vendors = vendorsOf(standIn)
  const key = keyOf(github)
  const unknown = async (what: string) => {
    const told = await vendors.ask(key)
    assert.deepEqual([told.state, told.at], ['unknown', 'api.github.com'], what)
    assert.ok(!(told.why ?? '').includes(key.text.slice(4)))
    return told.why ?? ''
  }
  for (const [what, { bytes, close }] of Object.entries({ ...hostileAnswers, ...oddAnswers })) {
    if (close !== true && /without an end|a NUL|100s|103s|less than/.test(what)) continue
    standIn.answer = () => (socket) => (close === true ? socket.end(bytes) : socket.end(bytes))
    await unknown(what)
  }
  standIn.answer = () => (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"login":"')
    const piece = 'x'.repeat(65_536)
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
      if (!socket.destroyed) socket.once('drain', more)
    }
    more()
  }
  assert.match(await unknown('an endless body'), /more than 262144 bytes/)
  const drips: NodeJS.Timeout[] = []
  t.after(() => drips.forEach(clearInterval))
  standIn.answer = () => (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{')
    drips.push(setInterval(() => socket.write(' '), 50))
  }
  const quick = createVendors({
    ask: (question, connection) => standIn.ask({ ...question, timeoutMs: 300 }, connection),
    nowMs: () => Date.now(),
  })
  assert.match((await quick.ask(key)).why ?? '', /not within/)
  // The certificate is not the vendor's.
  const other = {
    ...key,
    rule: 'hashicorp-vault-token',
    secret: new Secret(fillTemplate('hvs.{alnum:24}', random)),
  }
  const told = await vendors.ask(other, { connection: 'own', url: 'https://unheard.corp.test' })
  assert.deepEqual([told.state, told.at], ['unknown', 'unheard.corp.test'])
})

test('a key of AWS is signed for the region of the endpoint that is asked', async () => {
  const one = cases.find(({ rule }) => rule === 'aws-access-key-pair')
  assert.ok(one !== undefined)
  for (const [host, region] of [
    ['sts.amazonaws.com', 'us-east-1'],
    ['sts.eu-central-1.amazonaws.com', 'eu-central-1'],
    ['sts-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['sts.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['vpce-0a1b.sts.ap-southeast-2.vpce.amazonaws.com', 'ap-southeast-2'],
    ['sts.internal.example.com', 'us-east-1'],
  ] as const) {
    const seen: string[] = []
    const vendors = createVendors({
      ask: ({ headers }) => {
        seen.push(String(new Headers(headers).get('authorization')))
        return Promise.reject(new Error('nobody answers'))
      },
      nowMs: () => Date.now(),
    })
    await vendors.ask(keyOf(one), { connection: 'sts', url: `https://${host}` })
    assert.match(seen.join(), new RegExp(`/${region}/sts/aws4_request,`), host)
  }
})
