import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openStore } from '../store/index.ts'
import { createStoredStepMaterials, type Step } from './index.ts'

const sha256 = 'a'.repeat(64)
const sha512 = createHash('sha512').update('x').digest()
const npm = {
  uri: 'pkg:npm/a@1.0.0',
  integrity: `sha512-${sha512.toString('base64')}`,
  ...{ sha256, by: 'lockfile', connection: 'npm' },
}
const commit = 'c'.repeat(40)

function setup(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-materials-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const clock = { ms: 1_000 }
  const open = () => {
    const store = openStore(join(folder, 'mayfly.db'))
    t.after(() => store.close().catch(() => undefined))
    return createStoredStepMaterials({ store, clock: { nowMs: () => clock.ms } })
  }
  const stepOf = (id: string) => ({ id, session: { runId: 'run_1' } }) as Pick<Step, 'id' | 'session'>
  return { open, clock, stepOf }
}

test('what gateways of two servers saw of a step is one list, each file once, with digests in hex', async (t) => {
  const { open, stepOf } = setup(t)
  const [one, other] = [open(), open()]
  const step = stepOf('stp_1')
  await one.keep(step, { materials: [npm, { ...npm, sha256: 'b'.repeat(64) }] })
  await other.keep(step, {
    materials: [
      npm,
      { uri: 'git+https://git.test/a', integrity: `gitCommit:${commit}`, by: 'digest', connection: 'git' },
      {
        uri: 'pkg:pypi/a@1',
        integrity: `sha256-${'A'.repeat(43)}=`,
        by: 'registry',
        connection: 'py',
        part: true,
      },
    ],
  })
  await other.keep(stepOf('stp_2'), { materials: [npm] })
  const { materials, materialsOmitted } = await one.of(step.id)
  assert.deepEqual(
    materials.map(({ uri, digest, part }) => [uri, digest, part]),
    [
      ['git+https://git.test/a', { gitCommit: commit }, undefined],
      ['pkg:npm/a@1.0.0', { sha256, sha512: sha512.toString('hex') }, undefined],
      ['pkg:npm/a@1.0.0', { sha256: 'b'.repeat(64), sha512: sha512.toString('hex') }, undefined],
      ['pkg:pypi/a@1', { sha256: '0'.repeat(64) }, true],
    ],
  )
  assert.equal(materialsOmitted, 0)
})

test('an image under two tags is one publication with both', async (t) => {
  const { open, stepOf } = setup(t)
  const stored = open()
  const step = stepOf('stp_1')
  const image = { name: 'pkg:oci/app', digest: `sha256:${sha256}`, connection: 'images', bytes: 9 }
  await stored.keep(step, { published: [{ ...image, tag: 'v2' }, { ...image, tag: 'v1' }, image] })
  await stored.keep(step, { published: [{ ...image, connection: 'mirror' }] })
  const { published } = await stored.of(step.id)
  assert.deepEqual(published, [
    { ...image, tags: ['v1', 'v2'] },
    { ...image, connection: 'mirror' },
  ])
})

test('what is older than any run is forgotten', async (t) => {
  const { open, clock, stepOf } = setup(t)
  const stored = open()
  await stored.keep(stepOf('stp_1'), { materials: [npm] })
  clock.ms += 8 * 86_400_000
  await stored.keep(stepOf('stp_2'), { materials: [npm] })
  assert.deepEqual((await stored.of(stepOf('stp_1').id)).materials, [])
  assert.equal((await stored.of(stepOf('stp_2').id)).materials.length, 1)
})
