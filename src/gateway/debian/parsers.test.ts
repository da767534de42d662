import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { MayflyError } from '../../lib/index.ts'
import { splitClearSigned } from './clear-signed.ts'
import { createParagraphReader, type Paragraph } from './control-file.ts'
import { createIndexReader, plainPath, type IndexForm } from './pool-index.ts'
import { readRelease } from './release.ts'
import { createSignatureCheck, verdictOf } from './signature.ts'

function paragraphsIn(pieces: readonly string[], wanted = ['a', 'b']): Record<string, string>[] | 'denied' {
  const found: Paragraph[] = []
  const reader = createParagraphReader(wanted, (one) => found.push(one))
  try {
    for (const piece of pieces) reader.add(piece)
    reader.end()
  } catch (error) {
    assert.ok(error instanceof MayflyError && error.code === 'denied')
    return 'denied'
  }
  return found.map((one) => Object.fromEntries(one))
}

/** Texts that are nearly control data. */
const nearly = fc
  .array(fc.constantFrom('A', 'b', ':', ' ', '\n', '\r\n', '\n ', '\t', 'x', 'é', '#', '__proto__', '\0'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''))

test('control data: however it is cut into pieces, it says the same, or is refused', () => {
  fc.assert(
    fc.property(nearly, fc.array(fc.nat(40), { maxLength: 5 }), (text, cuts) => {
      const at = [0, ...cuts.map((one) => Math.min(one, text.length)).toSorted((a, b) => a - b), text.length]
      const pieces = at.slice(1).map((to, i) => text.slice(at[i], to))
      assert.deepEqual(paragraphsIn(pieces), paragraphsIn([text]))
    }),
    { numRuns: 2_000 },
  )
})

test('control data: what was written is what is read', () => {
  const value = fc.string({ unit: fc.constantFrom(...'ab :.-+é'), maxLength: 12 }).map((one) => one.trim())
  const paragraph = fc.record({
    a: value,
    other: value,
    b: fc.array(
      value.filter((one) => one !== ''),
      { maxLength: 3 },
    ),
  })
  fc.assert(
    fc.property(fc.array(paragraph, { maxLength: 4 }), (written) => {
      const text = written.map(
        ({ a, other, b }) => `A: ${a}\nOther: ${other}\n more\nB:${b.map((one) => `\n ${one}`).join('')}\n`,
      )
      assert.deepEqual(
        paragraphsIn([text.join('\n')]),
        written.map(({ a, b }) => ({ a, b: b.map((one) => `\n${one}`).join('') })),
      )
    }),
  )
})

test('control data: refused where two readers could take two things', () => {
  for (const text of ['A: 1\na: 2\n', ' x\n', 'no field\n', ': x\n', `A: 1\n${' x\n'.repeat(2_200_000)}`])
    assert.equal(paragraphsIn([text]), 'denied', text.slice(0, 20))
  assert.equal(paragraphsIn(Array.from({ length: 70 }, () => 'x'.repeat(65_536))), 'denied')
  assert.deepEqual(paragraphsIn(['Unwanted: 1\nUnwanted: 2\n more\n\n\nA: 1\r\n\r\nB: 2']), [
    { a: '1' },
    { b: '2' },
  ])
})

const framed = (body: string) =>
  `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${body}-----BEGIN PGP SIGNATURE-----\n\niHUE=\n=abcd\n-----END PGP SIGNATURE-----\n`
const split = (text: string) => splitClearSigned(Buffer.from(text, 'latin1'))

test('clear-signed text: what was framed is what is read, dashes and all', () => {
  const line = fc.string({ unit: fc.constantFrom(...'-abF: é\t'), maxLength: 8 }).map((one) => one.trimEnd())
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
      const escaped = lines.map((one) => `${one.startsWith('-') ? '- ' : ''}${one}\n`)
      assert.equal(split(framed(escaped.join('')))?.text, lines.join('\n'))
    }),
  )
})

