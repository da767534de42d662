import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createKnownSecrets, findCandidates, fingerprintsOf, keysOf } from './index.ts'
import { packFingerprints, unpackFingerprints } from './index.ts'

const keys = keysOf(randomBytes(32))

function knowing(...secrets: readonly string[]) {
  const known = createKnownSecrets<string>(keys)
  for (const [i, secret] of secrets.entries()) known.add(String(i), secret, fingerprintsOf(secret, keys))
  return known
}

const token = `tok_${randomBytes(27).toString('base64url')}`
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  ...{ type: 'pkcs8', format: 'pem' },
})

test('a secret is found in every form, wherever it stands, and only the secret', () => {
  const known = knowing(token)
  const base64 = Buffer.from(`user:${token}`).toString('base64')
  const forms: Record<string, string | Buffer> = {
    plain: token,
    base64,
    'base64 of lines': Buffer.from(`some text before it ${token} and after`)
      .toString('base64')
      .replaceAll(/.{64}/g, '$&\n  '),
    'base64 for URLs': Buffer.from(`:${token}`).toString('base64url'),
    'base64 twice': Buffer.from(base64).toString('base64'),
    hex: Buffer.from(token).toString('hex'),
    'hex of lines': Buffer.from(token).toString('hex').toUpperCase().replaceAll(/.{40}/g, '$&\r\n'),
    JSON: JSON.stringify(JSON.stringify({ token })),
    'UTF-16': Buffer.from(token, 'utf16le'),
    'escaped for URLs': token.replaceAll(/[^]/g, (c) => `%${c.charCodeAt(0).toString(16)}`),
    reversed: [...token].toReversed().join(''),
  }
  for (const [what, form] of Object.entries(forms))
    for (let before = 0; before < 9; before++) {
      const bytes = Buffer.concat([
        Buffer.from('x = "y"; '.slice(0, before)),
        Buffer.from(form),
        Buffer.from('"\n'),
      ])
      const { hits, isWhole } = known.find(bytes)
      assert.deepEqual([hits.map(({ of }) => of), isWhole], [[token], true], `${what} after ${before}`)
      assert.equal(hits[0]?.isCertain, true)
    }
  const place = known.find(Buffer.from(`abc ${token}`)).hits[0]
  assert.deepEqual([place?.start, place?.end], [4, 4 + token.length])
  const other = `${token.slice(0, -1)}${token.endsWith('x') ? 'y' : 'x'}`
  assert.deepEqual(known.find(Buffer.from(`${other} ${token.slice(0, -1)}`)).hits, [])
  assert.deepEqual(known.find(randomBytes(3_000_000)).hits, [])
})

