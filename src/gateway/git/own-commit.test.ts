import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zero } from './git.fixture.ts'
import { openGitWorld, type GitWorld } from './repository.fixture.ts'

const releases = 'refs/releases/v1'

/** A step whose job runs for `old`; to `refs/releases/` it may push that commit and what descends from it. */
async function openOwn(t: Parameters<typeof openGitWorld>[0]) {
  const world = await openGitWorld(t, {
    more: [{ grant: 'git:push git/octo/app@refs/releases/*', commit: 'own' }],
  })
  runFor(world, world.ids.old)
  return world
}

function runFor({ step }: GitWorld, commit: string | undefined): void {
  Object.assign(step.session.subject.attributes, { commit })
}

test('the commit of the job, and what descends from it, in the pack or on the server', async (t) => {
  const world = await openOwn(t)
  const { server, local, ids } = world
  const child = local.commit('child', local.commit('between', ids.old))
  const pushes = [
    ['refs/releases/a', ids.old, server.pack()],
    ['refs/releases/b', ids.next, server.pack()],
    ['refs/releases/c', child, local.pack(child, `^${ids.old}`)],
  ] as const
  for (const [ref, id, pack] of pushes) {
    const answer = await world.pushRaw([[zero, id, ref]], pack)
    assert.deepEqual([answer.refs[ref], world.refOf(ref)], ['ok', id], answer.remote)
  }
})

test('another history, one that ends before it, and an annotated tag of such a one, are refused', async (t) => {
  const world = await openOwn(t)
  const { local, ids } = world
  const orphan = local.commit('orphan')
  const aside = local.commit('aside', ids.base)
  const tag = (id: string) =>
    local.git(
      ['mktag'],
      `object ${id}\ntype commit\ntag v1\ntagger a <a@example.com> 1700000000 +0000\n\nv1\n`,
    )
  const [bad, good] = [tag(aside), tag(ids.old)]
  for (const id of [ids.base, orphan, aside, bad]) {
    const answer = await world.pushRaw([[zero, id, releases]], local.pack(id))
    assert.notEqual(answer.refs[releases], 'ok')
    assert.match(answer.remote, /asks for `commit: own`: [0-9a-f]{12} does not descend from/)
    assert.equal(world.refOf(releases), '')
  }
  const tagged = await world.pushRaw([[zero, good, releases]], local.pack(good, `^${ids.old}`))
  assert.deepEqual([tagged.refs[releases], world.refOf(releases)], ['ok', good], tagged.remote)
})

test('a job whose identity names no commit brings nothing of its own; a second ref does not hide in the first', async (t) => {
  const world = await openOwn(t)
  const { local, ids } = world
  const orphan = local.commit('orphan')
  const both = await world.pushRaw(
    [
      [zero, ids.old, 'refs/releases/a'],
      [zero, orphan, 'refs/releases/b'],
    ],
    local.pack(orphan),
  )
  assert.deepEqual([world.refOf('refs/releases/a'), world.refOf('refs/releases/b')], ['', ''], both.remote)
  runFor(world, undefined)
  const answer = await world.pushRaw([[zero, ids.old, releases]], world.server.pack())
  assert.match(answer.remote, /names no commit/)
})