test('clear-signed text: nothing stands outside of what is signed', () => {
  const good = framed('Suite: stable\n')
  assert.equal(split(good)?.text, 'Suite: stable')
  assert.equal(split(good.replaceAll('\n', '\r\n'))?.text, 'Suite: stable')
  for (const text of [
    `x\n${good}`,
    `\n${good}`,
    `${good}x`,
    `${good}${good}`,
    good.replace('Hash: SHA512', 'Hash: SHA512\nSuite: evil'),
    good.replace('Hash: SHA512\n', 'Hash: SHA512\n \u00a0\n'),
    good.replace('stable', 'sta\0ble'),
    good.replace('Suite', '-----BEGIN PGP SIGNED MESSAGE-----\n\nSuite'),
    good.replace('Suite', '-Suite'),
    good.replace('iHUE=', 'iHUE=\n\nSuite evil'),
    good.slice(0, -30),
    '',
  ])
    assert.equal(split(text), undefined, JSON.stringify(text.slice(0, 60)))
  const pieces = [...good.split('\n'), '\0', '- ', '-', 'Suite: evil']
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 14 }), (lines) => {
      const text = lines.join('\n')
      const found = split(text)
      return found === undefined || text.startsWith('-----BEGIN PGP SIGNED MESSAGE-----\n')
    }),
    { numRuns: 2_000 },
  )
})

test('releases: each line of digests is read whole, or none', () => {
  const date = 'Date: Sat, 11 Jul 2026 10:16:37 UTC'
  const line = (path: string, hex = 'a') => ` ${hex.repeat(64)} 12 ${path}`
  const good = readRelease(`Suite: stable\n${date}\nSHA256:\n${line('main/a')}\n${line('__proto__')}\n`)
  assert.ok(typeof good === 'object')
  assert.equal(good.dateMs, Date.UTC(2026, 6, 11, 10, 16, 37))
  assert.deepEqual(
    [...good.byHash.keys()],
    [`main/by-hash/SHA256/${'a'.repeat(64)}`, `by-hash/SHA256/${'a'.repeat(64)}`],
  )
  for (const [text, why] of [
    [`${date}\nSHA256:\n${line('a')}\n${line('a', 'b')}\n`, /two things of a/],
    [`${date}\nSHA256:\n${line('a')} b\n`, /cannot be read/],
    [`${date}\nSHA256:\n ${'A'.repeat(64)} 1 a\n`, /cannot be read/],
    [`${date}\nSHA256:\n ${'a'.repeat(63)} 1 a\n`, /cannot be read/],
    [`${date}\nMD5Sum:\n ${'a'.repeat(32)} 1 a\n`, /without SHA256/],
    [`SHA256:\n${line('a')}\n`, /no Date/],
    [`Date: 2026-07-11\nSHA256:\n${line('a')}\n`, /no Date/],
    [`${date}\nValid-Until: never\nSHA256:\n${line('a')}\n`, /Valid-Until cannot be read/],
    [`${date}\n\nSHA256:\n${line('a')}\n`, /not one paragraph/],
    [`${date}\nDate: Sun, 12 Jul 2026 10:16:37 UTC\nSHA256:\n${line('a')}\n`, /date twice/],
    ['', /not one paragraph/],
  ] as const)
    assert.match(String(readRelease(text)), why, text)
})

const index = `Package: octo-hello\nVersion: 1.0\nArchitecture: all\nFilename: pool/a.deb\nSHA256: ${'7'.padStart(64, '0')}\n`
const xz =
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ACQAFZdACgYSGbb2jCF/hbr1oyJFvtBA3/Te5fuIiZfgmVrwqV7WTVpKbWFZyCGz3bviNFEe49kg4rcSBCp7tOCj/5CBdoryzmmI4HAn0Alge1vVk08qKVaTwAAAAAAqdf4Y9Vwg6IAAXKRAQAAANIRZdGxxGf7AgAAAAAEWVo='

async function read(form: IndexForm, bytes: Buffer, piece = 7): Promise<unknown> {
  const reader = createIndexReader(form, 10_000)
  try {
    for (let at = 0; at < bytes.length; at += piece) await reader.add(bytes.subarray(at, at + piece))
    return [...(await reader.end()).entries()]
  } catch (error) {
    assert.ok(error instanceof MayflyError && error.code === 'denied', String(error))
    return error.message
  }
}

test('an index says the same in each compression, and nothing where it is broken', async () => {
  const integrity = `sha256-${Buffer.from('7'.padStart(64, '0'), 'hex').toString('base64')}`
  const expected = [['pool/a.deb', { name: 'octo-hello', version: '1.0', architecture: 'all', integrity }]]
  const packed: Record<IndexForm['compression'], Buffer> = {
    '': Buffer.from(index),
    gz: gzipSync(index),
    zst: zstdCompressSync(index),
    xz: Buffer.from(xz, 'base64'),
  }
  for (const [name, bytes] of Object.entries(packed)) {
    const form = { lists: 'Packages', compression: name as IndexForm['compression'] } as const
    assert.deepEqual(await read(form, bytes), expected, name)
    if (name === '') continue
    assert.match(String(await read(form, bytes.subarray(0, 20))), /cannot be (?:read|unpacked)/, name)
    const broken = Buffer.from(bytes)
    broken.fill(0x55, 20, 40)
    assert.match(String(await read(form, broken)), /cannot be (?:read|unpacked)/, name)
  }
  const long = { lists: 'Packages', compression: 'gz' } as const
  assert.match(
    String(await read(long, gzipSync(index.repeat(100)))),
    /unpacks to more than 10000 bytes|twice/,
  )
})

