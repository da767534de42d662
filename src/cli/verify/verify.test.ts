import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { githubIdentity } from '../../attest/verify/demands.fixture.ts'
import { openSigning } from '../../gateway/attestations.fixture.ts'
import { attestationFiles } from '../../runner/index.ts'
import { content, openFolder, sha256 } from './folder.fixture.ts'
import { runVerify } from './verify.ts'

test('a file is verified by the bundle beside it; what is not so is named, and each answer has its exit code', async (t) => {
  const signing = await openSigning(t)
  const { at, file, write, run } = await openFolder(t, signing)
  const none = await run([file])
  assert.deepEqual([none.code, none.artifacts[0]?.result], [1, 'not_verified'])
  assert.match(none.artifacts[0]?.reasons[0] ?? '', /no attestation was found/)
  const bundle = await signing.sign({ digest: sha256(content) })
  write('app.tgz.sigstore.json', bundle)
  const good = await run([file])
  assert.deepEqual([good.code, good.artifacts[0]?.result], [0, 'verified'])
  assert.match(JSON.stringify(good.artifacts[0]?.by), new RegExp(RegExp.escape(githubIdentity.san)))
  const other = await run([file], { require: ['role=release', 'tier=B'] })
  assert.equal(other.code, 1)
  assert.deepEqual(other.artifacts[0]?.reasons, ['role: expected release, got build'])
  const changed = write('changed.tgz', `${content}!`)
  const two = await run([file, changed], { bundle: [at('app.tgz.sigstore.json')] })
  assert.deepEqual([two.code, two.artifacts.map(({ result }) => result)], [1, ['verified', 'not_verified']])
  assert.match(two.artifacts[1]?.reasons[0] ?? '', /^provenance: there is none about sha256:/)
  write('app.tgz.sigstore.json', bundle.replace('"payload":"', '"payload":"A'))
  assert.match(
    (await run([file])).artifacts[0]?.reasons.at(-1) ?? '',
    /app\.tgz\.sigstore\.json: .*\([a-z_]+\)$/,
  )
  // A digest alone, with bundles one on each line.
  write('all.jsonl', `${await signing.sign({ digest: sha256('x') })}\n${bundle}\n`)
  assert.equal((await run([sha256(content)], { bundle: [at('all.jsonl')] })).code, 0)
  const lost = await run([at('none.tgz')])
  assert.deepEqual([lost.code, lost.artifacts[0]?.result], [2, 'unknown'])
  const folder = await run([at('.')])
  assert.deepEqual([folder.code, folder.artifacts[0]?.result], [2, 'unknown'])
  const junit = at('junit.xml')
  await run([file, at('none.tgz')], { junit })
  assert.match(
    readFileSync(junit, 'utf8'),
    /tests="2" failures="1" errors="1"[^]*<failure message="[^]*<error message="/,
  )
})

test('bundles that are given are read once for all artifacts: a pipe has them once', async (t) => {
  const signing = await openSigning(t)
  const { at, file, write, run } = await openFolder(t, signing)
  const pipe = at('pipe')
  execFileSync('mkfifo', [pipe])
  const writer = spawn('sh', [
    '-c',
    'cat "$1" >"$0"',
    pipe,
    write('b', await signing.sign({ digest: sha256(content) })),
  ])
  t.after(() => writer.kill())
  const { code, artifacts } = await run([file, write('same.tgz', content)], { bundle: [pipe] })
  assert.deepEqual([code, artifacts.map(({ result }) => result)], [0, ['verified', 'verified']])
  const lost = await run([file], { bundle: [at('none')] })
  assert.deepEqual([lost.code, lost.artifacts], [2, []])
  assert.match(lost.error, /none cannot be read/)
})

test('where the policy is wrong the JUnit file says so of each artifact: one of an earlier run would be shown', async (t) => {
  const signing = await openSigning(t)
  const { at, file, write } = await openFolder(t, signing)
  const junit = write('junit.xml', 'of an earlier run: all verified')
  const said: string[] = []
  t.mock.method(process.stderr, 'write', (text: unknown) => said.push(String(text)) > 0)
  const policy = write('policy.yaml', 'require:\n  rol: build\n')
  assert.equal(await runVerify([file, 'sha256:x'], { policy, junit, json: false }), 2)
  const xml = readFileSync(junit, 'utf8')
  assert.match(xml, /tests="2" failures="0" errors="2"/)
  assert.equal(xml.match(/<error message="[^"]*policy\.yaml:2:3: unknown key/g)?.length, 2)
  said.length = 0
  assert.equal(await runVerify([file], { policy, junit: at('none/junit.xml'), json: false }), 2)
  assert.match(said.join(''), /unknown key[^]*--junit \S+ cannot be written/)
})

