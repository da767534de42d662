import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseVerifierKey } from '../../audit/verify/index.ts'
import { createTestSumdb, type TestSumdb } from './sumdb.fixture.ts'
import { parseSumdbAnswer, sumsIn } from './sumdb-record.ts'
import { createSumdb, type SumdbHead } from './sumdb.ts'
import { createTreeHeads } from './tree-heads.ts'

const name = 'example.com/Octo/lib'
const [zip, mod] = [`h1:${'B'.repeat(43)}=`, `h1:${'C'.repeat(43)}=`]
const record = `${name} v1.0.0 ${zip}\n${name} v1.0.0/go.mod ${mod}\n`

/** The database as somebody sees it who keeps its heads, and is answered by `serve`. */
function open(database: TestSumdb, heads = createTreeHeads()) {
  const verifier = parseVerifierKey(database.key)
  assert.ok(verifier)
  const found: { was: SumdbHead; now: SumdbHead }[] = []
  const asked: string[] = []
  const sumdb = createSumdb(verifier, database.key, heads)
  const reader = (from: TestSumdb) => ({
    read: async (path: string) => {
      asked.push(path)
      const body = from.serve(path)
      return body === undefined ? undefined : Buffer.from(body)
    },
    contradicted: (data: { was: SumdbHead; now: SumdbHead }) => void found.push(data),
  })
  return {
    ...{ heads, found, asked },
    check: (answer: string | Buffer, from = database) =>
      sumdb.checkAnswer(Buffer.from(answer), name, 'v1.0.0', reader(from)),
    checkHead: (note: string, from = database) => sumdb.checkHead(note, reader(from)),
  }
}

const named = `${name}@v1.0.0`

test('a record counts once it is in the tree of the newest head, whatever the sizes are', async () => {
  for (const [before, after] of [
    [0, 0],
    [1, 0],
    [255, 0],
    [255, 1],
    [256, 300],
    [300, 256],
  ] as const) {
    const database = createTestSumdb()
    database.fill(before)
    const { check, checkHead, heads } = open(database)
    if (before > 0) await checkHead(database.head())
    database.add(record, named)
    database.fill(after)
    assert.deepEqual(await check(database.answer(named)), { zip, mod })
    assert.equal((await heads.newest(database.key))?.size, before + 1 + after)
  }
})

test('an old answer holds in the newer tree, and never becomes the newest', async () => {
  const database = createTestSumdb()
  database.fill(3)
  database.add(record, named)
  const old = database.answer(named)
  database.fill(600)
  const { check, checkHead, heads } = open(database)
  await checkHead(database.head())
  assert.deepEqual(await check(old), { zip, mod })
  await checkHead(database.head(4))
  assert.equal((await heads.newest(database.key))?.size, 604)
})

test('full tiles are read once for all questions, until they lead nowhere', async () => {
  const database = createTestSumdb()
  database.add(record, named)
  database.fill(520)
  const { check, asked } = open(database)
  await check(database.answer(named))
  const first = asked.filter((path) => path === 'tile/8/0/000').length
  await check(database.answer(named))
  assert.equal(first, 1)
  assert.equal(asked.filter((path) => path === 'tile/8/0/000').length, 1)
})

test('a database that forks, or goes back to another past, is refused, also by whoever kept its head', async () => {
  const keys = generateKeyPairSync('ed25519')
  const [one, other] = [createTestSumdb('sum.test', keys), createTestSumdb('sum.test', keys)]
  one.fill(10)
  one.add(record, named)
  other.fill(9)
  const evil = record.replace(zip, `h1:${'E'.repeat(43)}=`)
  other.add(evil, named)
  const { checkHead, heads } = open(one)
  await checkHead(one.head())
  await assert.rejects(open(one, heads).check(other.answer(named), other), /lacks tiles of its tree/)
  // As large as the other, larger, and an old answer of that.
  for (const grown of [1, 300, 0]) {
    other.fill(grown)
    const again = open(one, heads)
    await assert.rejects(again.check(other.answer(named), other), /contradicts itself.*11 records before/)
    assert.equal(again.found.length, 1)
    assert.match(again.found[0]?.now.note ?? '', /^go\.sum database tree\n/)
  }
  assert.equal((await heads.newest(one.key))?.note, one.head())
})

test('of two who see different heads first, one counts: the other is told that it is contradicted', async () => {
  const keys = generateKeyPairSync('ed25519')
  const [one, other] = [createTestSumdb('sum.test', keys), createTestSumdb('sum.test', keys)]
  one.fill(5)
  one.add(record, named)
  other.add(record, named)
  const heads = createTreeHeads()
  const results = await Promise.allSettled([
    open(one, heads).checkHead(one.head()),
    open(other, heads).checkHead(other.head(), other),
  ])
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

test('what does not hold is refused: each part changed in turn', async () => {
  const database = createTestSumdb()
  database.fill(2)
  database.add(record, named)
  database.fill(2)
  const good = database.answer(named)
  const foreign = createTestSumdb()
  foreign.add(record, named)
  const cases: readonly (readonly [answer: string | Buffer, why: RegExp])[] = [
    [good.replace(zip, `h1:${'E'.repeat(43)}=`), /does not have in its tree/],
    [good.replace('2\n', '1\n'), /does not have in its tree/],
    [good.replace('2\n', '5\n'), /names a record that its tree does not have yet/],
    [good.replace('2\n', '02\n'), /no record/],
    [good.replace('2\n', '-1\n'), /no record/],
    [database.answer(named, 2), /does not have yet/],
    [foreign.answer(named), /did not sign \(unknown_key\)/],
    [good.replace('tree\n5', 'tree\n6'), /did not sign \(bad_signature\)/],
    [good.split('\n\n')[0] ?? '', /no record/],
    [`${good.split('\n\n').slice(0, 2).join('\n\n')}\n`, /did not sign \(malformed\)/],
    [Buffer.concat([Buffer.from('2\n'), Buffer.of(0xff), Buffer.from(good.slice(2))]), /no record/],
    ['', /no record/],
  ]
  for (const [answer, why] of cases) {
    const { check, heads } = open(database)
    await assert.rejects(check(answer), why, String(answer))
    // A head that was signed stays known, whatever came with it.
    assert.ok(
      [undefined, database.head(), database.head(2)].includes((await heads.newest(database.key))?.note),
    )
  }
  const lacking = { ...database, serve: () => undefined }
  await assert.rejects(open(database).check(good, lacking), /lacks tiles/)
  const lying = { ...database, serve: (path: string) => Buffer.alloc(database.serve(path)?.length ?? 0) }
  await assert.rejects(open(database).check(good, lying), /does not have in its tree/)
})

test('a record of another version, or of two digests, is no answer', () => {
  assert.deepEqual(sumsIn(record, name, 'v1.0'), { zip: undefined, mod: undefined })
  assert.deepEqual(sumsIn(record, 'example.com/Octo/li', 'v1.0.0'), { zip: undefined, mod: undefined })
  assert.equal(sumsIn(`${record}${name} v1.0.0 ${mod}\n`, name, 'v1.0.0'), undefined)
})

test('any bytes are an answer whose parts are these bytes again, or none', () => {
  const text = fc.string({
    unit: fc.constantFrom('0', '1', '9', '\n', '\n\n', 'a', ' ', 'é', '\0'),
    maxLength: 24,
  })
  fc.assert(
    fc.property(text, (written) => {
      const bytes = Buffer.from(written)
      const parsed = parseSumdbAnswer(bytes)
      return parsed === undefined || `${parsed.id}\n${parsed.record}\n${parsed.note}` === written
    }),
    { numRuns: 5_000 },
  )
})
