import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { compileRules, openWorld, type Answer } from '../gateway.fixture.ts'
import { stubArchiveDates } from '../stubs.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'
import {
  createSigningKey,
  digest,
  folder,
  indexPath,
  makeArchive,
  noGpg,
  placeOf,
  type ArchiveOptions,
  type ArchivePackage,
  type SigningKey,
} from './archive.fixture.ts'

const host = 'deb.test'
const skip = noGpg()
const hello: ArchivePackage = {
  name: 'octo-hello',
  version: '1:1.0+b1~rc1-1',
  bytes: Buffer.from('the package'),
}
const lookalike: ArchivePackage = { name: 'octo-hell0', version: '1.0', bytes: Buffer.from('looks like it') }
const hour = 3_600_000
const ago = (hours: number) => new Date(Date.now() - hours * hour)

let key: SigningKey
let stranger: SigningKey
before(() => {
  if (skip !== false) return
  key = createSigningKey()
  stranger = createSigningKey()
})
after(() => {
  if (skip !== false) return
  key[Symbol.dispose]()
  stranger[Symbol.dispose]()
})

interface WorldOptions {
  readonly grants?: readonly string[]
  readonly more?: object
  /** What another gateway on the same store has seen. */
  readonly archiveDates?: ReturnType<typeof stubArchiveDates>
}