test('sources: every file that Checksums-Sha256 lists, below its Directory', async () => {
  const hex = 'b'.repeat(64)
  const text = `Package: octo\nVersion: 1:1.0-1\nDirectory: pool/o\nFiles:\n ${'c'.repeat(32)} 3 octo.dsc\nChecksums-Sha256:\n ${hex} 3 octo.dsc\n ${hex} 4 ../evil\n ${hex} 4 a/b\n`
  const files = (await read({ lists: 'Sources', compression: '' }, Buffer.from(text))) as [string, object][]
  const integrity = `sha256-${Buffer.from(hex, 'hex').toString('base64')}`
  assert.deepEqual(files, [
    ['pool/o/octo.dsc', { name: 'octo', version: '1:1.0-1', architecture: 'source', integrity }],
  ])
})

test('an index of which two paragraphs contradict each other has neither; nor what no grant can name or no digest holds', async () => {
  const form = { lists: 'Packages', compression: '' } as const
  for (const [from, to] of [
    ['pool/a.deb', '../a.deb'],
    ['pool/a.deb', '/pool/a.deb'],
    ['pool/a.deb', 'pool//a.deb'],
    ['octo-hello', 'Octo Hello'],
    ['Version: 1.0', 'Version: 1.0/../2'],
    ['SHA256', 'MD5sum'],
    ['all', 'all&x=1'],
  ] as const)
    assert.deepEqual(await read(form, Buffer.from(index.replace(from, to))), [], to)
  assert.deepEqual(await read(form, Buffer.from(`${index}\n${index.replace('007', '008')}`)), [])
})

test('paths: no part that leads elsewhere', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'./a%\\ é'), maxLength: 10 }), (text) => {
      const path = plainPath(text)
      return path === undefined || (!/(?:^|\/)\.{0,2}(?:\/|$)/.test(path) && !path.includes('%'))
    }),
    { numRuns: 3_000 },
  )
})

const valid = (id: string, hash = '10', kind = '01') =>
  `[GNUPG:] VALIDSIG ${id} 2026-11-28 1795878891 0 4 0 22 ${hash} ${kind} ${id}\n`
const id = 'A'.repeat(40)

test('what gpgv says: one key of the keyring is enough, and one signature that does not fit too much', () => {
  const good = `[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG ${id} Octo\n${valid(id)}`
  assert.equal(verdictOf(good), undefined)
  assert.equal(verdictOf(`[GNUPG:] ERRSIG ${id} 1 8 01 1 9\n[GNUPG:] NO_PUBKEY ${id}\n${good}`), undefined)
  for (const [status, why] of [
    ['', /nobody signed it/],
    [valid(id), /nobody signed it/],
    [`[GNUPG:] GOODSIG ${id} Octo\n`, /nobody/],
    [`${good}[GNUPG:] BADSIG ${id} Octo\n`, /does not fit/],
    [`[GNUPG:] EXPKEYSIG ${id} Octo\n${valid(id)}`, /expired or is revoked/],
    [`[GNUPG:] REVKEYSIG ${id} Octo\n${valid(id)}`, /expired or is revoked/],
    [`[GNUPG:] NO_PUBKEY ${id}\n`, /does not have/],
    [`[GNUPG:] GOODSIG ${id} Octo\n${valid(id, '2')}`, /can be forged/],
    [`[GNUPG:] GOODSIG ${id} Octo\n${valid(id, '10', '10')}`, /can be forged/],
    [`gpgv: GOODSIG ${id}\n${valid(id)}`, /nobody/],
  ] as const)
    assert.match(String(verdictOf(status)), why, status)
})

test('without gpgv nothing is taken, and the message says what to install', async () => {
  const check = createSignatureCheck('gpgv-that-is-not-here')
  await assert.rejects(check(Buffer.of(), Buffer.of(), Buffer.of()), /apt-get install gpgv/)
})