test('what mayfly run writes of artifacts is found, whatever they are called and wherever they are', async (t) => {
  const signing = await openSigning(t)
  const { at, write, run } = await openFolder(t, signing)
  const paths = [
    'dist/app',
    'other/app',
    'dist/App',
    'dist/new\nline',
    'dist/.hidden',
    'sbom',
    'x/y/plain.tgz',
  ]
  const artifacts = paths.map((path) => ({ path, sha256: sha256(path).slice('sha256:'.length) }))
  // One folder for all, as `--attestations DIR` has them.
  mkdirSync(at('out'))
  const names = attestationFiles({ provenance: '{"dsseEnvelope":{}}' }, artifacts).map(({ name }) => name)
  for (const [i, { sha256: digest }] of artifacts.entries())
    write(`out/${names[i] ?? ''}`, await signing.sign({ digest: `sha256:${digest}` }))
  for (const { path } of artifacts) {
    mkdirSync(at(dirname(path)), { recursive: true })
    writeFileSync(at(path), path)
    const found = await run([at(path)], { attestations: at('out') })
    assert.deepEqual([found.code, found.artifacts[0]?.reasons], [0, []], path)
  }
  assert.equal((await run([at('x/y/plain.tgz')])).code, 1, 'not beside it')
  // Of more than a hundred artifacts there is one bundle for all.
  const many = Array.from({ length: 101 }, (_, i) => ({ path: `f${i}`, sha256: sha256('f7').slice(7) }))
  for (const { name, text } of attestationFiles(
    { provenance: await signing.sign({ digest: sha256('f7') }) },
    many,
  ))
    writeFileSync(at(name), text)
  writeFileSync(at('f7'), 'f7')
  assert.equal((await run([at('f7')])).code, 0)
})

test('plain envelopes, other kinds of bundles, other encodings and parts of digests are named as what they are', async (t) => {
  const signing = await openSigning(t)
  const { at, file, write, run } = await openFolder(t, signing)
  const bundle = await signing.sign({ digest: sha256(content) })
  const reasons = async (...args: Parameters<typeof run>) => {
    const { artifacts, error } = await run(...args)
    return [error, ...artifacts.flatMap((one) => one.reasons)].join('\n')
  }
  const changed = (work: (parts: BundleParts) => void) => {
    const parts = JSON.parse(bundle) as BundleParts
    work(parts)
    return write('changed.json', JSON.stringify(parts))
  }
  const { dsseEnvelope } = JSON.parse(bundle) as BundleParts
  write('app.tgz.intoto.jsonl', `${JSON.stringify(dsseEnvelope)}\n`)
  assert.match(await reasons([file]), /intoto\.jsonl: it is a DSSE envelope alone.*FILE\.sigstore\.json/)
  write('app.tgz.sigstore.json', bundle)
  assert.doesNotMatch(await reasons([file], { require: ['role=release'] }), /intoto/)
  const given = (path: string) => reasons([file], { bundle: [path] })
  const github = changed(({ verificationMaterial: { tlogEntries } }) => {
    tlogEntries[0] = { ...tlogEntries[0], kindVersion: { kind: 'dsse', version: '0.0.1' } }
  })
  assert.match(await given(github), /dsse 0\.0\.1.*Rekor v1.*gh attestation verify/)
  const ofPrivate = changed(({ verificationMaterial }) => void (verificationMaterial.tlogEntries = []))
  assert.match(await given(ofPrivate), /GitHub’s own instance.*gh attestation verify/)
  const older = changed((parts) => {
    parts.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2'
  })
  assert.match(await given(older), /one of version 0\.2, which cosign/)
  const odd = changed((parts) => void (parts.mediaType = { toString: 1 }))
  assert.match(await given(odd), /no Sigstore bundle of version 0\.3/)
  writeFileSync(at('utf16.json'), Buffer.from(`\uFEFF${bundle}`, 'utf16le'))
  assert.match(await given(at('utf16.json')), /utf16\.json is in UTF-16: save it in UTF-8/)
  assert.match(await given(write('bom.json', `\uFEFF${bundle}`)), /begins with a byte order mark/)
  const { root } = signing
  assert.match(
    await reasons([file], { trustedRoot: write('bom-root.json', `\uFEFF${root}`) }),
    /byte order mark/,
  )

  const digest = sha256(content)
  const options = { bundle: [at('app.tgz.sigstore.json')] }
  for (const written of [digest.toUpperCase(), digest.slice(7), `SHA256-${digest.slice(7)}`])
    assert.equal((await run([written], options)).code, 0, written)
  assert.match(await reasons([digest.slice(0, 19)], options), /no whole digest: sha256 has 64 .*here are 12/)
  assert.match(await reasons([`oci://r.test/a/b@${digest.slice(0, 19)}`]), /no whole digest/)
})

interface BundleParts {
  mediaType: unknown
  dsseEnvelope: object
  verificationMaterial: { tlogEntries: object[] }
}

