import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { acceptedIn } from '../gateway.fixture.ts'
import { zero } from './git.fixture.ts'
import { flushPacket, packetLine } from './pkt-line.ts'
import { reportIn } from './push-report.ts'
import { openGitWorld } from './repository.fixture.ts'

const none = Buffer.alloc(0)
const main = 'refs/heads/main'
const v1 = 'refs/tags/v1'

// The attack of README.md: a hostile step in a role that may push version tags.
test('a tag that exists is neither moved, forward or back, nor deleted by git:push; a new one is made', async (t) => {
  const world = await openGitWorld(t)
  const { base, old, next } = world.ids
  for (const [to, reason] of [
    [next, /: the tag exists$/],
    [base, /: the tag exists$/],
    [zero, /: a deletion$/],
  ] as const) {
    const answer = await world.pushRaw([[old, to, v1]], to === zero ? none : world.server.pack())
    assert.match(answer.refs[v1] ?? '', reason)
    const action = to === zero ? 'git:delete' : 'git:force'
    assert.match(
      answer.remote,
      new RegExp(`add to its grants in mayfly.yaml: "${action} git/octo/app@${v1}" \\(req_`),
    )
    assert.equal(world.refOf(v1), old)
  }
  assert.deepEqual(world.upstream.begun, [], 'known by the names: nothing was asked upstream')
  const made = await world.pushRaw([[zero, next, 'refs/tags/v2']], world.server.pack())
  assert.deepEqual([made.refs, world.refOf('refs/tags/v2')], [{ 'refs/tags/v2': 'ok' }, next])
  assert.deepEqual(world.recorded(), ['create refs/tags/v2'])
  const repository = 'octo/app'
  assert.deepEqual(await acceptedIn(world, 'git.pushed'), [
    { repository, ref: 'refs/tags/v2', oldCommit: zero, newCommit: next, result: 'ok' },
  ])
})

test('git:force moves a tag and git:delete deletes it, and the entries say so', async (t) => {
  const world = await openGitWorld(t, {
    more: ['git:force git/octo/app@refs/tags/*', 'git:delete git/octo/app@refs/tags/*'],
  })
  const { old, next } = world.ids
  assert.equal((await world.pushRaw([[old, next, v1]], world.server.pack())).refs[v1], 'ok')
  assert.deepEqual([world.recorded(), world.refOf(v1)], [[`force ${v1}`], next])
  assert.equal((await world.pushRaw([[next, zero, v1]], none)).refs[v1], 'ok')
  assert.deepEqual([world.recorded(), world.refOf(v1)], [[`delete ${v1}`], ''])
})

test('a lie about what a ref was changes nothing: git holds it against the ref', async (t) => {
  const world = await openGitWorld(t)
  const { base, old, next } = world.ids
  const other = world.local.commit('other')
  const child = world.local.commit('child', other)
  const lies = [
    // It is not there, so it would be made.
    [zero, next, v1, world.server.pack()],
    [zero, next, main, world.server.pack()],
    // It was what the new one descends from.
    [base, next, main, world.server.pack()],
    [other, child, main, world.local.pack(child)],
  ] as const
  for (const [from, to, ref, pack] of lies) {
    const answer = await world.pushRaw([[from, to, ref]], pack)
    assert.notEqual(answer.refs[ref], 'ok')
    assert.deepEqual([world.refOf(main), world.refOf(v1)], [old, old])
  }
  // Those that came as far as the server it has refused, and that is what is recorded.
  const results = (await acceptedIn(world, 'git.pushed')).map(({ result }) => String(result))
  assert.ok(
    results.every((result) => !['ok', 'unknown'].includes(result)),
    results.join('; '),
  )
})

test('a branch goes forward, by new commits, by a merge, and to what the server has', async (t) => {
  const world = await openGitWorld(t)
  const { base, old, next } = world.ids
  const { local } = world
  const one = local.commit('one', old)
  const merge = local.commit('merge', local.commit('side', base), one)
  for (const [from, to, pack] of [
    [old, one, local.pack(one, `^${old}`)],
    [one, merge, local.pack(merge, `^${one}`)],
  ] as const) {
    assert.equal((await world.pushRaw([[from, to, main]], pack)).refs[main], 'ok')
    assert.deepEqual([world.recorded(), world.refOf(main)], [[`fast_forward ${main}`], to])
  }
  world.server.git(['update-ref', 'refs/heads/stable', base])
  const ref = 'refs/heads/stable'
  assert.equal((await world.pushRaw([[base, next, ref]], local.pack())).refs[ref], 'ok')
  assert.deepEqual([world.recorded(), world.refOf(ref)], [[`fast_forward ${ref}`], next])
})

