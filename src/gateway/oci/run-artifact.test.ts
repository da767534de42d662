import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createStoredRunArtifacts, type Step } from '../../broker/index.ts'
import { type RunId, type StepId, newId, systemClock } from '../../lib/index.ts'
import { openStore } from '../../store/index.ts'
import { acceptedIn } from '../gateway.fixture.ts'
import { digest, errorOf, manifestOf, manifestType, openRegistryWorld } from './oci.fixture.ts'

const manifest = manifestOf('layer')
const name = digest(manifest)
const at = (ref: string) => `/v2/octo/app/manifests/${ref}`

test('a tag is put on what an earlier step of the run made, and on nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-artifacts-'))
  const store = openStore(join(folder, 'mayfly.db'))
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const artifacts = createStoredRunArtifacts({ store, clock: systemClock })
  const grants = [
    'oci:push images/octo/app@build-*',
    { grant: 'oci:push images/octo/app@v*', artifact: 'run' },
  ]
  const { ask, replies, world, requests } = await openRegistryWorld(t, grants as never, { artifacts })
  for (const ref of [name, 'build-1', 'v1']) replies.set(`PUT ${at(ref)}`, { status: 201 })
  const push = (ref: string) =>
    ask('PUT', at(ref), { headers: { 'content-type': manifestType }, body: manifest })
  const refused = async () => {
    const answer = await push('v1')
    assert.equal(answer.status, 403)
    assert.match(errorOf(answer).message, /asks for `artifact: run`: no earlier step of this run/)
  }
  await refused()
  // What the step itself puts there, by its digest or by another tag, was made by nobody before it.
  assert.equal((await push(name)).status, 201)
  assert.equal((await push('build-1')).status, 201)
  await acceptedIn(world, 'packages.published')
  await refused()
  const stepOf = (runId: RunId): Step => {
    const { step } = world
    return { ...step, id: newId<StepId>('stp'), session: { ...step.session, runId } }
  }
  await artifacts.add(stepOf(newId<RunId>('run')), [name])
  await refused()
  // A look is none at what would be changed.
  assert.equal((await ask('HEAD', at('v1'))).status, 404)
  await artifacts.add(stepOf(world.step.session.runId), [name, digest('other')])
  assert.equal((await push('v1')).status, 201)
  assert.equal(requests().filter((one) => one === `PUT ${at('v1')}`).length, 1)
  assert.equal(await artifacts.isOfRun(stepOf(world.step.session.runId), [name]), true)
})
