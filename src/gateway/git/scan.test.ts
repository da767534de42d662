import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { acceptedIn, request } from '../gateway.fixture.ts'
import { markerInspection } from '../look.fixture.ts'
import type { PushScanner, ScannedPush, UnseenBlobs } from '../push-scanner.ts'
import { zero } from './git.fixture.ts'
import { delta, distance, entry, packOf, types } from './pack.fixture.ts'
import { openGitWorld, type GitWorld } from './repository.fixture.ts'

const main = 'refs/heads/main'
const marker = 'AKIA-the-marker'

interface Watched {
  readonly world: GitWorld
  readonly scanner: PushScanner
  readonly pushes: ScannedPush[]
  readonly seen: Map<string, Buffer>
  /** Large ones that did not come to their end. */
  readonly left: readonly number[]
  readonly longest: () => number
  readonly unseen: UnseenBlobs[]
  /** A commit on `parent` with this file; returns its id. */
  commitOf(content: Buffer | string, parent: string): string
}

/** A scanner that refuses a blob with the marker in it, and remembers what it was handed. */
async function openWatched(t: TestContext, more: Partial<PushScanner> = {}): Promise<Watched> {
  const pushes: ScannedPush[] = []
  const seen: Watched['seen'] = new Map()
  const unseen: UnseenBlobs[] = []
  const left: number[] = []
  let longest = 0
  const scanner: PushScanner = {
    maxBlobBytes: 4_000_000,
    begin(push) {
      pushes.push(push)
      const findings: string[] = []
      const take = (id: string, bytes: Buffer) => {
        seen.set(id, bytes)
        if (bytes.includes(marker)) findings.push(`a key in ${id}`)
      }
      return {
        async blob({ id, bytes }) {
          await new Promise(setImmediate)
          take(id, Buffer.from(bytes))
        },
        large() {
          const pieces: Buffer[] = []
          return {
            async write(piece) {
              await new Promise(setImmediate)
              pieces.push(Buffer.from(piece))
              longest = Math.max(longest, piece.length)
            },
            end: (id) => take(id, Buffer.concat(pieces)),
            leave: () => void left.push(pieces.length),
          }
        },
        text(name, bytes) {
          if (bytes.includes(marker)) findings.push(`a key in ${name}`)
        },
        async finish(brought) {
          unseen.push(brought.unseen)
          return findings.length === 0 ? { ok: true } : { ok: false, findings }
        },
      }
    },
    ...more,
  }
  const world = await openGitWorld(t, { scanner })
  return {
    world,
    scanner,
    pushes,
    seen,
    unseen,
    left,
    longest: () => longest,
    commitOf(content, parent) {
      const blob = world.local.git(['hash-object', '-w', '--stdin'], content)
      const tree = world.local.git(['mktree'], `100644 blob ${blob}\tfile\n`)
      return world.local.git(['commit-tree', tree, '-m', 'x', '-p', parent])
    },
  }
}

const noise = (bytes: number) =>
  Buffer.from(Array.from({ length: bytes }, (_, i) => ((i * 7919) ^ (i >> 3) ^ (i >> 11)) & 0xff))

test('a push that brings a blob with the marker never reaches the repository, be the blob small, large or a delta', async (t) => {
  const { world, commitOf, pushes, seen } = await openWatched(t)
  const { old } = world.ids
  const text = 'line of a file\n'.repeat(200)
  const clean = commitOf(text, old)
  const cases: Record<string, [string, string]> = {
    small: [commitOf(marker, old), `^${old}`],
    large: [commitOf(Buffer.concat([noise(2_000_000), Buffer.from(marker)]), old), `^${old}`],
    'a delta within the pack': [commitOf(`${text}${marker}`, clean), `^${old}`],
  }
  for (const [what, [id, without]] of Object.entries(cases)) {
    const pack = world.local.gitBytes(
      ['pack-objects', '-q', '--revs', '--stdout', '--delta-base-offset'],
      `${id}\n${without}\n`,
    )
    for (const [from, ref] of [
      [old, main],
      [zero, 'refs/heads/new'],
    ] as const) {
      const answer = await world.pushRaw([[from, id, ref]], pack)
      assert.equal(answer.refs[ref], 'refused', what)
      assert.match(answer.remote, /a key in [0-9a-f]{40}/, what)
      assert.equal(world.refOf(ref), ref === main ? old : '', what)
    }
  }
  assert.deepEqual(pushes[0]?.refs, [main])
  assert.deepEqual([pushes[0]?.connection, pushes[0]?.repository], ['git', 'octo/app'])
  seen.clear()
  const answer = await world.pushRaw([[old, clean, main]], world.local.pack(clean, `^${old}`))
  assert.equal(answer.refs[main], 'ok')
  assert.deepEqual([...seen.values()].map(String), [text])
  const { git } = (world.audit.ofType('access.granted').at(-1)?.data ?? {}) as {
    git?: { phase: string; scan: unknown }
  }
  assert.deepEqual([git?.phase, git?.scan], ['push', { blobs: 1, unseen: 0 }])
  assert.equal(
    (await world.pushRaw([[clean, zero, main]], Buffer.alloc(0))).refs[main],
    'not granted: a deletion',
  )
})

