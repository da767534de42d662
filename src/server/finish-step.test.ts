import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { AttachedImage } from '../gateway/index.ts'
import { MayflyError, sha256Hex } from '../lib/index.ts'
import { openServer } from './server.fixture.ts'

const digest = `sha256:${sha256Hex('image')}`
const image = `octo/app@${digest}`
const fileOf = (path: string) => ({ path, sha256: sha256Hex(path), bytes: 3 })
const attached: AttachedImage = { image, connection: 'images', manifests: [digest] }

async function opened(t: TestContext) {
  const it = await openServer(t, {
    attestor: {
      materials: async () => ({
        materials: [],
        published: [{ name: 'pkg:oci/app', digest, connection: 'images' }],
      }),
    },
  })
  const signer = await it.signer()
  const session = String((await it.exchange(signer, it.identityToken(), 'build')).body['access_token'])
  const json = { name: 'build', role: 'build', tier: 'B', command: 'true' }
  const { body } = await it.prove(signer, '/v1/steps', { token: session, json })
  const [id, token] = [String(body['step_id']), String(body['access_token'])]
  const finish = (more: object = {}) =>
    it.prove(signer, `/v1/steps/${id}/finish`, {
      token,
      json: { reason: 'finished', exit_code: 0, ...more },
    })
  const end = () => it.audit.ofType('step.finished').map(({ data }) => [data['reason'], data['outcome']])
  return { it, id, finish, end }
}

/** As its gateway has it, the step pushed an image. */
function pushed({ it }: Awaited<ReturnType<typeof opened>>, attach: () => Promise<AttachedImage[]>) {
  Object.assign(it.gateway, { madeImages: () => true, attach })
}

function signedOutcomes({ it }: Awaited<ReturnType<typeof opened>>): unknown[] {
  return it.fakeSigner.signed.map(({ statement }) => {
    const { runDetails } = statement['predicate'] as {
      runDetails: { byproducts: { name: string; annotations: { outcome: string; reason: string } }[] }
    }
    const { outcome, reason } =
      runDetails.byproducts.find(({ name }) => name === 'outcome')?.annotations ?? {}
    return [reason, outcome]
  })
}

async function sent(it: Awaited<ReturnType<typeof opened>>['it'], type: string): Promise<void> {
  for (let i = 0; i < 1_000 && it.audit.ofType(type).length === 0; i++)
    await new Promise((next) => setTimeout(next, 5))
}

for (const when of ['while it is signed', 'while it is put beside the image'] as const)
  test(`a step that is revoked ${when}: provenance, log and receipt say the same`, async (t) => {
    const world = await opened(t)
    const { it, finish, end, id } = world
    const revoke = async () =>
      assert.equal((await it.asAdmin('POST', '/v1/revoke', { all: true })).status, 200)
    let left = 1
    const once = async () => (left-- > 0 ? revoke() : undefined)
    if (when === 'while it is signed') it.fakeSigner.before = once
    let wasOpen: boolean | undefined
    pushed(world, async () => {
      const step = it.broker.step(id as never) ?? it.broker.endingStep(id as never)
      await once()
      wasOpen = step !== undefined && it.broker.isOpen(step)
      return [{ ...attached, manifests: [], failure: 'the step was ended meanwhile' }]
    })
    const { status, body } = await finish()
    assert.equal(status, 200, JSON.stringify(body))
    await sent(it, 'step.finished')
    assert.deepEqual(end(), [['finished', 'success']])
    assert.deepEqual(signedOutcomes(world), [['finished', 'success']])
    assert.equal(wasOpen, false, 'nothing more is put anywhere for it')
    assert.equal(it.audit.ofType('session.ended')[0]?.data['reason'], 'revoked_by:root')
    assert.deepEqual(it.audit.ofType('step.warned')[0]?.data['warnings'], [
      `no attestation stands beside ${image}: the step was ended meanwhile`,
    ])
  })

test('a step that was revoked before is not signed as one that has succeeded, and nothing is put beside its image', async (t) => {
  const world = await opened(t)
  const { it, finish, end } = world
  let attaches = 0
  pushed(world, async () => (attaches++, []))
  // Between the request and the decision.
  it.gateway.declareArtifacts = async () => void (await it.asAdmin('POST', '/v1/revoke', { all: true }))
  const { status, body } = await finish()
  assert.equal(status, 200, JSON.stringify(body))
  assert.match(String(body['warnings']), /the step was ended before it said that it had finished/)
  await sent(it, 'step.finished')
  assert.deepEqual(end(), [['revoked_by:root', 'error']])
  assert.deepEqual(signedOutcomes(world), [['revoked_by:root', 'error']])
  assert.equal(attaches, 0)
})

