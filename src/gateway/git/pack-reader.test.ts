import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { deflateSync, constants } from 'node:zlib'
import fc from 'fast-check'
import { MayflyError, limits } from '../../lib/index.ts'
import { coded, cut, places } from './git.fixture.ts'
import {
  commitText,
  delta,
  distance,
  entry,
  idOf,
  packOf,
  readAll,
  types,
  withDigest,
} from './pack.fixture.ts'
import { makeFolder, openRepository, type Repository } from './repository.fixture.ts'

const parent = 'a'.repeat(40)
const text = commitText(parent)
const whole = [entry(types.commit, text)]

test('commits are named by their content, whole ones and deltas of earlier ones', async () => {
  const child = commitText(idOf(text), 'b'.repeat(40))
  const grandchild = commitText(idOf(child))
  const first = entry(types.commit, text)
  const base = Buffer.from(idOf(child), 'hex')
  const pack = packOf([
    entry(types.blob, 'x'.repeat(5000)),
    first,
    entry(types.offsetDelta, delta(text.length, child), { base: distance(first.length) }),
    entry(types.idDelta, delta(child.length, grandchild), { base }),
    // Of an object that the server has: no commit of this pack.
    entry(types.idDelta, delta(5, 'whatever'), { base: Buffer.alloc(20, 1) }),
  ])
  const { commits, passed, held } = await readAll([pack])
  assert.deepEqual(
    [...commits],
    [
      [idOf(text), [parent]],
      [idOf(child), [idOf(text), 'b'.repeat(40)]],
      [idOf(grandchild), [idOf(child)]],
    ],
  )
  assert.deepEqual([passed, held], [pack.subarray(0, -20), pack.subarray(-20)])
})

test('a base may be thousands of objects back', async () => {
  const first = entry(types.commit, text)
  const between = Array.from({ length: 3000 }, (_, i) => entry(types.blob, `blob ${i}`))
  const back = first.length + between.reduce((sum, one) => sum + one.length, 0)
  const child = commitText(idOf(text))
  const last = entry(types.offsetDelta, delta(text.length, child), { base: distance(back) })
  const { commits } = await readAll([packOf([first, ...between, last])])
  assert.deepEqual(commits.get(idOf(child)), [idOf(text)])
})

test('however it comes in, the same is read and passed on, and the digest is held back', async () => {
  const large = Buffer.alloc(limits.packPieceBytes + 5, 'large ')
  const pack = packOf([
    ...whole,
    entry(types.blob, large),
    entry(types.blob, ''),
    entry(types.commit, commitText()),
  ])
  await fc.assert(
    fc.asyncProperty(places, async (where) => {
      const { commits, passed, held } = await readAll(cut(pack, where))
      assert.equal(commits.size, 2)
      assert.deepEqual([passed, held], [pack.subarray(0, -20), pack.subarray(-20)])
    }),
    { numRuns: 30 },
  )
  const bytes = Array.from(packOf(whole), (_, i) => packOf(whole).subarray(i, i + 1))
  assert.equal((await readAll(bytes)).commits.size, 1)
})

test('a pack cut off anywhere is refused', async () => {
  const pack = packOf([...whole, entry(types.blob, 'blob')])
  for (let end = 0; end < pack.length; end++)
    await assert.rejects(readAll([pack.subarray(0, end)]), coded('bad_input'), String(end))
})

