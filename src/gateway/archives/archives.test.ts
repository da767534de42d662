import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { MayflyError } from '../../lib/index.ts'
import { paxOf, tarEntry, tarOf, tgzOf } from './archives.fixture.ts'
import { foldedName, readTar, unpackOne } from './index.ts'

const wanted = 'package/package.json'
const isWanted = (name: string) => /^[^/]*\/package\.json$/.test(foldedName(name))
const manifest = { name: wanted, content: '{"name":"app"}' }

async function* pieces(bytes: Buffer, size = 100) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const read = (packed: Buffer, size?: number) =>
  readTar(unpackOne(pieces(packed, size), 1_000_000), wanted, isWanted)

test('one gzip member with a plain tar is read, in pieces of any size, with long names', async () => {
  const long = `package/${'d/'.repeat(80)}file`
  // Cut off at a hundred bytes, as who packs it does.
  const short = `package/${'d/'.repeat(46)}`
  const packed = tgzOf(
    { name: 'package/', type: '5' },
    ...[paxOf({ path: long, mtime: '1.25' }), { name: short, content: 'x'.repeat(700) }, manifest],
    ...[
      { name: 'long', type: 'L', content: `${long}2\0` },
      { name: 'short', content: '1' },
    ],
    { name: 'file', prefix: 'package/below' },
  )
  for (const size of [1, 7, 10_000]) {
    const { names, file } = await read(packed, size)
    assert.deepEqual(names, ['package/', long, wanted, `${long}2`, 'package/below/file'])
    assert.equal(file.toString(), manifest.content)
  }
})

/** With these bytes in its header, and the checksum of that. */
function withBytes(entry: Buffer, at: number, text: string): Buffer {
  const bytes = Buffer.from(entry)
  bytes.write(text, at, 'latin1')
  bytes.fill(0x20, 148, 156)
  let sum = 0
  for (const byte of bytes.subarray(0, 512)) sum += byte
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}