test('of a document or a chain only what is secret in it is looked for', () => {
  const certificate = `-----BEGIN CERTIFICATE-----\n${randomBytes(700).toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  const account = JSON.stringify({
    type: 'service_account',
    private_key_id: randomBytes(20).toString('hex'),
    private_key: rsa,
    client_email: 'deployer-of-everything@my-project-1234.iam.gserviceaccount.com',
  })
  const known = knowing(
    `${certificate}${pem}`,
    account,
    'postgres://app:s3cr3t-Pa55w0rd9Zq@db.internal/app',
    `deploy:${token}`,
  )
  const innocent = [
    certificate,
    (JSON.parse(account) as { client_email: string }).client_email,
    'postgres://app:',
    'deploy:',
  ]
  assert.deepEqual(known.find(Buffer.from(innocent.join('\n'))).hits, [])
  const leaks = [
    pem,
    rsa,
    JSON.stringify({ key: rsa }),
    rsa.replaceAll('\n', '\r\n'),
    `export DB_PASS=s3cr3t-Pa55w0rd9Zq`,
    `curl -u other:${token}`,
  ]
  for (const leak of leaks) assert.equal(known.find(Buffer.from(leak)).hits.length, 1, leak.slice(0, 60))
  assert.deepEqual(known.find(Buffer.from(pem.split('\n')[0] ?? '')).hits, [])
})

test('of a file of settings what its names call secret is looked for, in whatever form it is written, and nothing else of it', () => {
  const fresh = () => `tok_${randomBytes(27).toString('base64url')}`
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const host = 'registry-of-everything-7.corp-internal.example.com'
  const user = 'deployer-of-everything-0815-at-corp'
  const authority = randomBytes(300).toString('base64')
  const files: Record<string, (token: string) => string> = {
    '.env': (token) =>
      `# of the app\nDB_HOST=${host}\nDB_USER=${user}\nexport DB_PASSWORD="${token}" # new\n`,
    '.env on one line': (token) => `DB_PASSWORD=${token}`,
    YAML: (token) => `db:\n  host: ${host}\n  user: ${user}\n  password: '${token}'\n`,
    'a block of YAML': (token) => `app:\n  host: ${host}\n  secret: |-\n    ${token}\n  user: ${user}\n`,
    'Kubernetes, environment': (token) =>
      `env:\n  - name: API_TOKEN\n    value: ${token}\n  - name: HOST\n    value: ${host}\n`,
    'Kubernetes, a secret': (token) =>
      `kind: Secret\ndata:\n  user: ${base64(user)}\n  password: ${base64(token)}\n`,
    kubeconfig: (token) =>
      `users:\n- user:\n    certificate-authority-data: ${authority}\n    token: ${token}\n`,
    INI: (token) => `[db]\nhost = ${host}\nsecret = ${token}\n`,
    TOML: (token) => `[db]\nhost = "${host}"\napi_key = "${token}"\n`,
    properties: (token) => `spring.datasource.username=${user}\nspring.datasource.password=${token}\n`,
    '.npmrc': (token) => `registry=https://${host}/\n//${host}/:_authToken=${token}\n`,
    netrc: (token) => `machine ${host}\n  login ${user}\n  password ${token}\n`,
    'netrc on one line': (token) => `machine ${host} login ${user} password ${token}`,
    '.pgpass': (token) => `# ours\n${host}:5432:app:${user}:${token}\n`,
    'git-credentials': (token) => `https://${user}:${token}@${host}\nhttps://${user}:${fresh()}@other.test\n`,
    'settings.xml': (token) =>
      `<server>\n  <id>${host}</id>\n  <username>${user}</username>\n  <password>${token}</password>\n</server>`,
    'config.json of Docker': (token) =>
      JSON.stringify({ auths: { [host]: { auth: base64(`${user}:${token}`) } } }),
    'base64 of user and password': (token) => base64(`${user}:${token}`),
    'a URL among others': (token) =>
      `HOST=${host}\nDATABASE_URL=postgres://${user}:${token}@${host}/app\nAPI_KEY=${fresh()}\n`,
    'a key and its password': (token) => `${pem}KEY_PASSWORD=${token}\n`,
    'JSON with a key and a token': (token) => JSON.stringify({ private_key: rsa, client_secret: token }),
    'the last of many': (token) =>
      [...Array.from({ length: 40 }, (_, i) => `TOKEN_${i}=${fresh()}`), `TOKEN=${token}`].join('\n'),
  }
  for (const [what, file] of Object.entries(files)) {
    const mine = fresh()
    const known = knowing(file(mine))
    const { hits } = known.find(Buffer.from(`x ${mine} y`))
    assert.deepEqual(
      hits.map(({ start, isCertain }) => [start, isCertain]),
      [[2, true]],
      what,
    )
    assert.deepEqual(known.find(Buffer.from(`${host} ${user} ${authority}`)).hits, [], what)
  }
  const both = knowing(`${pem}KEY_PASSWORD=${token}\n`)
  assert.equal(both.find(Buffer.from(pem)).hits.length, 1)
})