async function debianWorld(
  t: TestContext,
  { grants = ['debian:download deb'], more = {}, archiveDates = stubArchiveDates() }: WorldOptions = {},
) {
  const world = await openWorld(t, { archiveDates })
  const upstream = await startUpstream(t, host)
  const served = { files: new Map<string, Buffer>() }
  upstream.handle = (request, response) => {
    const path = decodeURIComponent(request.url ?? '').replace(/^\/debian\//, '')
    const file = served.files.get(path)
    const headers = { 'content-length': file?.length ?? 0 }
    const status = file?.toString().startsWith('to ') ? 302 : file === undefined ? 404 : 200
    response.writeHead(status, status === 302 ? { ...headers, location: String(file).slice(3) } : headers)
    response.end(file)
  }
  const connection = {
    kind: 'debian',
    url: `https://${host}/debian`,
    dial: `127.0.0.1:${upstream.port}`,
    ca: upstream.ca,
  }
  const rules = compileRules({ deb: { ...connection, keyring: key.keyring, ...more } }, grants)
  world.setTargets(rules.targets, rules.policy)
  const step = { current: world.step }
  const get = (path: string): Promise<Answer> =>
    world.ask(`GET /debian/${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, {
      authority: `${host}:443`,
      as: step.current,
    })
  const serve = (options: Partial<ArchiveOptions> = {}) =>
    (served.files = makeArchive({ packages: [hello, lookalike], key, ...options }))
  serve()
  return {
    ...{ world, upstream, served, serve, get },
    newStep: (role = 'build') => (step.current = world.brokers.open(world.signer.jkt, role)),
    /** As apt does it. */
    async update() {
      const release = await get(`${folder}/InRelease`)
      if (release.status !== 200) return release
      return get(indexPath)
    },
  }
}

/** As apt spells it. */
const asked = placeOf(hello).replace('+', '%2b').replace('~', '%7e')

test(
  'one version may be built for several suites: each file is held to what itself was first',
  { skip },
  async (t) => {
    const { get, update, serve, world, newStep } = await debianWorld(t)
    const old = { ...hello, filename: 'pool/old/hello.deb' }
    const young = { ...hello, filename: 'pool/young/hello.deb', bytes: Buffer.from('another build') }
    serve({ packages: [old, young] })
    await update()
    assert.equal((await get(old.filename)).body, 'the package')
    assert.equal((await get(young.filename)).body, 'another build')
    assert.deepEqual(world.audit.ofType('package.changed'), [])
    serve({ packages: [old, { ...young, bytes: Buffer.from('changed since') }] })
    newStep()
    await update()
    assert.notEqual((await get(young.filename)).body, 'changed since')
    assert.equal(world.audit.ofType('package.changed').length, 1)
  },
)

test(
  'apt-get update and install: signature, index, package; each recorded as signed, and nothing else of the host passes',
  { skip },
  async (t) => {
    const { get, update, upstream, world } = await debianWorld(t)
    const index = await update()
    assert.equal(index.status, 200, index.body)
    const answer = await get(asked)
    assert.equal(answer.status, 200, answer.body)
    assert.equal(answer.body, 'the package')
    const before = upstream.begun.length
    for (const path of [
      'pool/main/o/octo-hello/other_1.0_all.deb',
      'pool/',
      `${folder}/main/binary-amd64/Packages.xz`,
      `${folder}/ChangeLog`,
      `${asked}?x=1`,
      'project/trace/x',
    ])
      assert.equal((await get(path)).status, 403, path)
    assert.equal(upstream.begun.length, before)
    await world.gateway.recordDownloads(world.step)
    const recorded = world.audit.ofType('packages.downloaded')[0]?.data['packages']
    assert.deepEqual(
      (recorded as { purl: string; by: string }[]).map(({ purl, by }) => [purl, by]),
      [['pkg:deb/octo/octo-hello@1%3A1.0%2Bb1~rc1-1?arch=all', 'signature']],
    )
  },
)

test(
  'before an update of the same step no package passes, and the status line says why',
  { skip },
  async (t) => {
    const { get, upstream } = await debianWorld(t)
    const answer = await get(asked)
    assert.equal(answer.status, 403)
    assert.match(
      answer.head,
      /^HTTP\/1\.1 403 mayfly: refused: .*run apt-get update in the same step first \(req_/,
    )
    assert.equal(upstream.begun.length, 0)
  },
)

test(
  'grants: by package and version as the index has them; the indexes come with them, and alone by debian:read',
  { skip },
  async (t) => {
    const { get, update, upstream } = await debianWorld(t, { grants: ['debian:download deb/octo-hello@1:*'] })
    assert.equal((await update()).status, 200)
    const before = upstream.begun.length
    const refused = await get(placeOf(lookalike))
    assert.equal(refused.status, 403)
    assert.match(refused.head, /"debian:download deb\/octo-hell0@1\.0"|debian:download deb\/octo-hell0/)
    assert.equal(upstream.begun.length, before)
    assert.equal((await get(asked)).status, 200)
    const reader = await debianWorld(t, { grants: ['debian:read deb'] })
    assert.equal((await reader.update()).status, 200)
    assert.equal((await reader.get(asked)).status, 403)
  },
)

test(
  'what was signed is what passes: a changed index, a changed package, another package in its place',
  { skip },
  async (t) => {
    const { get, update, served, newStep } = await debianWorld(t)
    const index = served.files.get(indexPath) ?? Buffer.alloc(0)
    const changed = Buffer.from(index)
    changed[changed.length - 5] = (changed.at(-5) ?? 0) ^ 1
    served.files.set(indexPath, changed)
    assert.ok(!(await update()).body.includes('octo'))
    assert.equal((await get(asked)).status, 403)
    served.files.set(indexPath, Buffer.concat([index, Buffer.from('x')]))
    await update()
    assert.equal((await get(asked)).status, 403)
    served.files.set(indexPath, index)
    newStep()
    assert.equal((await update()).status, 200)
    for (const bytes of [Buffer.from('the pAckage'), lookalike.bytes, Buffer.from('the package and more')]) {
      served.files.set(placeOf(hello), bytes)
      const { body } = await get(asked)
      assert.ok(!body.includes(bytes.toString().slice(-5)), body)
    }
  },
)

const inReleases: readonly (readonly [
  string,
  (served: Map<string, Buffer>) => Partial<ArchiveOptions> | Buffer,
  RegExp,
])[] = [
  ['by another key', () => ({ key: stranger }), /which the keyring of the connection does not have/],
  [
    'past its Valid-Until',
    () => ({ validUntil: ago(1) }),
    /it was valid until .*newer ones may be held back/,
  ],
  ['of tomorrow', () => ({ at: ago(-24) }), /in the future/],
  ['of another suite', () => ({ suite: 'sid' }), /it is of suite "sid".*stands where "stable" is/],
  ['with MD5 alone', () => ({ digest: 'md5' }), /without SHA256 and SHA512/],
  [
    'changed after it was signed',
    (files) => Buffer.from(String(files.get(`${folder}/InRelease`)).replace('Origin: Octo', 'Origin: Evil')),
    /was changed after it was signed/,
  ],
  [
    'with a text in front of it',
    (files) =>
      Buffer.concat([Buffer.from('Suite: stable\n'), files.get(`${folder}/InRelease`) ?? Buffer.of()]),
    /not one text with its signature/,
  ],
  [
    'with a text behind it',
    (files) => Buffer.concat([files.get(`${folder}/InRelease`) ?? Buffer.of(), Buffer.from('SHA256:\n')]),
    /not one text with its signature/,
  ],
  ['without a signature', () => Buffer.from('Suite: stable\n'), /not one text with its signature/],
  ['of 9 MB', () => Buffer.alloc(9_000_000, 'a'), /longer than/],
]

test('an InRelease that does not hold is refused before anything of it passes', { skip }, async (t) => {
  const { get, serve, served, newStep } = await debianWorld(t)
  for (const [what, make, why] of inReleases) {
    serve()
    const made = make(served.files)
    if (Buffer.isBuffer(made)) served.files.set(`${folder}/InRelease`, made)
    else serve(made)
    newStep()
    const answer = await get(`${folder}/InRelease`)
    assert.equal(answer.status, 403, what)
    assert.match(answer.head, why, what)
    assert.doesNotMatch(answer.body, /PGP|Codename/, what)
    assert.equal((await get(indexPath)).status, 403, what)
  }
})

test('a snapshot of an archive does not expire', { skip }, async (t) => {
  const { get, serve } = await debianWorld(t, { more: { snapshot: true } })
  serve({ at: ago(48), validUntil: ago(24) })
  assert.equal((await get(`${folder}/InRelease`)).status, 200)
})

test(
  'an archive does not go back: an older InRelease than any step was given is refused',
  { skip },
  async (t) => {
    const { get, serve, newStep } = await debianWorld(t)
    serve({ at: ago(2) })
    assert.equal((await get(`${folder}/InRelease`)).status, 200)
    serve({ at: ago(1) })
    assert.equal((await get(`${folder}/InRelease`)).status, 200)
    serve({ at: ago(2) })
    newStep()
    const answer = await get(`${folder}/InRelease`)
    assert.equal(answer.status, 403)
    assert.match(answer.head, /an archive does not go back/)
  },
)

test('Release with its signature beside it, and never without', { skip }, async (t) => {
  const { get, served } = await debianWorld(t)
  const { splitClearSigned } = await import('./clear-signed.ts')
  const { text = '' } = splitClearSigned(served.files.get(`${folder}/InRelease`) ?? Buffer.of()) ?? {}
  served.files.delete(`${folder}/InRelease`)
  served.files.set(`${folder}/Release`, Buffer.from(text))
  assert.equal((await get(`${folder}/InRelease`)).status, 404)
  const unsigned = await get(`${folder}/Release`)
  assert.equal(unsigned.status, 403)
  assert.match(unsigned.head, /nobody signed it/)
  served.files.set(`${folder}/Release.gpg`, key.sign(`${text}x`))
  assert.match((await get(`${folder}/Release`)).head, /was changed after it was signed/)
  served.files.set(`${folder}/Release.gpg`, key.sign(text))
  assert.equal((await get(`${folder}/Release`)).body, text)
  assert.match((await get(`${folder}/Release.gpg`)).body, /BEGIN PGP SIGNATURE/)
  assert.equal((await get(indexPath)).status, 200)
  assert.equal((await get(asked)).status, 200)
})

test(
  'a path that leads elsewhere is no file of the archive; a flat one is, with its ./',
  { skip },
  async (t) => {
    const { get, update, serve } = await debianWorld(t)
    const evil = { ...lookalike, filename: '../../etc/passwd' }
    serve({ packages: [evil, { ...hello, filename: './flat/hello.deb' }] })
    assert.equal((await update()).status, 200)
    assert.equal((await get('./flat/./hello.deb')).body, 'the package')
    assert.equal((await get('../../etc/passwd')).status, 400)
    assert.equal((await get('etc/passwd')).status, 403)
  },
)

test('indexes by their digest; not by differences, and not in what is not read', { skip }, async (t) => {
  const { get, serve, served } = await debianWorld(t)
  const more = {
    'main/binary-amd64/Packages.diff/Index': Buffer.from('x'),
    'main/binary-amd64/Packages.bz2': Buffer.from('x'),
    'main/i18n/Translation-en': Buffer.from('hallo'),
  }
  serve({ more })
  const index = served.files.get(indexPath) ?? Buffer.of()
  const byHash = `${folder}/main/binary-amd64/by-hash/SHA256/${digest('sha256', index)}`
  served.files.set(byHash, index)
  await get(`${folder}/InRelease`)
  assert.equal((await get(byHash)).status, 200)
  assert.equal((await get(asked)).status, 200)
  assert.equal((await get(`${folder}/main/i18n/Translation-en`)).body, 'hallo')
  assert.equal((await get(byHash.replace(/..$/, '00'))).status, 403)
  assert.match((await get(`${folder}/main/binary-amd64/Packages.diff/Index`)).head, /403 .*pdiff/)
  assert.match((await get(`${folder}/main/binary-amd64/Packages.bz2`)).head, /403 .*\.xz, \.gz or \.zst/)
})

test('an index that unpacks to more than the archive says is given up', { skip }, async (t) => {
  const { get, serve } = await debianWorld(t)
  const bomb = gzipSync(Buffer.alloc(3_000_000, 'Package: x\n'))
  serve({ more: { 'main/binary-arm64/Packages': Buffer.from('x'), 'main/binary-arm64/Packages.gz': bomb } })
  await get(`${folder}/InRelease`)
  const answer = await get(`${folder}/main/binary-arm64/Packages.gz`)
  assert.ok(answer.body.length < bomb.length)
})

test('a mirror that is not named is not gone to', { skip }, async (t) => {
  const { get, served } = await debianWorld(t)
  served.files.set(`${folder}/InRelease`, Buffer.from('to https://mirror.test/debian/InRelease'))
  const answer = await get(`${folder}/InRelease`)
  assert.equal(answer.status, 403)
  assert.match(answer.head, /storage: \["mirror\.test"\]/)
})

test(
  'what a step has read at another gateway is read for it here: releases, then the index that lists the package',
  { skip },
  async (t) => {
    const archiveDates = stubArchiveDates()
    const one = await debianWorld(t, { archiveDates })
    assert.equal((await one.get(`${folder}/InRelease`)).status, 200)
    const other = await debianWorld(t, { archiveDates })
    // What is for all architectures stands in the index of each: one of them is enough.
    other.serve({ more: { 'main/binary-arm64/Packages.gz': gzipSync('Package: x\n') } })
    const answers = await Promise.all([other.get(asked), other.get(placeOf(lookalike)), other.get(asked)])
    assert.deepEqual(
      answers.map(({ body }) => body),
      ['the package', 'looks like it', 'the package'],
    )
    const indexes = other.upstream.begun.filter(({ url }) => url.endsWith('/Packages.gz'))
    assert.equal(indexes.length, 1)
    const fresh = await debianWorld(t, { archiveDates })
    assert.equal((await fresh.get(indexPath)).status, 200)
    assert.equal((await fresh.get('pool/main/o/octo-hello/other_1.0_all.deb')).status, 403)
    fresh.newStep('nobody')
    const before = fresh.upstream.begun.length
    assert.equal((await fresh.get(asked)).status, 403)
    assert.equal(fresh.upstream.begun.length, before)
  },
)

test('what is read for a step is held as if it had asked', { skip }, async (t) => {
  const archiveDates = stubArchiveDates()
  const one = await debianWorld(t, { archiveDates })
  one.serve({ at: ago(1) })
  assert.equal((await one.get(`${folder}/InRelease`)).status, 200)
  const other = await debianWorld(t, { archiveDates })
  const changes: readonly (() => void)[] = [
    () => other.serve({ key: stranger }),
    () => other.serve({ at: ago(2) }),
    () => other.served.files.set(indexPath, gzipSync('Package: x\n')),
    () => other.served.files.delete(indexPath),
  ]
  for (const change of changes) {
    other.serve()
    change()
    other.newStep()
    assert.equal((await other.get(asked)).status, 403, String(change))
  }
  other.serve()
  other.newStep()
  assert.equal((await other.get(asked)).body, 'the package')
})

test('an index that is known by its digest is not read again for another step', { skip }, async (t) => {
  const { get, update, newStep, upstream } = await debianWorld(t)
  assert.equal((await update()).status, 200)
  newStep()
  const before = upstream.begun.length
  assert.equal((await get(asked)).status, 200)
  assert.deepEqual(
    upstream.begun.slice(before).map(({ url }) => url),
    [`/debian/${folder}/InRelease`, `/debian/${asked}`],
  )
})