test('every blob of a real pack is seen, with its content and its name', async (t) => {
  const { world, commitOf, seen, unseen } = await openWatched(t)
  let parent = world.ids.old
  for (let i = 0; i < 30; i++)
    parent = commitOf(`${'same line\n'.repeat(100)}${i}\n${'more\n'.repeat(i)}`, parent)
  const pack = world.local.gitBytes(
    ['pack-objects', '-q', '--revs', '--stdout', '--delta-base-offset', '--depth=50'],
    `${parent}\n^${world.ids.old}\n`,
  )
  assert.equal((await world.pushRaw([[world.ids.old, parent, main]], pack)).refs[main], 'ok')
  const objects = world.local.git(['rev-list', '--objects', '--no-object-names', parent, `^${world.ids.old}`])
  const blobs = objects.split('\n').filter((id) => world.local.git(['cat-file', '-t', id]) === 'blob')
  assert.ok(blobs.length === 30)
  assert.deepEqual([...seen.keys()].toSorted(), blobs.toSorted())
  for (const id of blobs) assert.deepEqual(seen.get(id), world.local.gitBytes(['cat-file', 'blob', id]))
  assert.equal(unseen.at(-1)?.count, 0)
})

test('what cannot be seen is named: a delta of what the server has', async (t) => {
  const { world, commitOf, unseen } = await openWatched(t)
  const { old } = world.ids
  const base = world.local.git(['rev-parse', `${old}:old`])
  const size = Number(world.local.git(['cat-file', '-s', base]))
  const content = `hidden ${marker}`
  const thin = commitOf(content, old)
  const whole = world.local.gitBytes(['cat-file', 'commit', thin])
  const tree = world.local.gitBytes(['cat-file', 'tree', `${thin}^{tree}`])
  const pack = packOf([
    entry(types.commit, whole),
    entry(types.tree, tree),
    entry(types.idDelta, delta(size, content), { base: Buffer.from(base, 'hex') }),
  ])
  assert.equal((await world.pushRaw([[old, thin, main]], pack)).refs[main], 'ok')
  assert.deepEqual(unseen.at(-1), { count: 1, why: [`a delta of ${base}, which is not in the pack`] })
  const { git } = (world.audit.ofType('access.granted').at(-1)?.data ?? {}) as {
    git?: { scan: { unseen: number } }
  }
  assert.equal(git?.scan.unseen, 1)
})

test('a file of any size is seen to its end while it comes, by its own name; one that breaks off is left', async (t) => {
  const { world, commitOf, seen, left, longest } = await openWatched(t, { maxBlobBytes: 2_000_000 })
  const { old } = world.ids
  const content = Buffer.concat([noise(5_000_000), Buffer.from(marker)])
  const large = commitOf(content, old)
  const blob = world.local.git(['rev-parse', `${large}:file`])
  const pack = world.local.pack(large, `^${old}`)
  const answer = await world.pushRaw([[old, large, main]], pack)
  assert.match(answer.remote, new RegExp(`a key in ${blob}`))
  assert.deepEqual(seen.get(blob), content)
  assert.ok(longest() <= 262_144, `${longest()} bytes at once`)
  assert.deepEqual([left, world.refOf(main)], [[], old])
  const broken = entry(types.blob, content, { zlib: deflateSync(content.subarray(0, 4_000_000)) })
  assert.match((await world.pushRaw([[old, large, main]], packOf([broken]))).remote, /cannot be looked at/)
  assert.equal(left.length, 1)
})