test('what is short or easy to guess is not looked for; what others may use, too, is not certain', () => {
  for (const weak of [
    'hunter2',
    'changeme',
    'postgres-password',
    'aaaaaaaaaaaaaaaaaaaaaaaaaa',
    'localhost:5432',
    '2026-11-29',
  ])
    assert.deepEqual(fingerprintsOf(weak, keys), [], weak)
  const words = knowing('correct-horse-battery-staple')
  assert.deepEqual(
    words.find(Buffer.from('password: correct-horse-battery-staple')).hits.map(({ isCertain }) => isCertain),
    [false],
  )
})

test('an address that everybody has is not certain; one with a secret in its path, its query or before its host is', () => {
  const secret = randomBytes(16).toString('hex')
  for (const [address, isCertain] of [
    ['https://hooks.slack.com/services/', false],
    ['https://registry.corp-internal.example.com:8443', false],
    ['https://deploy@git.corp-internal.example.com/octo/app.git', false],
    [`https://hooks.slack.com/services/T0/B0/${secret}`, true],
    [`https://api.example.com/x?sig=${secret}`, true],
    [`https://${secret}@api.example.com/`, true],
  ] as const) {
    const { hits } = knowing(address).find(Buffer.from(`url: ${address}\n`))
    assert.deepEqual([...new Set(hits.map((hit) => hit.isCertain))], [isCertain], address)
  }
})

test('who scans has neither a secret nor what proves one, and can be another thread', () => {
  const known = knowing(token, pem)
  const table = structuredClone(known.table())
  const held = JSON.stringify([...table.shapes]) + Buffer.from(table.bits.buffer).toString('latin1')
  for (const { proof } of fingerprintsOf(token, keys)) assert.ok(!held.includes(proof.toString('latin1')))
  const found: string[] = []
  const bytes = Buffer.from(`a line\n${token}\n`)
  findCandidates(table, bytes, (one) => found.push(...known.prove(one).map(({ of }) => of)), 10)
  assert.ok(found.includes(token))
  // With another vault's key the same windows are nothing.
  const other = createKnownSecrets<string>(keysOf(randomBytes(32)))
  other.add('1', 'other', fingerprintsOf(randomBytes(30).toString('hex'), keys))
  assert.deepEqual(other.find(bytes).hits, [])
  known.remove('0')
  assert.deepEqual([known.find(bytes).hits, [...known.ids()]], [[], ['1']])
})

test('what is packed is unpacked as it was; what is packed otherwise is refused', () => {
  const made = fingerprintsOf(`${token}\n${pem}`, keys)
  assert.deepEqual(unpackFingerprints(packFingerprints(made)), made)
  const packed = packFingerprints(made)
  assert.throws(() => unpackFingerprints(packed.subarray(1)), /as this version packs them/)
})

test('a file that is full of beginnings of a secret is not proved without end', () => {
  const known = knowing(token)
  const isWhole = (text: string) => known.find(Buffer.from(text)).isWhole
  assert.equal(isWhole(`${token.slice(0, -1)} ${token.slice(1)} `.repeat(10_000)), false)
  assert.equal(isWhole(`${token.slice(0, -1)} ${token.slice(1)} `.repeat(10)), true)
})

test('no secret hides another one, however they overlap: a guessable one in front, one within the other, the same under two names', () => {
  const hex = (bytes: number) => randomBytes(bytes).toString('hex')
  for (let i = 0; i < 40; i++) {
    // Which window is met first depends on the place, and on the secret.
    const strong = `postgres-admin-user-${hex(15)}`
    const inner = hex(16)
    const outer = `${hex(9)}.${inner}`
    const known = knowing('postgres-admin-user', strong, inner, outer, inner)
    const { hits, isWhole } = known.find(
      Buffer.from(`${' '.repeat(i % 8)}DB=${strong}\nKEY=${outer}\nother ${inner}\n`),
    )
    assert.ok(isWhole)
    const of = (secret: string) => hits.filter((hit) => hit.of === secret && hit.isCertain).length
    assert.deepEqual([of(strong), of(outer), of(inner)], [1, 1, 4])
    assert.deepEqual(
      hits.map(({ start }) => start),
      hits.map(({ start }) => start).toSorted((one, other) => one - other),
    )
  }
})

