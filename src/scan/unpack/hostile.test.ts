import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { unpack } from './unpack.ts'
import {
  inChunks,
  tarEntry,
  tarEnd,
  textsOf,
  unseenOf,
  zipCentral,
  zipEnd,
  zipLocal,
  zipOf,
} from './unpack.fixture.ts'

const secret = 'hidden secret'
const isSeen = (texts: Readonly<Record<string, string>>) =>
  Object.values(texts).some((text) => text.includes(secret))

/** Each hides a secret from some reader, and shows it to another. */
const hidden: Readonly<Record<string, () => Buffer>> = {
  'in front of a zip': () => Buffer.concat([Buffer.from(`#!${secret}\n`), zipOf({ a: 'x' })]),
  'between the members of a zip': () => {
    const [one, two] = [zipLocal('a', 'x'), zipLocal('b', 'y')]
    const gap = Buffer.from(secret)
    const directory = [zipCentral('a', 'x', 0), zipCentral('b', 'y', one.length + gap.length)]
    return Buffer.concat([
      one,
      gap,
      two,
      ...directory,
      zipEnd(directory, one.length + gap.length + two.length),
    ])
  },
  'behind a zip': () => Buffer.concat([zipOf({ a: 'x' }), Buffer.from(secret)]),
  'in the comment of a zip': () => {
    const zip = zipOf({ a: 'x' })
    zip.writeUInt16LE(secret.length, zip.length - 2)
    return Buffer.concat([zip, Buffer.from(secret)])
  },
  'in a member that the directory does not name': () => {
    const [one, two] = [zipLocal('a', 'x'), zipLocal('b', secret)]
    const directory = [zipCentral('a', 'x', 0)]
    return Buffer.concat([one, two, ...directory, zipEnd(directory, one.length + two.length)])
  },
  'in a member that only the directory names, within what another one stores': () => {
    const inner = zipLocal('b', secret)
    const outer = zipLocal('a', Buffer.concat([Buffer.from('stored '), inner]), { method: 0 })
    const directory = [zipCentral('b', secret, outer.length - inner.length)]
    return Buffer.concat([outer, ...directory, zipEnd(directory, outer.length)])
  },
  'in a member that only a first directory names': () => {
    const inner = zipLocal('b', secret)
    const outer = zipLocal('a', Buffer.concat([Buffer.from('stored '), inner]), { method: 0 })
    const first = [zipCentral('b', secret, outer.length - inner.length)]
    const second = [zipCentral('a', 'stored', 0, { method: 0 })]
    const body = Buffer.concat([outer, ...first, zipEnd(first, outer.length)])
    return Buffer.concat([body, ...second, zipEnd(second, body.length)])
  },
  'in a member that begins where the one before it says that it ends': () => {
    const inner = zipLocal('b', secret)
    const packed = deflateRawSync(Buffer.alloc(0))
    // Stored in a block of deflate: the head of the second member is in the content of the first.
    const block = Buffer.alloc(5)
    block.writeUInt8(1)
    block.writeUInt16LE(inner.length, 1)
    block.writeUInt16LE(~inner.length & 0xffff, 3)
    const one = Buffer.concat([zipLocal('a', '', { packed: block }), inner])
    one.writeUInt32LE(block.length, 18)
    const directory = [zipCentral('a', '', 0)]
    return Buffer.concat([one, packed, ...directory, zipEnd(directory, one.length + packed.length)])
  },
  'behind what the size of a member says': () => zipOf({ a: `${'x'.repeat(100)}${secret}` }, { bytes: 10 }),
  'in a member that says to be longer than the file': () =>
    Buffer.concat([zipLocal('a', `x${secret}`, { method: 0, packedBytes: 4_000_000_000 })]),
  'in a folder of a zip that has content': () => zipOf({ 'a/': secret }),
  'behind the end of a tar': () => Buffer.concat([tarEntry('a', 'x'), tarEnd, tarEntry('b', secret), tarEnd]),
  'behind the end of a tar, as no tar': () =>
    Buffer.concat([tarEntry('a', 'x'), tarEnd, Buffer.from(secret)]),
  'in what fills up the last block of a member': () => {
    const entry = tarEntry('a', 'x')
    entry.write(secret, 512 + 100)
    return Buffer.concat([entry, tarEnd])
  },
  'behind a head whose checksum is wrong': () => {
    const broken = tarEntry('b', 'x')
    broken[0] = 0x7a
    return Buffer.concat([tarEntry('a', 'x'), broken, tarEntry('c', secret), tarEnd])
  },
  'in the content of a link': () =>
    Buffer.concat([tarEntry('a', 'x'), tarEntry('b', secret, '2'), tarEntry('c', 'z'), tarEnd]),
  'in a member that is hidden by a second size': () => {
    const inner = tarEntry('b', gzipSync(secret))
    const size = `${inner.length}`
    const record = `size=${size}\n`
    const pax = tarEntry('pax', `${record.length + 3} ${record}`, 'x')
    const outer = tarEntry('a', '')
    return Buffer.concat([tarEntry('first', 'x'), pax, outer, inner, tarEnd])
  },
  'in a comment of pax': () => {
    const record = `comment=${secret}\n`
    return Buffer.concat([tarEntry('p', `${record.length + 3} ${record}`, 'x'), tarEntry('a', 'x'), tarEnd])
  },
  'behind a gzip': () => Buffer.concat([gzipSync('x'), Buffer.from(secret)]),
  'behind the end of a tar in a gzip': () =>
    gzipSync(Buffer.concat([tarEntry('a', 'x'), tarEnd, Buffer.from(secret)])),
}