test('a branch that has left the pack is followed on the server, which may leave out its trees or not', async (t) => {
  const world = await openGitWorld(t)
  const { base, next } = world.ids
  const ref = 'refs/heads/stable'
  for (const filter of ['false', 'true']) {
    world.server.git(['config', 'uploadpack.allowFilter', filter])
    world.server.git(['update-ref', ref, base])
    // Behind the new commit lie two that the server has, and behind these the old one.
    const top = world.local.commit(`top ${filter}`.replace(' ', '-'), next)
    const answer = await world.pushRaw([[base, top, ref]], world.local.pack(top, `^${next}`))
    assert.deepEqual([answer.refs[ref], world.refOf(ref)], ['ok', top], filter)
  }
})

test('what is not a fast-forward is refused with why, request id and grant, and the server changes nothing', async (t) => {
  const world = await openGitWorld(t)
  const { base, old } = world.ids
  const { local } = world
  const rewritten = local.commit('rewritten', base)
  for (const [to, pack] of [
    [rewritten, local.pack(rewritten, `^${base}`)],
    [base, local.pack()],
    [local.commit('root'), local.pack(local.commit('root'))],
  ] as const) {
    const answer = await world.pushRaw([[old, to, main]], pack)
    assert.equal(answer.refs[main], 'not granted: not a fast-forward')
    assert.match(answer.remote, /"git:force git\/octo\/app@refs\/heads\/main" \(req_\w+\)/)
    assert.match(answer.remote, new RegExp(`${to.slice(0, 12)} does not descend from ${old.slice(0, 12)}`))
    assert.equal(world.refOf(main), old)
  }
})

test('with git:force the same is done and recorded as what it is', async (t) => {
  const world = await openGitWorld(t, { more: ['git:force git/octo/app@refs/heads/*'] })
  const { base, old } = world.ids
  const rewritten = world.local.commit('rewritten', base)
  const answer = await world.pushRaw([[old, rewritten, main]], world.local.pack(rewritten, `^${base}`))
  assert.deepEqual([answer.refs[main], world.refOf(main)], ['ok', rewritten])
  assert.deepEqual(world.recorded(), [`force ${main}`])
})

test('of several refs, one that is refused refuses all; else each is recorded', async (t) => {
  const world = await openGitWorld(t, { more: ['git:delete git/octo/app@refs/heads/dev'] })
  const { base, old, next } = world.ids
  const { local } = world
  const one = local.commit('one', old)
  const bad = await world.pushRaw(
    [
      [old, one, main],
      [next, base, 'refs/heads/dev'],
      [zero, one, 'refs/heads/new'],
    ],
    local.pack(one, `^${old}`),
    { capabilities: 'report-status side-band-64k atomic' },
  )
  assert.deepEqual(bad.refs, {
    [main]: 'not pushed: another ref of this push was refused',
    'refs/heads/dev': 'not granted: not a fast-forward',
    'refs/heads/new': 'not pushed: another ref of this push was refused',
  })
  assert.deepEqual(
    [world.refOf(main), world.refOf('refs/heads/dev'), world.refOf('refs/heads/new')],
    [old, next, ''],
  )
  const good = await world.pushRaw(
    [
      [old, one, main],
      [next, zero, 'refs/heads/dev'],
      [zero, one, 'refs/heads/new'],
    ],
    local.pack(one, `^${old}`),
  )
  assert.deepEqual(Object.values(good.refs), ['ok', 'ok', 'ok'])
  assert.deepEqual(world.recorded(), [
    `fast_forward ${main}`,
    'delete refs/heads/dev',
    'create refs/heads/new',
  ])
  const pushed = await acceptedIn(world, 'git.pushed', 3)
  assert.deepEqual(
    pushed.map(({ ref, result }) => `${String(ref)} ${String(result)}`),
    [`${main} ok`, 'refs/heads/dev ok', 'refs/heads/new ok'],
  )
})