test('what tools wrap is known as others wrap it again, indent it, quote it, put it on one line or keep it as bytes', () => {
  const body = (key: string) => key.replaceAll(/-----[^-]+-----|\s/g, '')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'pem' })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    ...{ type: 'pkcs8', format: 'pem' },
  })
  const blob = randomBytes(300).toString('base64')
  const wrapped = (text: string, width: number) => text.replaceAll(new RegExp(`.{${width}}`, 'g'), '$&\n')
  const each = (text: string, line: (line: string) => string) => text.trim().split('\n').map(line).join('')
  const ways: Record<string, (text: string) => string> = {
    'two blanks': (text) => each(text, (line) => `  ${line}\n`),
    'twelve blanks, and ends of Windows': (text) => each(text, (line) => `${' '.repeat(12)}${line}\r\n`),
    'a tab': (text) => each(text, (line) => `\t${line}\n`),
    'a comment of shells': (text) => each(text, (line) => `# ${line}\n`),
    'a comment of C': (text) => each(text, (line) => `    // ${line}\n`),
    'a comment of blocks': (text) => each(text, (line) => ` * ${line}\n`),
    'a comment of SQL': (text) => each(text, (line) => `-- ${line}\n`),
    'a mail': (text) => each(text, (line) => `> ${line}\n`),
    'a list': (text) => each(text, (line) => `  - ${line}\n`),
    'a patch': (text) => each(text, (line) => `+${line}\n`),
    'a patch of an indented one': (text) => each(text, (line) => `-  ${line}\n`),
    'strings of JavaScript': (text) => each(text, (line) => `  "${line}\\n" +\n`),
    'strings of Python': (text) => each(text, (line) => `    '${line}\\n'\n`),
    'lines that go on': (text) => each(text, (line) => `${line}\\\n  `),
    'blanks alone': (text) => each(text, (line) => `${line} `),
    'escaped ends': (text) => each(text, (line) => `${line}\\n`),
    'twice escaped ends': (text) => each(text, (line) => `${line}\\r\\n`),
    'ends of an address': (text) => each(text, (line) => `${line}%0A`),
    'ends of XML': (text) => each(text, (line) => `${line}&#xA;`),
    'a column of a table': (text) => each(text, (line) => `| ${line} |\n`),
    'bytes in hex': (text) => Buffer.from(body(text), 'base64').toString('hex'),
    'bytes in base64 for URLs': (text) =>
      Buffer.from(`..${Buffer.from(body(text), 'base64').toString('latin1')}`, 'latin1').toString(
        'base64url',
      ),
  }
  const kept = [
    [pkcs8, [pkcs8]],
    [pkcs1, [pkcs1, pkcs8]],
    [ec, [ec]],
    [blob, [wrapped(blob, 64)]],
    [wrapped(blob, 76), [blob, wrapped(blob, 64)]],
  ] as const
  for (const [secret, texts] of kept) {
    const known = knowing(secret)
    for (const text of texts)
      for (const width of [48, 64, 70, 76, 10_000])
        for (const [what, way] of Object.entries(ways)) {
          const again = text.startsWith('-----')
            ? text.replace(/(?<=-----\n)[^-]+/, wrapped(body(text), width))
            : wrapped(body(text), width)
          const { hits } = known.find(Buffer.from(`key: |\n${way(again)}\nend`))
          assert.ok(
            hits.some(({ isCertain }) => isCertain),
            `${what}, ${width}: ${text.slice(0, 20)}`,
          )
        }
    const bytes = Buffer.from(body(secret), 'base64')
    for (const before of ['', '.', '..', '...'])
      assert.ok(known.find(Buffer.concat([Buffer.from(before), bytes])).hits.length > 0, `bytes ${before}`)
  }
  // A backslash in front takes no letter from it.
  const npm = `npm_${randomBytes(18).toString('hex')}`
  assert.equal(knowing(npm).find(Buffer.from(`C:\\${npm}`)).hits.length, 1)
})