test('policies: mistakes have line and column, rules for everybody are refused, paths are seen from the file', async (t) => {
  const signing = await openSigning(t)
  const { file, write, run, root } = await openFolder(t, signing)
  write('app.tgz.sigstore.json', await signing.sign({ digest: sha256(content) }))
  const policy = (text: string) => run([file], { policy: write('policy.yaml', text) })
  assert.equal((await policy('trusted_root: root.json\nrequire:\n  role: build\n  max_age: 1h\n')).code, 0)
  const wrong: [string, RegExp][] = [
    [
      'trusted_root: root.json\nrequire:\n  rol: build\n',
      /policy\.yaml:3:3: unknown key "rol".*did you mean "role"/,
    ],
    ['trusted_root: root.json\nrequire:\n  tier: B\n', /policy\.yaml:2:1: any job could meet it/],
    [
      'trusted_root: root.json\nrequire:\n  role: build\n  same_run: true\n',
      /policy\.yaml:4:3: same_run: only a grant/,
    ],
    [
      'trusted_root: root.json\nrequire: { role: build, ref: "*" }\n',
      /policy\.yaml:2:25: ref: .*met by everything/,
    ],
    ['trusted_root: root.json\nshared_root: root.json\nrequire: { role: build }\n', /name one of/],
    ['shared_root: root.json\nrequire: { role: build }\n', /any job could meet it/],
  ]
  for (const [text, expected] of wrong) {
    const { code, error } = await policy(text)
    assert.equal(code, 2)
    assert.match(error, expected)
  }
  const issuer = githubIdentity.issuer
  const shared = `shared_root: root.json\nrequire: { issuer: "${issuer}", repository_id: "1296269" }\n`
  assert.equal((await policy(shared)).code, 0)
  write('public.json', signing.root.replace('https://ca.test', 'https://fulcio.sigstore.dev'))
  const taken = await policy('trusted_root: public.json\nrequire: { role: build }\n')
  assert.match(taken.error, /signs for everybody: name it by --shared-root/)
  assert.equal((await run([file], { require: [] })).code, 2)
  assert.equal((await run([file], { require: ['repository_id=1296269', `issuer=${issuer}`] })).code, 0)
  const none = await run([file], { require: ['role=build', 'repository_id=1', 'approvals=2'] })
  assert.deepEqual(none.artifacts[0]?.reasons, [
    'repository_id: expected 1, got 1296269',
    'approvals: expected 2, got 0',
  ])
  assert.match((await run([file], { require: ['role'] })).error, /write KEY=VALUE/)
  assert.match((await run([file], { sharedRoot: root })).error, /name one of/)
})

test('--vsa: the server verifies the same, and what it signed of that is written if it holds', async (t) => {
  const signing = await openSigning(t)
  const { at, file, write, run } = await openFolder(t, signing)
  write('app.tgz.sigstore.json', await signing.sign({ digest: sha256(content) }))
  const who = { san: 'http://127.0.0.1:8080/verifier', issuer: 'http://127.0.0.1:8080', claims: {} }
  const summaryOf = async (digest: string, made: object = {}) =>
    JSON.parse(
      await signing.sign({ digest, predicateType: 'https://slsa.dev/verification_summary/v1', who, ...made }),
    ) as object
  const answers: object[] = []
  const asked: Record<string, unknown>[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      asked.push({ path: request.url, ...(JSON.parse(text) as object) })
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ artifacts: [answers.shift()] }))
    })
  })
  await new Promise<void>((next) => server.listen(0, '127.0.0.1', next))
  t.after(() => server.close())
  process.env['MAYFLY_TOKEN'] = 'mayfly_test'
  t.after(() => delete process.env['MAYFLY_TOKEN'])
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const say = (bundle: object | undefined, verified = true, reasons: string[] = []) =>
    answers.push({ verified, reasons, summary: bundle === undefined ? null : { id: 'att_1', bundle } })
  const vsa = at('app.vsa.sigstore.json')

  // Signed as one that says FAILED, or about something else, it is not written.
  say(await summaryOf(sha256(content)))
  const wrong = await run([file], { vsa, server: url })
  assert.match(wrong.error, /does not hold: vsa: expected PASSED, got nothing/)
  say(await summaryOf(sha256('other')))
  assert.match((await run([file], { vsa, server: url })).error, /vsa: there is none about/)
  assert.throws(() => readFileSync(vsa))

  const passed = await summaryOf(sha256(content), { predicate: { verificationResult: 'PASSED' } })
  say(passed)
  assert.equal((await run([file], { vsa, server: url, resourceUri: 'pkg:npm/app@1' })).code, 0)
  assert.deepEqual(JSON.parse(readFileSync(vsa, 'utf8')), passed)
  const { path, artifacts, sign, policy } = asked.at(-1) ?? {}
  assert.deepEqual(
    [path, artifacts, sign],
    ['/v1/attestations/verify', [{ digest: sha256(content), resource_uri: 'pkg:npm/app@1' }], 'passed'],
  )
  assert.match((policy as { text: string }).text, /role: "build"/)
  say(passed)
  const plain = at('app.intoto.jsonl')
  await run([file], { vsa: plain, server: url })
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(plain, 'utf8')) as object).toSorted(), [
    ...['payload', 'payloadType', 'signatures'],
  ])

  say(undefined, false, ['role: expected build, got nothing'])
  const refused = await run([file], { vsa, server: url })
  assert.deepEqual(
    [refused.code, refused.artifacts[0]?.reasons],
    [1, ['at the server: role: expected build, got nothing']],
  )
  assert.match((await run([file, file], { vsa, server: url })).error, /--vsa is about one artifact/)
})