test('what fails on the way to the images is told in the answer, and stands in the log', async (t) => {
  const world = await opened(t)
  const { it, finish, id } = world
  pushed(world, () => Promise.reject(new Error('a secret of the inside')))
  const { status, body } = await finish()
  assert.equal(status, 200)
  const [warning] = body['warnings'] as string[]
  assert.match(warning ?? '', new RegExp(`a fault of the server.*mayfly attest fetch ${id}`))
  assert.doesNotMatch(JSON.stringify(body), /secret of the inside/)
  assert.match(it.errors.join(), /could not be put beside images/)
  await sent(it, 'step.finished')
  assert.deepEqual(it.audit.ofType('step.warned')[0]?.data['warnings'], [warning])
  assert.equal((body['attestations'] as unknown[]).length, 1, 'what was signed is handed out')
})

test('whoever got no answer asks again: the step has ended once, and the answer is the same', async (t) => {
  const { it, finish, end } = await opened(t)
  const [first, same] = await Promise.all([finish(), finish()])
  const later = await finish({ exit_code: 9 })
  for (const { status, body } of [first, same, later]) {
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(body['attestations'], first.body['attestations'])
  }
  assert.equal((first.body['attestations'] as unknown[]).length, 1)
  await sent(it, 'step.finished')
  assert.deepEqual(end(), [['finished', 'success']])
})

test('a step that was ended by others is told so, however often it says that it has finished', async (t) => {
  const { it, finish } = await opened(t)
  await it.asAdmin('POST', '/v1/revoke', { all: true })
  for (const { status, body } of [await finish(), await finish()])
    assert.deepEqual([status, body['code'], body['reason']], [403, 'revoked', 'revoked_by:root'])
})

for (const pushes of [false, true])
  test(`on a full disk the answer says what is so, and the same request ends it once there is room${pushes ? ', with images' : ''}`, async (t) => {
    const world = await opened(t)
    const { it, id, finish, end } = world
    if (pushes) pushed(world, async () => [attached])
    const { write, writeAll } = it.store
    const full = () => Promise.reject(new MayflyError('disk_full', 'the disk is full: nothing was written'))
    Object.assign(it.store, { write: full, writeAll: full })
    const refused = await finish()
    assert.deepEqual([refused.status, refused.body['code']], [507, 'disk_full'])
    assert.match(String(refused.body['detail']), /the step is over.*its end is not on the disk yet/)
    assert.equal(it.broker.step(id as never), undefined, 'nothing more is given to it')
    assert.deepEqual(end(), [])
    assert.equal((await finish()).status, 507)
    Object.assign(it.store, { write, writeAll })
    const { status, body } = await finish()
    assert.equal(status, 200, JSON.stringify(body))
    await sent(it, 'step.finished')
    assert.deepEqual(end(), [['finished', 'success']])
    assert.equal((body['attestations'] as unknown[]).length, 1)
  })

test('a list of artifacts that comes with the end is held to the rules of the other door', async (t) => {
  const listOf = (...paths: string[]) => {
    const files = paths.map(fileOf)
    const sums = files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('')
    return { files, count: files.length, bytes: 3 * files.length, sha256: sha256Hex(sums) }
  }
  const wrong: [string, ReturnType<typeof listOf>, RegExp][] = [
    ['twice', listOf('a', 'a'), /stands twice/],
    ['empty', listOf('', 'a'), /is empty/],
    ['NUL', listOf('a\0b'), /NUL/],
    ['half a character', listOf('\ud800'), /no Unicode/],
    ['another digest', { ...listOf('a'), sha256: sha256Hex('x') }, /the digest of the list/],
  ]
  for (const [what, artifacts, why] of wrong) {
    const { it, id, finish } = await opened(t)
    const { status, body } = await finish({ artifacts })
    assert.equal(status, 200, `${what}: the step ends all the same`)
    assert.match(String(body['attestations_failed']), why, what)
    assert.equal(body['attestations'], undefined, what)
    assert.equal(it.fakeSigner.signed.length, 0, what)
    const kept = await it.store.read.selectFrom('run_artifacts').selectAll().execute()
    if (what !== 'another digest') assert.deepEqual(kept, [], what)
    assert.equal(it.store.find('steps', { id })?.end_reason, 'finished')
  }
  const { finish } = await opened(t)
  const { body } = await finish({ artifacts: listOf('a', 'b') })
  assert.equal((body['attestations'] as unknown[]).length, 2)
})
