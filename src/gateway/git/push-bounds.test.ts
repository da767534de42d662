import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { compileRules, request, usualConnections } from '../gateway.fixture.ts'
import { zero } from './git.fixture.ts'
import { flushPacket, packetLine } from './pkt-line.ts'
import { openGitWorld } from './repository.fixture.ts'

const main = 'refs/heads/main'

test('push options pass if the connection lists them, and are recorded; else the push is refused, and says which', async (t) => {
  const world = await openGitWorld(t, { connection: { push_options: ['ci.skip', 'title=*'] } })
  world.server.git(['config', 'receive.advertisePushOptions', 'true'])
  const seen = join(world.server.folder, 'seen')
  writeFileSync(
    join(world.server.folder, 'hooks/pre-receive'),
    `#!/bin/sh\nprintf '%s,%s' "$GIT_PUSH_OPTION_0" "$GIT_PUSH_OPTION_1" > '${seen}'\n`,
    { mode: 0o755 },
  )
  const { old } = world.ids
  const one = world.local.commit('one', old)
  const pack = world.local.pack(one, `^${old}`)
  for (const option of ['merge_request.create', 'ci.skip2', 'xtitle=a']) {
    const answer = await world.pushRaw([[old, one, main]], pack, { options: ['ci.skip', option] })
    assert.equal(answer.refs[main], 'refused')
    assert.ok(
      answer.remote.includes(`push option "${option}" is not among the push_options of connection "git"`),
    )
    assert.equal(world.refOf(main), old)
  }
  const answer = await world.pushRaw([[old, one, main]], pack, { options: ['ci.skip', 'title=a b'] })
  assert.equal(answer.refs[main], 'ok')
  assert.equal(readFileSync(seen, 'utf8'), 'ci.skip,title=a b')
  const entry = world.audit.ofType('access.granted').at(-1)?.data as { git?: { pushOptions: string[] } }
  assert.deepEqual(entry.git?.pushOptions, ['ci.skip', 'title=a b'])
})

test('a connection that lists none takes none', async (t) => {
  const world = await openGitWorld(t)
  const { old, next } = world.ids
  const answer = await world.pushRaw([[old, next, main]], world.local.pack(), { options: ['ci.skip'] })
  assert.match(answer.remote, /push option "ci\.skip" is not among/)
  assert.deepEqual(world.upstream.begun, [])
})

test('a pack over what its connection takes is refused, be it looked into or not, and is taken just below', async (t) => {
  const world = await openGitWorld(t, { connection: { push_size: '64KiB' } })
  const { old } = world.ids
  const blob = (bytes: number) => {
    const text = Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 7919 * ((i >> 8) + 1)) & 0xff))
    const id = world.local.git(['hash-object', '-w', '--stdin'], text)
    const tree = world.local.git(['mktree'], `100644 blob ${id}\tlarge\n`)
    return world.local.git(['commit-tree', tree, '-m', 'large', '-p', old])
  }
  const [large, small] = [blob(300_000), blob(1_000)]
  const packOf = (id: string) =>
    world.local.gitBytes(
      ['-c', 'pack.compression=0', 'pack-objects', '-q', '--revs', '--stdout'],
      `${id}\n^${old}\n`,
    )
  for (const [from, ref] of [
    [old, main],
    [zero, 'refs/heads/new'],
  ] as const) {
    const answer = await world.pushRaw([[from, large, ref]], packOf(large))
    assert.equal(answer.refs[ref], 'refused', ref)
    assert.match(
      answer.remote,
      /the pack is over 65536 bytes, which is what connection "git" takes \(push_size\)/,
    )
    assert.equal(world.refOf(ref), ref === main ? old : '')
    assert.equal((await world.pushRaw([[from, small, ref]], packOf(small))).refs[ref], 'ok')
  }
})

test('who has nothing to push from a shallow clone is not refused, and nothing rides behind', async (t) => {
  const world = await openGitWorld(t)
  const shallow = packetLine(`shallow ${world.ids.old}`)
  const headers = { 'content-type': 'application/x-git-receive-pack-request' }
  const ask = (body: Buffer) =>
    world.ask(request('POST', '/octo/app.git/git-receive-pack', { headers, body }))
  const answer = await ask(Buffer.concat([shallow, flushPacket]))
  assert.deepEqual([answer.status, answer.body.includes('mayfly')], [200, false])
  const more = await ask(Buffer.concat([shallow, flushPacket, world.local.pack()]))
  assert.match(more.body, /a push without refs carries nothing/)
})

test('ten thousand tags are one push', async (t) => {
  const world = await openGitWorld(t)
  const { old } = world.ids
  const tags = Array.from({ length: 10_000 }, (_, i) => [zero, old, `refs/tags/many/v${i}`] as const)
  const answer = await world.pushRaw(tags, world.local.pack())
  assert.equal(Object.values(answer.refs).filter((one) => one === 'ok').length, 10_000)
  assert.match(world.refOf('refs/tags/many/v9999'), new RegExp(old))
  const entry = world.audit.ofType('access.granted').at(-1)?.data as { git?: { updateCount: number } }
  assert.equal(entry.git?.updateCount, 10_000)
  const moved = await world.pushRaw(
    tags.map(([, , ref]) => [old, world.ids.next, ref] as const),
    world.local.pack(),
  )
  assert.equal(
    Object.values(moved.refs).filter((one) => one === 'not granted: the tag exists').length,
    10_000,
  )
})

const oddRefs = [
  'refs/tags/@scope/pkg@1.4.0',
  'refs/tags/#1',
  'refs/heads/a(b),c=d',
  'refs/heads/it\'s"so"',
  'refs/heads/100%',
  'refs/heads/a;b|c&d<e>f$g!h{i}',
  'refs/tags/\u00e4',
  'refs/tags/a\u0308',
  'refs/heads/\u4e2d\u{1f41b}',
  'refs/changes/01/1/meta',
]

test('any ref that Git allows and that can be seen is pushed under a grant of its own, and under no other', async (t) => {
  const world = await openGitWorld(t)
  const { old } = world.ids
  const grants = oddRefs.map((ref) => `git:push git/octo/app@${ref}`)
  const { targets, policy } = compileRules({ git: usualConnections(world.upstream)['git'] }, grants)
  world.setTargets(targets, policy)
  await world.pushRaw(
    oddRefs.map((ref) => [zero, old, ref] as const),
    world.local.pack(),
  )
  const onServer = () => world.server.git(['for-each-ref', '--format=%(refname)']).split('\n')
  for (const ref of oddRefs) assert.ok(onServer().includes(ref), ref)
  const before = onServer()
  for (const ref of oddRefs) {
    const { remote } = await world.pushRaw([[zero, old, `${ref}x`]], world.local.pack())
    const told = Buffer.from(remote, 'latin1').toString()
    assert.ok(told.includes(JSON.stringify(`git:push git/octo/app@${ref}x`)), told)
  }
  assert.deepEqual(onServer(), before)
})