test('a delta of a delta is seen; one of a tree is none of a blob', async (t) => {
  const { world, seen, unseen } = await openWatched(t)
  const { old } = world.ids
  const [first, second, third] = ['first '.repeat(50), 'second '.repeat(50), `third ${marker}`]
  const a = entry(types.blob, first)
  const b = entry(types.offsetDelta, delta(first.length, second), { base: distance(a.length) })
  const c = entry(types.offsetDelta, delta(second.length, third), { base: distance(b.length) })
  const tree = entry(types.tree, Buffer.alloc(0))
  const d = entry(types.offsetDelta, delta(0, 'tree'), { base: distance(tree.length) })
  const answer = await world.pushRaw([[zero, old, 'refs/heads/new']], packOf([a, b, c, tree, d]))
  assert.equal(answer.refs['refs/heads/new'], 'refused')
  assert.deepEqual([...seen.values()].map(String), [first, second, third])
  assert.equal(unseen.at(-1)?.count, 0)
})

test('a scanner that fails lets nothing pass, nor does a pack that cannot be read', async (t) => {
  for (const failing of [
    {
      blob: async () => Promise.reject(new Error('broken')),
      ...{
        large: () => assert.fail('none is large'),
        text: () => undefined,
        finish: async () => ({ ok: true as const }),
      },
    },
    {
      ...{ blob: () => undefined, large: () => assert.fail('none is large'), text: () => undefined },
      finish: async () => Promise.reject(new Error('broken')),
    },
  ]) {
    const { world, commitOf } = await openWatched(t, { begin: () => failing })
    const { old } = world.ids
    const one = commitOf('text', old)
    const answer = await world.pushRaw([[zero, one, 'refs/heads/new']], world.local.pack(one, `^${old}`))
    assert.equal(answer.refs['refs/heads/new'], 'refused')
    assert.match(answer.remote, /broken/)
  }
  const { world } = await openWatched(t)
  const answer = await world.pushRaw([[zero, world.ids.old, 'refs/heads/new']], Buffer.from('no pack at all'))
  assert.match(answer.remote, /what the push brings cannot be looked at/)
})

test('where a scanner looks, git is asked for packs that can be looked at whole', async (t) => {
  const { world } = await openWatched(t)
  const refs = '/octo/app.git/info/refs?service=git-receive-pack'
  const list = await world.ask(request('GET', refs))
  assert.match(list.body, /\0[^\n]* no-thin\n/)
  assert.match(list.body, /refs\/tags\/v1/)
  const plain = await openGitWorld(t)
  assert.doesNotMatch((await plain.ask(request('GET', refs))).body, /no-thin/)
})

