import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { makeModule } from './go.fixture.ts'
import { makeZip, type ZipEntry } from './zip.fixture.ts'
import { createSpool } from './zip-check.ts'

const pass = (bytes: Buffer, expected?: string, spool = createSpool()) => {
  const check = spool.check(
    'example.com/a',
    'v1.0.0',
    expected === undefined ? undefined : { sum: expected, by: 'lockfile' },
  )
  return buffer(Readable.from([bytes.subarray(0, 50), bytes.subarray(50)]).compose(check.body)).then(() =>
    check.digest(),
  )
}
const named = (...names: readonly (string | Buffer)[]): ZipEntry[] =>
  names.map((name) => ({ name, content: 'x' }))
const at = (rest: string) => `example.com/a@v1.0.0/${rest}`

test('the digest is that of go.sum, whatever order, packing or folders the zip file has', async () => {
  const { sum } = makeModule('example.com/a', 'v1.0.0', { b: 'b', a: 'a' })
  const files = [
    { name: at('b'), content: 'b', method: 0 },
    { name: at('go.mod'), content: 'module example.com/a\n' },
    { name: at('a'), content: 'a' },
  ]
  assert.equal(await pass(makeZip(files)), sum.split(/[ \n]/)[2])
})

for (const [what, entries] of [
  ['two files of one name', named(at('a'), at('a'))],
  ['two names that differ in case', named(at('a'), at('A'))],
  ['a file and a folder of one name', named(at('a'), at('a/'))],
  ['an absolute name', named('/etc/passwd')],
  ['a name outside of the module', named('example.com/b@v1.0.0/a')],
  ['a way up', named(at('../../x'))],
  ['a way up inside', named(at('a/../../../x'))],
  ['a dot', named(at('./a'))],
  ['an empty part', named(at('a//b'))],
  ['a backslash', named(at('..\\x'))],
  ['a drive', named(at('c:x'))],
  ['NUL', named(at('a\0b'))],
  ['a line end, which would be a line of the digest', named(at('a\nb'))],
  ['what is no UTF-8', named(Buffer.concat([Buffer.from(at('a')), Buffer.of(0xff)]))],
  ['another packing', [{ name: at('a'), content: 'x', method: 12 }]],
  ['more than it says', [{ name: at('a'), content: 'x'.repeat(5_000_000), claimedBytes: 10 }]],
  ['files of gigabytes', [{ name: at('a'), content: 'x', claimedBytes: 600_000_000 }]],
] as const)
  test(`no zip file of a Go module: ${what}`, () =>
    assert.rejects(pass(makeZip(entries)), { code: 'denied', message: /no zip file of a Go module/ }))

test('no zip file of a Go module: something behind it, in which a second directory could be', () =>
  assert.rejects(pass(makeZip(named(at('a')), 'PK')), { code: 'denied', message: /comment/ }))

test('a bomb is unpacked in no memory, and its place on the disk is given back', async () => {
  const spool = createSpool(200_000)
  const bomb = makeZip([{ name: at('a'), content: Buffer.alloc(100_000_000) }])
  for (let i = 0; i < 4; i++) assert.match(await pass(bomb, undefined, spool), /^h1:/)
  await assert.rejects(pass(Buffer.alloc(300_000), undefined, spool), { code: 'limit_exceeded' })
  for (let i = 0; i < 3; i++)
    await assert.rejects(pass(Buffer.alloc(150_000), undefined, spool), { code: 'denied' })
  assert.match(await pass(bomb, undefined, spool), /^h1:/)
})