test('any answer is a report of refs that stand in it, or none', () => {
  const line = fc.constantFrom(
    'unpack ok',
    'unpack failed',
    'ok refs/heads/a',
    'ng refs/heads/b no\0pe',
    'ok',
    'ng x',
    '',
  )
  const packets = fc.array(
    fc.oneof(
      line.map((text) => packetLine(`${text}\n`)),
      fc.uint8Array({ maxLength: 9 }),
    ),
  )
  fc.assert(
    fc.property(packets, fc.boolean(), (pieces, isBand) => {
      const plain = Buffer.concat(pieces)
      const answer = isBand ? packetLine(Buffer.concat([Buffer.of(1), plain])) : plain
      const report = reportIn(answer)
      return [...(report ?? [])].every(
        ([ref, result]) => answer.includes(ref) && /^[\x20-\x7e]+$/.test(result),
      )
    }),
    { numRuns: 3_000 },
  )
  const banded = packetLine(
    Buffer.concat([Buffer.of(1), packetLine('unpack ok\n'), packetLine('ng refs/heads/a hook\n')]),
  )
  assert.deepEqual(
    reportIn(Buffer.concat([packetLine('\u0002hello\n'), banded, flushPacket])),
    new Map([['refs/heads/a', 'hook']]),
  )
})

test('one branch takes the place that another has just left: each is judged by itself', async (t) => {
  const world = await openGitWorld(t)
  const { base, old, next } = world.ids
  world.server.git(['update-ref', 'refs/heads/stable', base])
  const answer = await world.pushRaw(
    [
      [base, old, 'refs/heads/stable'],
      [old, next, main],
    ],
    world.local.pack(),
  )
  assert.deepEqual(Object.values(answer.refs), ['ok', 'ok'])
})

test('a symbolic ref on the server moves nothing that the grant does not name', async (t) => {
  const world = await openGitWorld(t)
  const { old, next } = world.ids
  world.server.git(['symbolic-ref', 'refs/tags/latest', main])
  for (const [from, ref] of [
    [old, 'refs/tags/latest'],
    [zero, 'refs/tags/latest'],
  ] as const) {
    const answer = await world.pushRaw([[from, next, ref]], world.local.pack())
    assert.notEqual(answer.refs[ref], 'ok')
    assert.equal(world.refOf(main), old)
  }
  world.server.git(['symbolic-ref', 'refs/heads/alias', main])
  const answer = await world.pushRaw([[old, next, 'refs/heads/alias']], world.local.pack())
  assert.match(
    answer.remote,
    /refs\/heads\/alias is a symbolic ref on the server: push to refs\/heads\/main itself/,
  )
  assert.equal(world.refOf(main), old)
  // The branch that HEAD stands for is a ref like any other.
  assert.equal((await world.pushRaw([[old, next, main]], world.local.pack())).refs[main], 'ok')
})

test('a server that cannot say which refs are symbolic gets no push', async (t) => {
  const world = await openGitWorld(t)
  const { old, next } = world.ids
  world.server.git(['config', 'protocol.version', '0'])
  world.server.git(['config', 'uploadpack.advertiseRefs', 'true'])
  const real = world.upstream.onHead
  world.upstream.onHead = (incoming, response) => {
    delete incoming.headers['git-protocol']
    real?.(incoming, response)
  }
  const answer = await world.pushRaw([[old, next, main]], world.local.pack())
  assert.match(answer.remote, /cannot be asked which of its refs are symbolic/)
  assert.equal(world.refOf(main), old)
  assert.ok(world.upstream.begun.every(({ url }) => !url.endsWith('/git-receive-pack')))
})

test('a branch is moved to a commit only', async (t) => {
  const world = await openGitWorld(t)
  const { old, next } = world.ids
  const { local } = world
  const tree = local.git(['rev-parse', `${next}^{tree}`])
  local.git(['tag', '-a', '-m', 'x', 'annotated', next])
  const tag = local.git(['rev-parse', 'annotated'])
  for (const id of [tree, tag]) {
    const answer = await world.pushRaw([[old, id, main]], local.pack(id, `^${old}`))
    assert.notEqual(answer.refs[main], 'ok')
    assert.equal(world.refOf(main), old)
  }
})