test('what passes with a warning is told on the side band before the server’s words, and changes nothing of these', async (t) => {
  const long = 'x'.repeat(700)
  const warnings = { current: ['file:1: a key\u001B[2J', long] }
  const { world, commitOf } = await openWatched(t, {
    begin: () => ({
      blob: () => undefined,
      large: () => assert.fail('none is large'),
      text: () => undefined,
      finish: async () => ({ ok: true, warnings: warnings.current }),
    }),
  })
  const { old } = world.ids
  const first = commitOf('one', old)
  const answer = await world.pushRaw([[old, first, main]], world.local.pack(first, `^${old}`))
  assert.deepEqual(answer.refs, { [main]: 'ok' })
  assert.equal(world.refOf(main), first)
  assert.match(answer.remote, /^mayfly: warning: file:1: a key\\u001b\[2J\nmayfly: warning: x{600}\n/)
  assert.deepEqual(told(world), [])
  const pushed = await acceptedIn(world, 'git.pushed')
  assert.deepEqual(
    pushed.map(({ result }) => result),
    ['ok'],
  )

  // Without a side band there is no room for it; the step is told otherwise.
  const second = commitOf('two', first)
  const plain = await world.pushRaw([[first, second, main]], world.local.pack(second, `^${first}`), {
    capabilities: 'report-status',
  })
  assert.deepEqual([plain.refs, plain.remote], [{ [main]: 'ok' }, ''])
  assert.match(told(world).join('\n'), /^mayfly: octo\/app: warning: file:1: a key/)

  // So it is where the server answers with something else.
  const real = world.upstream.onHead
  world.upstream.onHead = (incoming, response) => {
    if (incoming.method !== 'POST' || incoming.url?.endsWith('/git-receive-pack') !== true)
      return real?.(incoming, response)
    incoming.resume()
    const encoded = gzipSync('0000')
    response.writeHead(200, {
      ...{ 'content-type': 'application/x-git-receive-pack-result', 'content-encoding': 'gzip' },
      'content-length': encoded.length,
    })
    response.end(encoded)
  }
  warnings.current = ['file:9: another key']
  const third = commitOf('three', second)
  const other = await world.pushRaw([[second, third, main]], world.local.pack(third, `^${second}`))
  assert.doesNotMatch(other.remote, /warning/)
  assert.equal(other.status, 200)
  assert.match(told(world).at(-1) ?? '', /octo\/app: warning: file:9: another key/)
})

const told = ({ gateway, step }: GitWorld) => gateway.refusals(step.id, 0).lines

test('what a push says beside its files is looked at, and the refusal says where it is', async (t) => {
  const { world } = await openWatched(t)
  const { git } = world.local
  const { old } = world.ids
  const blob = git(['hash-object', '-w', '--stdin'], 'clean\n')
  const clean = git(['mktree'], `100644 blob ${blob}\tfile\n`)
  const named = git(['mktree'], `100644 blob ${blob}\t${marker}\n`)
  const above = git(['mktree'], `040000 tree ${named}\tfolder\n`)
  const commitOf = (tree: string, message: string) => git(['commit-tree', tree, '-m', message, '-p', old])
  const byAuthor = git(
    ['hash-object', '-w', '-t', 'commit', '--stdin'],
    `${git(['cat-file', 'commit', commitOf(clean, 'x')]).replace(/^author \S+/m, `author ${marker}`)}\n`,
  )
  const tag = (message: string) =>
    git(['mktag'], `object ${old}\ntype commit\ntag v9\ntagger a <a@b.c> 1700000000 +0000\n\n${message}\n`)
  const message = commitOf(clean, `deploy with ${marker}`)
  const annotated = tag(marker)
  for (const [id, place] of [
    [message, `commit ${message}`],
    [byAuthor, `commit ${byAuthor}`],
    [commitOf(above, 'x'), `names in tree ${named}`],
    [annotated, `tag ${annotated}`],
  ] as const) {
    const answer = await world.pushRaw([[zero, id, 'refs/heads/new']], world.local.pack(id, `^${old}`))
    assert.equal(answer.refs['refs/heads/new'], 'refused', place)
    assert.match(answer.remote, new RegExp(`a key in ${place}`))
    assert.equal(world.refOf('refs/heads/new'), '')
  }
  const [base, changed] = [
    world.local.gitBytes(['cat-file', 'tag', tag('clean')]),
    world.local.gitBytes(['cat-file', 'tag', annotated]),
  ]
  const first = entry(types.tag, base)
  const asDelta = entry(types.offsetDelta, delta(base.length, changed.toString()), {
    base: distance(first.length),
  })
  const answer = await world.pushRaw([[zero, annotated, 'refs/tags/v9']], packOf([first, asDelta]))
  assert.match(answer.remote, new RegExp(`a key in tag ${annotated}`))
})

test('the names of the refs that a push makes are looked at', async (t) => {
  const world = await openGitWorld(t)
  const { inspection } = markerInspection('the-marker')
  world.setInspection(inspection)
  const { old } = world.ids
  const ref = 'refs/heads/with-the-marker'
  const answer = await world.pushRaw([[zero, old, ref]], packOf([]))
  assert.equal(answer.refs[ref], 'refused')
  assert.match(answer.remote, /a secret in names of refs/)
})

test('the end of the credential that a push goes with cuts nothing of its answer, be it refused or let pass', async (t) => {
  const world = await openGitWorld(t)
  const { inspection } = markerInspection(marker)
  const gone: boolean[] = []
  world.setInspection({
    ...inspection,
    open(step, sent) {
      const look = inspection.open(step, sent)
      return (
        look && {
          ...look,
          async finish(...how) {
            world.brokers.endLease(step, sent.connection)
            await new Promise(setImmediate)
            gone.push(sent.gone())
            return look.finish(...how)
          },
        }
      )
    },
  })
  const { git } = world.local
  const { old } = world.ids
  const commitOf = (content: string) => {
    const blob = git(['hash-object', '-w', '--stdin'], content)
    const tree = git(['mktree'], `100644 blob ${blob}\tfile\n`)
    return git(['commit-tree', tree, '-m', 'x', '-p', old])
  }
  const push = (id: string) => world.pushRaw([[old, id, main]], world.local.pack(id, `^${old}`))
  const refused = await push(commitOf(`with ${marker}`))
  assert.deepEqual([refused.status, refused.refs[main]], [200, 'refused'])
  assert.match(refused.remote, /a secret in file/)
  const passing = commitOf('clean')
  assert.equal((await push(passing)).refs[main], 'ok')
  assert.deepEqual([gone, world.refOf(main)], [[false, false], passing])
})

test('a file is told at all its paths, and that there may be more where a tree or a commit is not known', async (t) => {
  const world = await openGitWorld(t)
  const { inspection } = markerInspection(marker)
  world.setInspection(inspection)
  const { git } = world.local
  const { old } = world.ids
  const blob = git(['hash-object', '-w', '--stdin'], marker)
  const tree = (...entries: string[]) => git(['mktree'], entries.map((one) => `${one}\n`).join(''))
  const folder = tree(`100644 blob ${blob}\tkey`)
  const commit = (root: string, ...parents: string[]) =>
    git(['commit-tree', root, '-m', 'x', ...parents.flatMap((one) => ['-p', one])])
  const nested = commit(tree(`040000 tree ${folder}\tfixtures`, `100644 blob ${blob}\tother`), old)
  const refused = async (id: string, pack = world.local.pack(id, `^${old}`)) => {
    const { remote } = await world.pushRaw([[zero, id, 'refs/heads/new']], pack)
    return /a secret in ([^(]*) \(/.exec(remote)?.[1]
  }
  assert.equal(await refused(nested), 'fixtures/key and other')
  // The folder is the whole checkout of another commit.
  assert.equal(await refused(commit(folder, nested)), 'fixtures/key and key and other')
  const slash = git(
    ['hash-object', '-w', '-t', 'tree', '--stdin', '--literally'],
    treeOf('fixtures/key', blob),
  )
  assert.match((await refused(commit(slash, old))) ?? '', /perhaps elsewhere$/)
  // Who leaves out a tree says only the end of its path.
  const above = git(['cat-file', 'commit', nested])
  const part = packOf([
    entry(types.commit, `${above}\n`),
    entry(types.tree, world.local.gitBytes(['cat-file', 'tree', folder])),
    entry(types.idDelta, delta(3, 'a tree'), { base: Buffer.alloc(20, 7) }),
    entry(types.blob, marker),
  ])
  assert.equal(await refused(nested, part), 'key and perhaps elsewhere')
  assert.equal(world.refOf('refs/heads/new'), '')
})

function treeOf(name: string, blob: string): Buffer {
  return Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')])
}

test('a person’s yes to a push is good for the same objects alone, in whatever order their pack has them', async (t) => {
  const world = await openGitWorld(t)
  const { inspection, same } = markerInspection(marker)
  world.setInspection(inspection)
  const { git, gitBytes } = world.local
  const { old } = world.ids
  const blob = git(['hash-object', '-w', '--stdin'], marker)
  const id = git(['commit-tree', git(['mktree'], `100644 blob ${blob}\tfile\n`), '-m', 'x', '-p', old])
  const objects = [
    entry(types.commit, gitBytes(['cat-file', 'commit', id])),
    entry(types.tree, gitBytes(['cat-file', 'tree', `${id}^{tree}`])),
    entry(types.blob, marker),
  ]
  const unknown = (text: string) => entry(types.idDelta, delta(3, text), { base: Buffer.alloc(20, 7) })
  const sent = [
    objects,
    objects.toReversed(),
    [...objects, entry(types.blob, 'that no commit names')],
    [...objects, unknown('one')],
    [...objects, unknown('one')],
    [...objects, unknown('two')],
    // Nobody keeps what is so large.
    [...objects, unknown('x'.repeat(1_200_000))],
  ]
  for (const pack of sent)
    assert.equal((await world.pushRaw([[old, id, main]], packOf(pack))).refs[main], 'refused')
  assert.equal(same[0], same[1])
  assert.equal(same[3], same[4])
  assert.equal(new Set(same.slice(0, 6)).size, 4)
  assert.equal(same[6], undefined)
})
