import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createWorld } from '../../attest/verify/world.fixture.ts'
import { hex, signed, statementOf } from './attest.fixture.ts'
import { compareAttestations } from './compare.ts'
import { fetchAttestations } from './fetch.ts'
import { openServer } from './server.fixture.ts'
import { showAttestations } from './show.ts'

const sha256 = createHash('sha256').update('app').digest('hex')
const makes = { 'app.tgz': sha256 }

/** A server that has `list`, by the pages that it is asked for; three steps that made the same bytes. */
async function opened(t: TestContext) {
  const world = await createWorld()
  const stranger = await signed([{ id: 'stp_a', makes }])
  const { bundles } = await signed(
    ['stp_a', 'stp_b', 'stp_c'].map((id) => ({ id, makes })),
    world,
  )
  const { folder, list, options: known } = await openServer(t, world, bundles)
  const said: string[] = []
  t.mock.method(process.stdout, 'write', (text: unknown) => said.push(String(text)) > 0)
  const options = { ...known, json: false, markdown: false, all: false, offline: false }
  return {
    ...{ folder, world, bundles, stranger: stranger.bundles, list, options, said },
    file(place: string, beside: Readonly<Record<string, string>> = {}) {
      const at = join(folder, place)
      mkdirSync(at)
      writeFileSync(join(at, 'app.tgz'), 'app')
      for (const [name, text] of Object.entries(beside)) writeFileSync(join(at, name), text)
      return join(at, 'app.tgz')
    },
    offline: (what: string) => showAttestations(what, { ...options, offline: true }),
  }
}

test('attest show reads the bundle beside a file, without a server, too; one of another file is none', async (t) => {
  const { file, bundles, stranger, world, offline, options, said } = await opened(t)
  assert.equal(await offline(file('good', { 'app.tgz.sigstore.json': bundles[0] ?? '' })), 0)
  assert.match(said.join(''), /stp_a/)
  assert.equal(await offline(file('alone')), 1)
  const forged = file('forged', { 'app.tgz.sigstore.json': stranger[0] ?? '' })
  assert.equal(await offline(forged), 1)
  assert.equal(await showAttestations(forged, options), 1, 'what the server has does not hide it')
  const [other] = (await signed([{ makes: { 'app.tgz': 'b'.repeat(64) } }], world)).bundles
  assert.equal(await offline(file('other', { 'app.tgz.sigstore.json': other ?? '' })), 1)
  // Nobody can say who signed it: it is told as that, and where there is a server it is not needed.
  const { dsseEnvelope } = JSON.parse(bundles[0] ?? '') as { dsseEnvelope: object }
  const plain = file('plain', { 'app.tgz.intoto.jsonl': `${JSON.stringify(dsseEnvelope)}\n` })
  said.length = 0
  assert.equal(await offline(plain), 1)
  assert.match(said.join(''), /UNVERIFIED/)
  assert.equal(await showAttestations(plain, options), 0)
})

test('attest show asks no server that nobody named, where files say whom to trust and the bundles are at hand', async (t) => {
  const { folder, file, world, bundles, options, said } = await opened(t)
  const { server: _, ...unnamed } = options
  t.mock.method(globalThis, 'fetch', () => assert.fail('a server was asked'))
  const show = async (what: string) => {
    said.length = 0
    return showAttestations(what, unnamed)
  }
  const at = join(folder, 'of.sigstore.json')
  writeFileSync(at, bundles[0] ?? '')
  assert.equal(await show(at), 0)
  assert.match(said.join(''), /note: no server was named, and none was asked: .*--server URL/)
  assert.equal(await show(file('beside', { 'app.tgz.sigstore.json': bundles[0] ?? '' })), 0)
  // What it was made of is not at hand: that is said, and is no fault.
  const [made = ''] = (await signed([{ makes, takes: { 'in.txt': hex('b') } }], world)).bundles
  writeFileSync(at, made)
  assert.equal(await show(at), 1)
  assert.match(said.join(''), new RegExp(`sha256:${hex('b')}.*: nothing is known about it`))
  await assert.rejects(show(`sha256:${sha256}`), /a server was asked/)
})

test('attest show takes a receipt for what it is, whatever its file is called', async (t) => {
  const { folder, world, offline, said } = await opened(t)
  const statement = JSON.parse(String(statementOf({ makes }))) as object
  const receipt = { ...statement, predicateType: 'urn:mayfly:step-receipt:v1', predicate: {} }
  const bundle = await world.bundle({ statement: Buffer.from(JSON.stringify(receipt)) })
  const at = join(folder, 'r1.json')
  writeFileSync(at, JSON.stringify(bundle))
  assert.equal(await offline(at), 0)
  assert.match(said.join(''), /urn:mayfly:step-receipt:v1: verified/)
  // Any other JSON is an artifact.
  writeFileSync(at, '{"mediaType":"text/plain"}')
  assert.equal(await offline(at), 1)
})

test('attest compare takes the build of each file from beside it, and never compares one with itself', async (t) => {
  const { file, bundles, list, options, said } = await opened(t)
  const [a = '', b = ''] = bundles
  const compare = (one: string, other: string) => compareAttestations(one, other, options)
  const [one, other] = [file('a'), file('b')]
  list.serve = [a]
  assert.equal(await compare(one, other), 2)
  assert.match(said.join(''), /A and B are one attestation, of step stp_a/)
  assert.equal(await compare('stp_a', 'stp_a'), 2)
  const built = file('c', { 'app.tgz.sigstore.json': a })
  const again = file('d', { 'app.tgz.sigstore.json': b })
  said.length = 0
  assert.equal(await compare(built, again), 0, said.join(''))
  assert.equal(await compare(built, built), 2)
})

test('attest fetch writes what belongs to the bundle beside the file, else the newest that is verified', async (t) => {
  const { file, bundles, stranger, list, options, folder, said } = await opened(t)
  const [, b = '', c = ''] = bundles
  const fetchTo = async (what: string, out: string) => {
    said.length = 0
    await fetchAttestations(what, { ...options, out: join(folder, out), json: true })
    assert.ok(readdirSync(join(folder, out)).length > 0)
    return /"step": ?"(stp_.)"/.exec(said.join(''))?.[1]
  }
  assert.equal(await fetchTo(file('a', { 'app.tgz.sigstore.json': b }), 'one'), 'stp_b')
  assert.equal(await fetchTo(file('b'), 'two'), 'stp_c')
  // A stranger's, who has said so before, is not what is fetched.
  list.serve = [...stranger, c]
  assert.equal(await fetchTo(file('c'), 'three'), 'stp_c')
})

test('attest show says how many builds it does not show, and that the server has more than was read', async (t) => {
  const { world, list, options, said } = await opened(t)
  const steps = Array.from({ length: 8 }, (_, i) => ({ id: `stp_${i}`, makes }))
  list.serve = (await signed(steps, world)).bundles
  const what = `sha256:${sha256}`
  assert.equal(await showAttestations(what, options), 0)
  assert.match(
    said.join(''),
    /and 3 more builds of the same, all verified: mayfly attest show --all shows them/,
  )
  said.length = 0
  assert.equal(await showAttestations(what, { ...options, all: true }), 0)
  assert.doesNotMatch(said.join(''), /more builds/)
  for (let i = 0; i < 8; i++) assert.match(said.join(''), new RegExp(`stp_${i}`))
  assert.doesNotMatch(said.join(''), /keeps more about it/)
  said.length = 0
  Object.assign(list, { serve: list.serve.slice(0, 1), endless: true })
  await showAttestations(what, options)
  assert.match(said.join(''), /the server keeps more about it than was read/)
})