test('annotated tags, notes, and refs of any other kind', async (t) => {
  const world = await openGitWorld(t, { more: ['git:push git/octo/app@refs/other/*'] })
  const { next } = world.ids
  const { local } = world
  local.git(['tag', '-a', '-m', 'x', 'v3', next])
  const tag = local.git(['rev-parse', 'v3'])
  assert.equal(
    (await world.pushRaw([[zero, tag, 'refs/tags/v3']], local.pack(tag, `^${next}`))).refs['refs/tags/v3'],
    'ok',
  )
  const notes = 'refs/notes/commits'
  local.git(['notes', 'add', '-m', 'first', next])
  const first = local.git(['rev-parse', notes])
  assert.equal((await world.pushRaw([[zero, first, notes]], local.pack(first))).refs[notes], 'ok')
  local.git(['notes', 'append', '-m', 'second', next])
  const second = local.git(['rev-parse', notes])
  assert.equal(
    (await world.pushRaw([[first, second, notes]], local.pack(second, `^${first}`))).refs[notes],
    'ok',
  )
  assert.deepEqual(world.recorded(), [`fast_forward ${notes}`])
  const back = await world.pushRaw([[second, first, notes]], local.pack())
  assert.equal(back.refs[notes], 'not granted: not a fast-forward')
  assert.equal(world.refOf(notes), second)
})

test('a push out of a shallow clone passes; one that cuts the server’s history off does not', async (t) => {
  const world = await openGitWorld(t)
  world.server.git(['config', 'receive.shallowUpdate', 'true'])
  const { old } = world.ids
  const one = world.local.commit('one', old)
  const pack = world.local.pack(one, `^${old}`)
  const cutting = await world.pushRaw([[old, one, main]], pack, { shallow: [one] })
  assert.match(cutting.remote, /cuts the history off/)
  assert.equal(world.refOf(main), old)
  assert.equal((await world.pushRaw([[old, one, main]], pack, { shallow: [old] })).refs[main], 'ok')
})

test('a repository of SHA-256 is read like one of SHA-1', async (t) => {
  const world = await openGitWorld(t, { init: ['--object-format=sha256'] })
  const { base, old, next } = world.ids
  const capabilities = 'report-status side-band-64k object-format=sha256'
  const send = (from: string, to: string, ref: string, pack: Buffer) =>
    world.pushRaw([[from, to, ref]], pack, { capabilities })
  assert.equal((await send(old, next, main, world.local.pack())).refs[main], 'ok')
  const one = world.local.commit('one', next)
  assert.equal((await send(next, one, main, world.local.pack(one, `^${next}`))).refs[main], 'ok')
  assert.deepEqual([world.recorded(), world.refOf(main)], [[`fast_forward ${main}`], one])
  assert.equal(
    (await send(one, base, main, world.local.pack())).refs[main],
    'not granted: not a fast-forward',
  )
  assert.equal((await send(old, next, v1, world.local.pack())).refs[v1], 'not granted: the tag exists')
  assert.equal(world.refOf(main), one)
})

test('without any grant on the ref the pack is not looked at and the server not asked', async (t) => {
  const world = await openGitWorld(t)
  const { old, next } = world.ids
  const ref = 'refs/other/x'
  const answer = await world.pushRaw([[old, next, ref]], Buffer.from('no pack at all'))
  assert.equal(answer.refs[ref], 'not granted')
  assert.deepEqual(world.upstream.begun, [])
})

test('what the push does is durable before the server has its last bytes', async (t) => {
  const world = await openGitWorld(t)
  const { old } = world.ids
  const one = world.local.commit('one', old)
  world.audit.before = ({ data }) => {
    if ((data as { git?: { phase?: string } }).git?.phase === 'push') throw new Error('the log is down')
  }
  const answer = await world.pushRaw([[old, one, main]], world.local.pack(one, `^${old}`))
  assert.match(answer.remote, /the log is down/)
  assert.equal(world.refOf(main), old)
})