const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
// Deflate blocks that hold nothing, without end.
const nothing = Buffer.concat([
  Buffer.from('7801', 'hex'),
  Buffer.alloc(5 * 200_000, Buffer.from('000000ffff', 'hex')),
])
const hostile: readonly (readonly [what: string, pack: Buffer, refused: RegExp])[] = [
  ['bytes behind it', Buffer.concat([packOf(whole), Buffer.from('x')]), /bytes behind the pack/],
  ['a second pack behind it', Buffer.concat([packOf(whole), packOf(whole)]), /bytes behind the pack/],
  ['another digest', Buffer.concat([packOf(whole).subarray(0, -1), Buffer.of(0)]), /digest/],
  ['fewer objects than it says', packOf(whole, { count: 2 }), /./],
  ['more objects than it says', packOf([...whole, ...whole], { count: 1 }), /digest|behind/],
  ['more objects than are looked at', packOf(whole, { count: 0xffffffff }), /more than \d+ objects/],
  ['another version', packOf(whole, { version: 4 }), /not a pack of version 2/],
  ['no pack', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /not a pack/],
  ['an object of type 0', packOf([entry(0, 'x')]), /unknown type 0/],
  ['an object of type 5', packOf([entry(5, 'x')]), /unknown type 5/],
  [
    'an object that is longer than it says',
    packOf([entry(types.commit, text, { size: 10 })]),
    /not of the 10 bytes/,
  ],
  [
    'an object that is shorter than it says',
    packOf([entry(types.blob, 'x', { size: 5000 })]),
    /not of the 5000 bytes/,
  ],
  [
    'a large object that is shorter than it says',
    packOf([entry(types.blob, 'x', { size: 2 ** 21 })]),
    /not of the/,
  ],
  ['an object of 64 terabytes', packOf([entry(types.blob, 'x', { size: 2 ** 45 })]), /inflates to more than/],
  [
    'a size that no number holds',
    packOf([Buffer.concat([Buffer.alloc(12, 0xff), Buffer.of(1)])]),
    /too large/,
  ],
  [
    'a bomb that calls itself small',
    packOf([entry(types.blob, '', { size: 100, zlib: bomb })]),
    /not of the 100/,
  ],
  [
    'a bomb that calls itself large',
    packOf([entry(types.blob, '', { size: 2 ** 21, zlib: bomb })]),
    /not of the/,
  ],
  [
    'a stream of empty blocks',
    packOf([entry(types.blob, '', { size: 10, zlib: nothing })]),
    /not of the 10|does not inflate/,
  ],
  [
    'what is not zlib',
    packOf([entry(types.blob, '', { size: 3, zlib: Buffer.from('not zlib') })]),
    /does not inflate/,
  ],
  [
    'what is not zlib, and large',
    packOf([entry(types.blob, '', { size: 2 ** 21, zlib: Buffer.alloc(100, 'x') })]),
    /does not inflate/,
  ],
  [
    'zlib with a dictionary',
    packOf([
      entry(types.blob, '', { size: 4, zlib: deflateSync('dict', { dictionary: Buffer.from('dict') }) }),
    ]),
    /does not inflate/,
  ],
]
for (const [what, pack, refused] of hostile) {
  test(`a pack with ${what} is refused`, async () => {
    await assert.rejects(
      readAll([pack]),
      (error) => error instanceof MayflyError && refused.test(error.message),
    )
  })
}

test('deltas that lie make no commit', async () => {
  const base = distance(whole[0]?.length ?? 0)
  const good = delta(text.length, commitText('c'.repeat(40)))
  const copies = (...code: number[]) =>
    Buffer.from([(text.length % 128) | 0x80, text.length >> 7, 50, ...code])
  const lies = [
    entry(types.offsetDelta, good, { base: distance(3) }),
    entry(types.offsetDelta, good, { base: distance(0) }),
    entry(types.offsetDelta, good, { base: distance(10_000_000) }),
    entry(types.offsetDelta, delta(text.length + 1, commitText()), { base }),
    entry(types.offsetDelta, good.subarray(0, -1), { base }),
    entry(types.offsetDelta, Buffer.concat([good, Buffer.of(1, 1)]), { base }),
    entry(types.offsetDelta, Buffer.concat([good, Buffer.of(0)]), { base }),
    entry(types.offsetDelta, copies(0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 50), { base }),
    entry(types.offsetDelta, copies(0x90, 51), { base }),
    entry(types.offsetDelta, copies(0xff), { base }),
    entry(types.offsetDelta, Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), { base }),
    entry(types.offsetDelta, '', { base }),
    entry(types.idDelta, good, { base: Buffer.from(idOf(commitText('c'.repeat(40))), 'hex') }),
  ]
  for (const [i, lie] of lies.entries()) {
    const { commits } = await readAll([packOf([...whole, lie])])
    assert.deepEqual([...commits.keys()], [idOf(text)], String(i))
  }
})