const tar = tarOf(manifest)
const gz = gzipSync(tar)
const hostile: readonly (readonly [what: string, packed: Buffer, why: RegExp])[] = [
  ['no gzip', tar, /it is no gzip/],
  ['a second member', Buffer.concat([gz, tgzOf(manifest)]), /behind its first gzip member/],
  ['an empty second member', Buffer.concat([gz, gzipSync('')]), /behind its first gzip member/],
  ['bytes behind it', Buffer.concat([gz, Buffer.from('x')]), /behind its first gzip member/],
  ['many bytes behind it', Buffer.concat([gz, Buffer.alloc(300_000)]), /behind its first gzip member/],
  ['half of it', gz.subarray(0, 60), /no whole gzip/],
  ['a wrong checksum', Buffer.concat([gz.subarray(0, -8), Buffer.alloc(8)]), /checksum of its gzip/],
  [
    'gzip members of its head',
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 4]), gz.subarray(4)]),
    /header of its gzip/,
  ],
  ['two manifests', tgzOf(manifest, manifest), /some readers take for/],
  ['one of another case', tgzOf(manifest, { name: 'package/Package.JSON' }), /some readers take for/],
  ['one of a long s', tgzOf(manifest, { name: 'package/package.jſon' }), /some readers take for/],
  [
    'one with what macOS ignores',
    tgzOf(manifest, { name: 'package/pack\u200dage.json' }),
    /some readers take for/,
  ],
  ['one of another folder', tgzOf(manifest, { name: 'x/package.json' }), /some readers take for/],
  ['one with a dot in front', tgzOf(manifest, { name: './package.json' }), /readers do not agree/],
  ['one as Windows reads it', tgzOf(manifest, { name: 'package/package.json.' }), /some readers take for/],
  [
    'one beneath an empty part',
    tgzOf(manifest, { name: 'package//package.json' }),
    /names? that readers do not agree/,
  ],
  [
    'one by a way out',
    tgzOf(manifest, { name: 'package/x/../package.json' }),
    /names? that readers do not agree/,
  ],
  [
    'one with a backslash',
    tgzOf(manifest, { name: 'package\\package.json' }),
    /names? that readers do not agree/,
  ],
  [
    'a folder of its name',
    tgzOf(manifest, { name: 'package/package.json/', type: '5' }),
    /some readers take for/,
  ],
  ['a link to it', tgzOf(manifest, { name: wanted, type: '2' }), /only files and folders/],
  ['a hard link', tgzOf(manifest, { name: 'package/x', type: '1' }), /only files and folders/],
  ['a sparse file', tgzOf(manifest, { name: 'package/x', type: 'S' }), /only files and folders/],
  [
    'a pax name for it',
    tgzOf(paxOf({ path: wanted }), { name: 'package/x', content: '{}' }),
    /gives its manifest another name/,
  ],
  [
    'a pax name for the plain one',
    tgzOf(paxOf({ path: 'package/x' }), manifest),
    /gives its manifest another name/,
  ],
  [
    'a long name for it',
    tgzOf({ name: 'l', type: 'L', content: wanted }, { name: 'x' }),
    /gives its manifest another name/,
  ],
  [
    'two names for one',
    tgzOf(paxOf({ path: 'package/y' }), paxOf({ path: 'package/z' }), { name: 'x' }),
    /names an entry twice/,
  ],
  [
    'a folder by pax that has content, which npm reads as headers',
    tgzOf(manifest, paxOf({ path: 'package/x/' }), { name: 'package/x', content: tarEntry(manifest) }),
    /called like a folder/,
  ],
  [
    'a folder by a long name that has content',
    tgzOf(
      manifest,
      { name: 'l', type: 'L', content: 'package/x/\0' },
      { name: 'x', content: tarEntry(manifest) },
    ),
    /called like a folder/,
  ],
  [
    'a folder of the oldest kind that has content',
    tgzOf(manifest, paxOf({ path: 'package/y' }), { name: 'package/x/', type: '\0', content: 'x' }),
    /called like a folder/,
  ],
  [
    'a drive, which npm cuts off',
    tgzOf(manifest, { name: 'package/C:/package.json' }),
    /readers do not agree/,
  ],
  ['a drive before a name', tgzOf(manifest, { name: 'package/c:c:package.json' }), /readers do not agree/],
  [
    'a drive by pax',
    tgzOf(manifest, paxOf({ path: 'package/C:package.json' }), { name: 'package/x' }),
    /readers do not agree|another name/,
  ],
  [
    'a pax name behind a prefix, which npm joins',
    tgzOf(manifest, paxOf({ path: 'package.jsn' }), { name: 'x', prefix: 'package' }),
    /another name/,
  ],
  [
    'a second line in a pax record, which npm and Cargo take for a path',
    tgzOf(manifest, paxOf({ comment: 'x\n29 path=package/package.json' }), { name: 'package/x' }),
    /several lines/,
  ],
  ['a time by pax that is none', tgzOf(paxOf({ mtime: '1e3' }), manifest), /pax header "mtime"/],
  [
    'two pax headers before one entry',
    tgzOf(paxOf({ mtime: '1' }), paxOf({ path: 'package/y' }), { name: 'x' }),
    /names an entry twice/,
  ],
  [
    'a number that is none, where Python stops',
    gzipSync(Buffer.concat([withBytes(tarEntry(manifest), 108, 'x'), tar])),
    /number in its headers/,
  ],
  [
    'what star has behind its header',
    gzipSync(Buffer.concat([withBytes(tarEntry(manifest), 508, 'tar\0'), tar])),
    /no tar of the kind/,
  ],
  ['a size by pax', tgzOf(paxOf({ size: '1' }), manifest), /pax header "size"/],
  ['a link by pax', tgzOf(paxOf({ linkpath: 'x' }), manifest), /pax header "linkpath"/],
  ['a global pax header', tgzOf(paxOf({ path: wanted }, 'g'), manifest), /only files and folders/],
  ['a file behind its end', gzipSync(Buffer.concat([tar, tarOf(manifest)])), /behind the end of its tar/],
  [
    'a file behind one block of zeros',
    gzipSync(Buffer.concat([tarEntry(manifest), Buffer.alloc(512), tar])),
    /behind the end/,
  ],
  ['no end', gzipSync(tarEntry(manifest)), /it breaks off/],
  ['half an end', gzipSync(tar.subarray(0, -512)), /no proper end/],
  ['no manifest', tgzOf({ name: 'package/x' }), /it has no "package\/package\.json"/],
  [
    'a header whose checksum is wrong',
    gzipSync(Buffer.concat([Buffer.from('x'), tar.subarray(1)])),
    /it is no tar/,
  ],
  ['a name with a NUL in it', tgzOf({ name: `${wanted}\0x` }), /bytes behind its end/],
]
for (const [what, packed, why] of hostile)
  test(`an archive with ${what} is refused`, async () => {
    await assert.rejects(read(packed), (error: unknown) => {
      assert.ok(error instanceof MayflyError)
      assert.match(error.message, why)
      return true
    })
  })

test('what unpacks to more than allowed is refused while it does, and its source is let go', async () => {
  let isClosed = false
  async function* bomb() {
    try {
      yield* pieces(gzipSync(Buffer.alloc(50_000_000)), 4096)
    } finally {
      isClosed = true
    }
  }
  await assert.rejects(readTar(unpackOne(bomb(), 1_000_000), wanted, isWanted), { code: 'limit_exceeded' })
  const large = tarOf({ name: 'package/x', content: Buffer.alloc(5_000_000) }, manifest)
  await assert.rejects(read(gzipSync(large), 4096), { code: 'limit_exceeded' })
  assert.ok(isClosed)
})

test('whatever bytes come, they are read or refused with a code', async () => {
  const flips = fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const bytes = Buffer.from(tar)
      for (const [at, byte] of changes) bytes[at] = byte
      return read(gzipSync(bytes)).then(
        ({ names }) => names.includes(wanted),
        (error: unknown) => error instanceof MayflyError,
      )
    }),
    { numRuns: 100 },
  )
})
