import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeZip } from '../go/zip.fixture.ts'
import { MayflyError } from '../../lib/index.ts'
import { foldedName, readZip } from './index.ts'

const open = (bytes: Buffer) =>
  readZip(async (at, length) => {
    if (at + length > bytes.length) throw new MayflyError('bad_input', 'it breaks off')
    return bytes.subarray(at, at + length)
  }, bytes.length)

const entries = [
  { name: 'app/__init__.py', content: 'x'.repeat(5_000) },
  { name: 'app/', content: '', method: 0 },
  { name: 'app/\u00e9.txt', content: 'stored', method: 0 },
]
const plain = makeZip(entries)

function changed(change: (bytes: Buffer) => void, bytes = plain): Buffer {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

test('a zip as packers write it is read: names in order, and each file by its checksum', async () => {
  const zip = await open(plain)
  assert.deepEqual(
    zip.names,
    entries.map(({ name }) => name),
  )
  for (const { name, content } of entries)
    if (!name.endsWith('/')) assert.equal((await zip.file(name, 5_000)).toString(), content)
  await assert.rejects(zip.file('app/__init__.py', 4_999), { code: 'limit_exceeded' })
  await assert.rejects(zip.file('none', 10), /has no "none"/)
})

test('times, owners and sizes as packers write them are read, and a zip within the zip', async () => {
  const sizes = Buffer.alloc(16)
  sizes[0] = sizes[8] = 4
  const owners = field(0x7875, Buffer.of(1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0))
  const ntfs = Buffer.alloc(32)
  ntfs.writeUInt32LE(0x0018_0001, 4)
  const zip = await open(
    makeZip([
      { name: 'a', content: 'text', method: 0, localExtra: field(1, sizes), extra: field(0x000a, ntfs) },
      { name: 'b', content: noise(2_000_000), localExtra: Buffer.concat([times, owners]), mode: 0o100644 },
      { name: 'c', content: plain, method: 0, extra: times },
      { name: 'd/', content: '', mode: 0o40755 },
    ]),
  )
  assert.deepEqual(zip.names, ['a', 'b', 'c', 'd/'])
  assert.ok((await zip.file('c', 10_000)).equals(plain))
})

test('a zip of Python’s is read', { skip: !hasPython() && 'python3 is not here' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-zip-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'a.zip')
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("a/METADATA", "Name: a\\n" * 100)
    z.write(sys.argv[2], "a/os.py")
    with z.open("a/open\\u00e9", "w") as f: f.write(b"1")`
  execFileSync('python3', ['-c', script, path, '/usr/bin/env'])
  const zip = await open(readFileSync(path))
  assert.deepEqual(zip.names, ['a/METADATA', 'a/os.py', 'a/open\u00e9'])
  assert.equal((await zip.file('a/METADATA', 1_000)).toString(), 'Name: a\n'.repeat(100))
})

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function field(id: number, content: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id)
  head.writeUInt16LE(content.length, 2)
  return Buffer.concat([head, content])
}
const times = field(0x5455, Buffer.of(1, 0, 0, 0, 0))

/** Bytes that do not get smaller. */
function noise(bytes: number): Buffer {
  const all = Buffer.alloc(bytes)
  for (let at = 0, value = 1; at < bytes; at++) all[at] = (value = (value * 48_271) % 2_147_483_647) & 0xff
  return all
}

/** An end of which the comment has the bytes behind it. */
function endUpTo(bytes: number): Buffer {
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(bytes, 20)
  return end
}

/** As Python reads it, its directory is in a field of its last entry, and says that there is another file. */
function hiddenDirectory(): Buffer {
  const evil = makeZip([{ name: 'a', content: 'evil', method: 0 }])
  const hidden = evil.subarray(evil.indexOf('PK\x01\x02', 0, 'latin1'), -22)
  const [large, locator] = [Buffer.alloc(56), Buffer.alloc(20)]
  const zip = makeZip([
    { name: 'a', content: 'good', extra: field(0x5455, Buffer.concat([hidden, large, locator])) },
  ])
  const at = zip.length - 22 - 20 - 56
  zip.write('PK\x06\x06', at, 'latin1')
  zip.write('PK\x06\x07', at + 56, 'latin1')
  zip.writeBigUInt64LE(BigInt(at), at + 64)
  return zip
}

const central = plain.indexOf('PK\x01\x02', 0, 'latin1')
const end = plain.length - 22
const refused: readonly (readonly [what: string, bytes: Buffer, why: RegExp])[] = [
  ['a comment behind it', makeZip(entries, 'PK'), /behind its end/],
  ['bytes in front', Buffer.concat([Buffer.from('#!'), plain]), /behind the directory/],
  ['bytes behind', Buffer.concat([plain, Buffer.of(0)]), /behind its end/],
  [
    'bytes between entries and directory',
    changed(
      (bytes) => bytes.writeUInt32LE(central + 4, bytes.length - 6),
      Buffer.concat([plain.subarray(0, central), Buffer.alloc(4), plain.subarray(central)]),
    ),
    /between the entries/,
  ],
  [
    'an entry that the directory does not have',
    changed((bytes) => bytes.writeUInt32LE(1, central + 42)),
    /one thing in its directory/,
  ],
  [
    'another name in front of the content',
    changed((bytes) => bytes.write('evil', 30)),
    /one thing in its directory/,
  ],
  [
    'another size in front of the content',
    changed((bytes) => bytes.writeUInt32LE(7, 22)),
    /one thing in its directory/,
  ],
  [
    'another method in front of the content',
    changed((bytes) => bytes.writeUInt16LE(0, 8)),
    /one thing in its directory/,
  ],
  ['an encrypted entry', changed((bytes) => bytes.writeUInt16LE(0x801, central + 8)), /is encrypted/],
  [
    'a length behind the content',
    changed((bytes) => bytes.writeUInt16LE(0x808, central + 8)),
    /says its length behind itself/,
  ],
  ['another number of entries', changed((bytes) => bytes.writeUInt16LE(2, end + 10)), /in several parts/],
  [
    'another number of entries, said twice',
    changed((bytes) => [8, 10].forEach((at) => bytes.writeUInt16LE(2, end + at))),
    /another number of entries/,
  ],
  ['a name of any length', makeZip([{ name: 'a/'.repeat(3_000), content: '' }]), /a name of over 4096 bytes/],
  ['a part that no disk takes', makeZip([{ name: `a/${'b'.repeat(256)}`, content: '' }]), /has a name/],
  [
    'a file in a folder of another name that begins alike',
    makeZip(['a', 'a!', 'a/b'].map((name) => ({ name, content: '' }))),
    /"a\/b", a part of which/,
  ],
  ['a part of several', changed((bytes) => bytes.writeUInt16LE(1, end + 4)), /in several parts/],
  [
    'a name twice',
    makeZip([...entries, { name: 'app/__init__.py', content: 'evil' }]),
    /"app\/__init__\.py" twice/,
  ],
  ['a name that leads out', makeZip([{ name: '../a', content: '' }]), /"\.\.\/a" has a name/],
  ['a name from the root', makeZip([{ name: '/a', content: '' }]), /"\/a" has a name/],
  ['a name of Windows', makeZip([{ name: 'a\\b', content: '' }]), /"a\\\\b" has a name/],
  ['a name that ends early', makeZip([{ name: 'a\0b', content: '' }]), /"a\\u0000b" has a name/],
  ['a name that is no text', makeZip([{ name: Buffer.of(0x61, 0xff), content: '' }]), /in no encoding/],
  [
    'another way to pack',
    makeZip([{ name: 'a', content: 'b', method: 12 }]),
    /in another way than by deflate/,
  ],
  ['a name with a drive', makeZip([{ name: 'C:a', content: '' }]), /"C:a" has a name/],
  [
    'a file that others lie in',
    makeZip(['a', 'a/b'].map((name) => ({ name, content: '' }))),
    /"a\/b", a part of which is a file/,
  ],
  ['a folder with content', makeZip([{ name: 'a/', content: 'b' }]), /a folder in its zip has content/],
  ['a link', makeZip([{ name: 'a', content: 'b', mode: 0o120777 }]), /links or devices/],
  [
    'a stored file of two sizes',
    makeZip([{ name: 'a', content: 'b', method: 0, rest: Buffer.of(1) }]),
    /a file has two sizes/,
  ],
  [
    'bytes behind what was packed',
    makeZip([{ name: 'a', content: 'b', rest: makeZip(entries) }]),
    /behind a file/,
  ],
  [
    'bytes behind much',
    makeZip([{ name: 'a', content: noise(2_000_000), rest: noise(100) }]),
    /behind a file/,
  ],
  [
    'times of any length',
    makeZip([{ name: 'a', content: '', extra: field(0x5455, Buffer.alloc(100)) }]),
    /has a field/,
  ],
  [
    'owners of any length',
    makeZip([{ name: 'a', content: '', localExtra: field(0x7875, noise(40)) }]),
    /has a field/,
  ],
  [
    'other times of any length',
    makeZip([{ name: 'a', content: '', extra: field(0x000a, noise(36)) }]),
    /has a field/,
  ],
  ['times twice', makeZip([{ name: 'a', content: '', extra: Buffer.concat([times, times]) }]), /has a field/],
  [
    'sizes of a large file',
    makeZip([{ name: 'a', content: '', localExtra: field(1, noise(16)) }]),
    /has a field/,
  ],
  [
    'another end within its last file',
    makeZip([{ name: 'a', content: endUpTo(69), method: 0 }]),
    /a second end/,
  ],
  ['the directory of a large one', hiddenDirectory(), /a second end/],
  ['nothing', Buffer.alloc(0), /^it is no zip file$/],
  ['no zip', Buffer.alloc(100), /^it is no zip file,/],
]
for (const [what, bytes, why] of refused)
  test(`a zip that readers do not agree on is refused: ${what}`, async () => {
    await assert.rejects(open(bytes), { code: 'bad_input', message: why })
  })

test('names in as many folders as a path has room for are taken', async () => {
  const names = Array.from({ length: 200 }, (_, i) => `${'a/'.repeat(2_000)}${i}`)
  const zip = makeZip(names.map((name) => ({ name, content: '', method: 0 })))
  assert.deepEqual((await open(zip)).names, names)
})

test('a name is folded by one look at it, however many dots are in it', () => {
  const dots = '.'.repeat(300_000)
  assert.equal(foldedName(`${dots}A${dots}/${':'.repeat(300_000)}\n`), `${dots}a/`)
})

test('content that is not what its directory says is refused when it is read', async () => {
  const file = async (bytes: Buffer) => (await open(bytes)).file('a', 1_000)
  for (const claimedBytes of [3, 5])
    await assert.rejects(file(makeZip([{ name: 'a', content: 'text', claimedBytes }])), { code: 'bad_input' })
  const both = (bytes: Buffer) => {
    for (const at of [14, bytes.indexOf('PK\x01\x02', 0, 'latin1') + 16]) bytes.writeUInt32LE(1, at)
  }
  await assert.rejects(file(changed(both, makeZip([{ name: 'a', content: 'text' }]))), { code: 'bad_input' })
})

test('property: whatever bytes are changed, it is read as it was, or refused with a reason', async () => {
  const one = makeZip([
    { name: 'a', content: 'text' },
    { name: 'b', content: 'more', method: 0 },
  ])
  await fc.assert(
    fc.asyncProperty(fc.nat(one.length - 1), fc.nat(255), async (at, byte) => {
      try {
        const zip = await open(changed((bytes) => void (bytes[at] = byte), one))
        const texts = await Promise.all(zip.names.map((name) => zip.file(name, 100)))
        assert.deepEqual(texts.map(String), ['text', 'more'])
      } catch (error) {
        assert.ok(error instanceof MayflyError, String(error))
      }
    }),
    { numRuns: 1_000 },
  )
})