test('what looks like a commit and is none to git has no parents for us', async () => {
  const odd = [
    text.replace('tree ', 'TREE '),
    text.replace('parent ', 'parent  '),
    text.replace(parent, 'A'.repeat(40)),
    text.replace(parent, 'a'.repeat(39)),
    text.replace(/author/, 'x'),
    text.slice(0, 5 + 41 + 48),
    '',
  ]
  const { commits } = await readAll([packOf(odd.map((one) => entry(types.commit, one)))])
  assert.deepEqual([...commits], [])
  const twice = text.replace('author', `author x\nparent ${'b'.repeat(40)}\nauthor`)
  const read = await readAll([packOf([entry(types.commit, twice)])])
  assert.deepEqual([...read.commits.values()], [[parent]])
})

test('of commits only the latest are kept, so that a pack of any size takes bounded memory', async () => {
  const long = `${text}${'x'.repeat(1_000_000)}`
  const first = entry(types.commit, text, { zlib: deflateSync(text) })
  const many = Array.from({ length: 20 }, (_, i) =>
    entry(types.commit, `${long}${i}`, {
      zlib: deflateSync(`${long}${i}`, { level: constants.Z_BEST_SPEED }),
    }),
  )
  const child = commitText('d'.repeat(40))
  const back = (entries: readonly Buffer[]) => entries.reduce((sum, one) => sum + one.length, 0)
  const ofFirst = entry(types.offsetDelta, delta(text.length, child), {
    base: distance(back([first, ...many])),
  })
  const ofLast = entry(types.offsetDelta, delta(long.length + 2, child), {
    base: distance(back(many.slice(-1))),
  })
  assert.equal((await readAll([packOf([first, ...many, ofFirst])])).commits.has(idOf(child)), false)
  assert.equal((await readAll([packOf([first, ...many, ofLast])])).commits.has(idOf(child)), true)
})

/** What git itself makes of the pack: each commit and its parents; undefined if it takes it for none. */
function gitReads(repository: Repository, pack: Buffer): Map<string, string[]> | undefined {
  const { status } = spawnSync('git', ['-C', repository.folder, 'unpack-objects', '-q'], { input: pack })
  if (status !== 0) return undefined
  const all = repository.git(['cat-file', '--batch-check', '--batch-all-objects']).split('\n')
  const commits = all.flatMap((line) => (line.includes(' commit ') ? [line.split(' ')[0] ?? ''] : []))
  const listed = commits.map((id) => repository.git(['cat-file', 'commit', id]))
  return new Map(
    commits.map((id, i) => [
      id,
      [...(listed[i] ?? '').matchAll(/^parent ([0-9a-f]+)$/gm)].map(([, one = '']) => one),
    ]),
  )
}

test('fuzz: junk and damaged packs are read or refused with a code; what both read is the same to git', async (t) => {
  const source = openRepository(makeFolder(t))
  source.git(['init', '-q'])
  const base = source.commit('base')
  const pack = source.pack(source.commit('merge', source.commit('one', base), source.commit('two', base)))
  const expected = (await readAll([pack])).commits
  assert.equal(expected.size, 4)
  let read = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 }),
      fc.uint8Array({ maxLength: 8 }),
      async (damage, junk) => {
        const bytes = Buffer.from(pack.subarray(0, -20))
        for (const [at, value] of damage) bytes[at % bytes.length] = value
        const damaged = withDigest(Buffer.concat([bytes, junk]))
        const answer = await readAll([damaged]).catch((error: unknown) => {
          assert.ok(error instanceof MayflyError, String(error))
        })
        if (answer === undefined) return
        read += 1
        const target = openRepository(makeFolder(t))
        target.git(['init', '-q'])
        const git = gitReads(target, damaged)
        if (git !== undefined) assert.deepEqual(Object.fromEntries(answer.commits), Object.fromEntries(git))
      },
    ),
    { numRuns: 200, examples: [[[[0, 80]], new Uint8Array()]] },
  )
  assert.ok(read > 0)
})
