import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tgzOf, type Packed } from '../archives/archives.fixture.ts'
import { besideCrate } from './manifest-agreement.ts'

const own = 'sparse+https://cargo.test/index/'
const toml = `
[package]
name = "Words"
version = "1.1.0"
rust-version = "1.70"
links = "z"
description = "words"
[features]
default = ["fast", "dep:serde1"]
fast = []
[dependencies.rand]
version = "0.8"
[dependencies.serde1]
version = ">= 1.0,<2"
package = "serde"
optional = true
default-features = false
features = ["derive", "alloc"]
[dependencies.own]
version = "1.*"
registry-index = "${own}"
[dev-dependencies.only-here]
path = "../x"
[target.'cfg( unix )'.build-dependencies.cc]
version = "=1.0.3"
`
const crates = 'https://github.com/rust-lang/crates.io-index'
const dep = (name: string, version: string, more = {}) => ({
  ...{ name, version_req: version, features: [], optional: false, default_features: true, target: null },
  ...{ kind: 'normal', registry: crates as string | null },
  ...more,
})
const rand = dep('rand', '^0.8')
const deps = [
  dep('cc', '=1.0.3', { kind: 'build', target: 'cfg(unix)' }),
  dep('own', '1.*', { registry: null }),
  rand,
  dep('serde', '>=1.0, <2', {
    ...{ explicit_name_in_toml: 'serde1', optional: true, default_features: false },
    features: ['alloc', 'derive'],
  }),
]
/** As cargo sends it. */
const about = {
  ...{ name: 'Words', vers: '1.1.0', deps, features: { fast: [], default: ['fast', 'dep:serde1'] } },
  ...{ links: 'z', rust_version: '1.70', description: 'words', authors: [], badges: {}, readme: null },
}
const manifest = (content = toml): Packed => ({ name: 'Words-1.1.0/Cargo.toml', content })
const crate = tgzOf(manifest(), { name: 'Words-1.1.0/Cargo.toml.orig' }, { name: 'Words-1.1.0/src/lib.rs' })

const beside = (said: Record<string, unknown>, file = crate, registry = 'https://cargo.test/index') =>
  besideCrate({ name: 'Words', version: '1.1.0', crate: file, body: Buffer.alloc(0), about: said }, registry)

test('what cargo sends says what its .crate says', async () => {
  assert.equal(await beside(about), undefined)
  assert.equal(await beside(about, crate, 'https://cargo.test/index/'), undefined)
  const explicit = deps.map((one) => (one.name === 'own' ? { ...one, registry: own } : one))
  assert.equal(await beside({ ...about, deps: explicit }), undefined)
})

test('of crates.io all addresses are one', async () => {
  const toCrates = tgzOf(manifest(toml.replace(`registry-index = "${own}"`, '')))
  for (const registry of ['https://crates.io', 'https://index.crates.io/'])
    for (const named of [null, crates, 'sparse+https://index.crates.io/']) {
      const said = { ...about, deps: deps.map((one) => ({ ...one, registry: named })) }
      assert.equal(await beside(said, toCrates, registry), undefined)
    }
})

const elsewhere = [
  'sparse+https://cargo.test/evil/',
  'sparse+https://cargo.test/index/evil/',
  'sparse+https://cargo.test:4443/index/',
  'sparse+http://cargo.test/index/',
  'sparse+https://me:word@cargo.test/index/',
  'https://cargo.test/index/',
]
test('a dependency from another registry of the same host is one from elsewhere', async () => {
  for (const registry of elsewhere) {
    const said = deps.map((one) => (one.name === 'own' ? { ...one, registry } : one))
    assert.match((await beside({ ...about, deps: said })) ?? '', /says deps/, registry)
  }
})

const changed = (change: Record<string, unknown>) => [
  ...deps.filter((one) => one !== rand),
  { ...rand, ...change },
]

const forged: readonly (readonly [what: string, said: Record<string, unknown>, why: RegExp])[] = [
  ['another dependency', { deps: [...deps, dep('evil', '*')] }, /says deps/],
  ['a dependency less', { deps: deps.slice(1) }, /says deps/],
  ['another range', { deps: changed({ version_req: '*' }) }, /says deps/],
  [
    'another package by its name',
    { deps: changed({ name: 'evil', explicit_name_in_toml: 'rand' }) },
    /says deps/,
  ],
  ['another registry', { deps: changed({ registry: 'https://evil.test/index' }) }, /says deps/],
  ['a host below that of crates.io', { deps: changed({ registry: 'https://evil.crates.io/' }) }, /says deps/],
  ['its own registry', { deps: changed({ registry: null }) }, /says deps/],
  ['another kind', { deps: changed({ kind: 'dev' }) }, /says deps/],
  ['another system', { deps: changed({ target: 'cfg(windows)' }) }, /says deps/],
  ['features of one', { deps: changed({ features: ['evil'] }) }, /says deps/],
  ['an optional one', { deps: changed({ optional: true }) }, /says deps/],
  ['an artifact', { deps: changed({ artifact: ['bin'] }) }, /has "artifact"/],
  ['a member that Go takes for another', { deps: changed({ Registry: null }) }, /has "Registry"/],
  ['one of another case', { deps: changed({ Optional: false }) }, /has "Optional"/],
  ['no list', { deps: { length: 0 } }, /is no list/],
  ['other features', { features: { default: [] } }, /says features/],
  ['other links', { links: null }, /says links/],
  ['another rust', { rust_version: null }, /says rust_version/],
  ['another version', { vers: '1.1.1' }, /says vers/],
  ['another name', { name: 'words' }, /says name/],
  ['a member that is not known', { features2: { x: [] } }, /says features2/],
]
test('a .crate with JSON that says something else is refused', async () => {
  for (const [what, said, why] of forged) assert.match((await beside({ ...about, ...said })) ?? '', why, what)
})

test('a .crate that readers may take differently is refused', async () => {
  for (const [file, why] of [
    [tgzOf(manifest(), manifest()), /some readers take for/],
    [tgzOf(manifest(), { name: 'Words-1.1.0/cargo.toml' }), /some readers take for/],
    [tgzOf({ name: 'x/Cargo.toml', content: toml }), /some readers take for/],
    [Buffer.concat([crate, crate]), /behind its first gzip member/],
    [tgzOf(manifest('[package')), /no TOML/],
    [tgzOf(manifest(toml.replace('version = "0.8"', 'git = "https://evil.test"'))), /has git/],
    [tgzOf(manifest(`${toml}[dev_dependencies]\nevil = "1"\n`)), /spelling that not all read/],
    [Buffer.from('the crate of Words'), /is not read: it is no gzip/],
  ] as const)
    assert.match((await beside(about, file)) ?? '', why)
})