for (const [where, make] of Object.entries(hidden))
  test(`a secret is seen ${where}`, async () => {
    assert.ok(isSeen((await unseenOf('a', make())).texts))
  })

test('what a zip hides within another member is said where it cannot be gone back to', async () => {
  const inner = zipLocal('b', secret)
  const packed = zipLocal('b', `${secret} packed`)
  const outer = zipLocal(
    'a',
    Buffer.concat([Buffer.from('stored '), inner, Buffer.alloc(20_000_000, 1), packed]),
    { method: 0 },
  )
  const directory = [zipCentral('b', secret, outer.length - packed.length)]
  const zip = Buffer.concat([outer, ...directory, zipEnd(directory, outer.length)])
  const { unseen } = await unseenOf('a', inChunks(zip, 1_000_000))
  assert.deepEqual(
    unseen.map(({ code }) => code),
    ['broken'],
  )
  assert.ok(isSeen((await unseenOf('a', zip)).texts))
})

test('names that lead elsewhere, hide something, or are endless are only names', async () => {
  const names = [
    '../../etc/passwd',
    '/root/.ssh/id',
    'a\\..\\b',
    'x\u001b[2Jy',
    'a\u202etxt.exe',
    'n'.repeat(65_000),
  ]
  const { texts } = await unseenOf(
    'z',
    zipOf(Object.fromEntries(names.map((name) => [name, `of ${name.slice(0, 5)}`]))),
  )
  const seen = Object.keys(texts).filter((name) => !/!\((?:between|heads|names)\)/.test(name))
  assert.equal(seen.length, names.length)
  for (const name of seen) {
    assert.ok(name.length <= 1_024)
    assert.doesNotMatch(name, /[\u0000-\u001f\u202e]|!\/|\.\.\//)
  }
  assert.ok(seen.includes('z!(up)/(up)/etc/passwd'))
  const tar = Buffer.concat([
    tarEntry('../x', 'y'),
    tarEntry('L', `/${'l'.repeat(3_000)}\0`, 'L'),
    tarEntry('short', 'z'),
    tarEnd,
  ])
  const ofTar = Object.keys((await unseenOf('t', tar)).texts)
  assert.ok(ofTar.includes('t!(up)/x') && ofTar.every((name) => name.length <= 1_024))
})

test('a bomb is unpacked up to a bound, and said', async () => {
  const zeros = Buffer.alloc(12_000_000)
  const bombs = {
    gzip: gzipSync(gzipSync(zeros)),
    zip: zipOf({ a: zeros, b: zeros, c: zeros }),
    tar: gzipSync(Buffer.concat([tarEntry('a', zeros), tarEntry('b', zeros)])),
  }
  for (const bytes of Object.values(bombs)) {
    let seen = 0
    const unseen: string[] = []
    await unpack('bomb', bytes, {
      overlap: 64,
      limits: { ratio: 10, floorBytes: 3_000_000 },
      visit: ({ from, to }) => void (seen += to - from),
      unseen: ({ code }) => void unseen.push(code),
    })
    assert.ok(seen < 8_000_000, `${seen}`)
    assert.deepEqual(unseen, ['limit'])
  }
})

test('a zip whose members share their content is unpacked up to the bound', async () => {
  // As of David Fifield: each head is quoted by a block of the one before it.
  const kernel = deflateRawSync(Buffer.alloc(2_000_000))
  const last = zipLocal('z', '', { packed: kernel })
  const heads: Buffer[] = [last]
  for (let i = 0; i < 200; i++) {
    const rest = heads[0] ?? last
    const quoted = rest.length - kernel.length
    const block = Buffer.alloc(5)
    block.writeUInt16LE(quoted, 1)
    block.writeUInt16LE(~quoted & 0xffff, 3)
    heads[0] = Buffer.concat([zipLocal(`m${i}`, '', { packed: block, packedBytes: rest.length + 5 }), rest])
    if (heads[0].length - kernel.length > 60_000) break
  }
  const body = heads[0] ?? last
  const at = [...body.toString('latin1').matchAll(/PK\x03\x04/g)].map(({ index }) => index)
  const directory = at.map((offset, i) => zipCentral(`m${i}`, '', offset))
  let seen = 0
  const unseen: string[] = []
  await unpack('bomb', Buffer.concat([body, ...directory, zipEnd(directory, body.length)]), {
    overlap: 64,
    limits: { ratio: 10, floorBytes: 6_000_000 },
    visit: ({ from, to }) => void (seen += to - from),
    unseen: ({ code }) => void unseen.push(code),
  })
  assert.ok(at.length > 100 && seen < 10_000_000, `${at.length} members, ${seen}`)
  assert.ok(unseen.includes('limit'))
})

test('a directory that names one stored member over and over does not make it seen without end', async () => {
  const member = zipLocal('a', Buffer.alloc(1_000_000, 0x61), { method: 0 })
  const many = Array.from({ length: 3_000 }, (_, i) =>
    zipLocal(`b${i}`, '', { method: 0, packedBytes: 900_000 }),
  )
  const body = Buffer.concat([zipLocal('outer', Buffer.concat([...many, member]), { method: 0 })])
  const at = [...body.toString('latin1').matchAll(/PK\x03\x04/g)].map(({ index }) => index)
  const directory = at.map((offset, i) => zipCentral(`m${i}`, '', offset, { method: 0 }))
  let seen = 0
  const unseen: string[] = []
  await unpack('bomb', Buffer.concat([body, ...directory, zipEnd(directory, body.length)]), {
    overlap: 64,
    limits: { ratio: 10, floorBytes: 10_000_000 },
    visit: ({ from, to }) => void (seen += to - from),
    unseen: ({ code }) => void unseen.push(code),
  })
  assert.ok(seen < 25_000_000, `${seen}`)
  assert.ok(unseen.includes('limit'))
})

test('more members than are looked at are said, once', async () => {
  const tar = Buffer.concat([...Array.from({ length: 50 }, (_, i) => tarEntry(`f${i}`, 'x')), tarEnd])
  const { texts, unseen } = await unseenOf('t', tar, { limits: { members: 10 } })
  assert.equal(Object.keys(texts).filter((name) => name !== 't!(names)').length, 10)
  assert.deepEqual(
    unseen.map(({ code }) => code),
    ['limit'],
  )
})

test('what is encrypted or packed in another way is said', async () => {
  const encrypted = zipLocal('a', 'x')
  encrypted.writeUInt16LE(1, 6)
  const other = zipLocal('b', 'x')
  other.writeUInt16LE(14, 8)
  const { unseen } = await unseenOf('z', Buffer.concat([encrypted, other, zipOf({ c: 'z' })]))
  assert.deepEqual(
    unseen.map(({ name, code }) => `${name} ${code}`),
    ['z!a encrypted', 'z!b unknown_form'],
  )
})

for (const [what, bytes] of Object.entries({
  gzip: gzipSync('text of some length, not all of which is there'.repeat(100)),
  zip: zipLocal('a', `text of some length ${'and more'.repeat(100)}`, { method: 0 }),
  tar: tarEntry('a', 'text'.repeat(1_000)),
}))
  test(`a ${what} that is cut off is seen as far as it goes, and said`, async () => {
    for (const input of [
      bytes.subarray(0, bytes.length - 20),
      bytes.subarray(0, Math.floor(bytes.length / 2) + 20),
    ]) {
      const { texts, unseen } = await unseenOf('a', what === 'tar' ? input.subarray(0, 3_000) : input)
      assert.deepEqual(
        unseen.map(({ code }) => code),
        ['broken'],
      )
      assert.ok(Object.values(texts).some((text) => text.includes('text')))
    }
  })

test('what is broken from its beginning on is said once, and seen as it is', async () => {
  const zstd = Buffer.concat([Buffer.from('28b52ffd08', 'hex'), Buffer.from(`of no frame ${secret}`)])
  const { texts, unseen } = await unseenOf('a', zstd)
  assert.deepEqual(
    unseen.map(({ code }) => code),
    ['broken'],
  )
  assert.ok(isSeen(texts))
})

test('a file that is read where it is needed is seen like one in memory', async () => {
  for (const [where, make] of Object.entries(hidden)) {
    const bytes = Buffer.concat([make(), Buffer.alloc(600_000)])
    const placed = { bytes: bytes.length, readAt: (at: number, into: Buffer) => bytes.copy(into, 0, at) }
    assert.deepEqual(await unseenOf('a', placed), await unseenOf('a', bytes), where)
  }
})

test('what readers of Python see is seen', async (t) => {
  const code = `
import sys, zipfile, tarfile, io, json, base64
def read(b):
  seen = b""
  for f in (lambda: [z.read(i) for z in [zipfile.ZipFile(io.BytesIO(b))] for i in z.infolist()],
            lambda: [a.extractfile(m).read() for a in [tarfile.open(fileobj=io.BytesIO(b))] for m in a.getmembers() if m.isfile()]):
    try: seen += b"".join(f())
    except Exception: pass
  return seen.decode("latin1")
print(json.dumps([read(base64.b64decode(x)) for x in json.load(sys.stdin)]))`
  const all = Object.entries(hidden).map(([where, make]) => ({ where, bytes: make() }))
  const input = JSON.stringify(all.map(({ bytes }) => bytes.toString('base64')))
  const ran = spawnSync('python3', ['-c', code], { input, encoding: 'utf8' })
  if (ran.error !== undefined) return t.skip('no Python')
  const read = JSON.parse(ran.stdout) as string[]
  const those = all.filter((_, i) => read[i]?.includes(secret))
  for (const { where, bytes } of those) assert.ok(isSeen((await unseenOf('a', bytes)).texts), where)
  assert.ok(those.length >= 2, those.map(({ where }) => where).join())
})

test('whatever bytes there are, it ends, and throws nothing', async () => {
  const seeds = Object.values(hidden).map((make) => make())
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 20 }),
      fc.integer({ min: 1, max: 2_000 }),
      async (seed, changes, chunk) => {
        const bytes = Buffer.from(seed)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        const options = { limits: { floorBytes: 1_000_000 } }
        await unseenOf('a', bytes, options)
        await unseenOf('a', inChunks(bytes, chunk), options)
      },
    ),
    { numRuns: 150 },
  )
})

test('the texts of a tar and of its stream are the same', async () => {
  const tar = Buffer.concat([tarEntry('a', 'x'.repeat(3_000_000)), tarEntry('b', 'y'), tarEnd])
  assert.deepEqual(await textsOf('t', tar), await textsOf('t', inChunks(tar, 333_333)))
})
