import { randomBytes } from 'node:crypto'
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { inChunks, textsOf, unseenOf } from './unpack.fixture.ts'

/** A folder with a short file, a long one, and one in a folder. */
function folderWith(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-unpack-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'in/sub'), { recursive: true })
  writeFileSync(join(folder, 'in/a.txt'), 'short secret')
  writeFileSync(join(folder, 'in/sub/b.txt'), `${'long text, '.repeat(200_000)}end secret`)
  return folder
}

function made(t: TestContext, name: string, program: string, ...args: string[]): Buffer | undefined {
  const folder = folderWith(t)
  const ran = spawnSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  if (ran.error !== undefined) {
    t.skip(`${program} is not installed`)
    return undefined
  }
  assert.equal(ran.status, 0, String(ran.stderr))
  return readFileSync(join(folder, name))
}

const python = (code: string) => ['-c', `import zipfile, tarfile, os\n${code}`] as const

for (const [what, name, program, ...args] of [
  ['zip', 'x.zip', 'zip', '-qr', 'x.zip', 'in'],
  ['zip without compression', 'x.zip', 'zip', '-q0r', 'x.zip', 'in'],
  ['zip from a stream', 'x.zip', 'sh', '-c', 'zip -qr - in | cat > x.zip'],
  ['zip with sizes for large files', 'x.zip', 'zip', '-qrfz', 'x.zip', 'in'],
  ['jar', 'x.jar', 'jar', 'cf', 'x.jar', 'in'],
  ['tar of GNU', 'x.tar', 'tar', '--format=gnu', '-cf', 'x.tar', 'in'],
  ['tar of POSIX', 'x.tar', 'tar', '--format=posix', '-cf', 'x.tar', 'in'],
  ['tar of 1979', 'x.tar', 'tar', '--format=v7', '-cf', 'x.tar', 'in'],
  ['tar in gzip', 'x.tgz', 'tar', '-czf', 'x.tgz', 'in'],
  ['tar in Zstandard', 'x.tzst', 'tar', '--zstd', '-cf', 'x.tzst', 'in'],
  ['tar in xz', 'x.txz', 'tar', '-cJf', 'x.txz', 'in'],
  [
    'zip by Python',
    'x.zip',
    'python3',
    ...python(
      'z=zipfile.ZipFile("x.zip","w",8)\nfor d,_,f in os.walk("in"):\n for n in f: z.write(os.path.join(d,n))\nz.close()',
    ),
  ],
  ['tar by Python', 'x.tar', 'python3', ...python('t=tarfile.open("x.tar","w")\nt.add("in")\nt.close()')],
] as const)
  test(`${what}: its members are seen, from memory and as they come`, async (t) => {
    const bytes = made(t, name, program, ...args)
    if (bytes === undefined) return
    for (const input of [bytes, inChunks(bytes, 1_000), inChunks(bytes, 100_000)]) {
      const { texts, unseen } = await unseenOf(name, input)
      assert.deepEqual(unseen, [])
      assert.equal(texts[`${name}!in/a.txt`], 'short secret')
      const long = texts[`${name}!in/sub/b.txt`] ?? ''
      assert.equal(long.length, 'long text, '.length * 200_000 + 'end secret'.length)
      assert.ok(long.endsWith('end secret'))
    }
  })

for (const [program, ...args] of [
  ['gzip', '-k', 'in/a.txt'],
  ['zstd', '-qk', 'in/a.txt'],
  ['xz', '-k', 'in/a.txt'],
] as const)
  test(`one file, packed by ${program}, has its own name`, async (t) => {
    const ending = { gzip: 'gz', zstd: 'zst', xz: 'xz' }[program]
    const bytes = made(t, `in/a.txt.${ending}`, program, ...args)
    if (bytes !== undefined) assert.equal((await textsOf('a', bytes))['a'], 'short secret')
  })

test('a Debian package is seen to its files', async (t) => {
  const folder = folderWith(t)
  mkdirSync(join(folder, 'p/DEBIAN'), { recursive: true })
  mkdirSync(join(folder, 'p/etc'))
  writeFileSync(
    join(folder, 'p/DEBIAN/control'),
    'Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: a\n',
  )
  writeFileSync(join(folder, 'p/etc/key'), 'key of a package')
  if (spawnSync('dpkg-deb', ['-b', 'p', 'x.deb'], { cwd: folder }).status !== 0) return t.skip('no dpkg-deb')
  const texts = await textsOf('x.deb', readFileSync(join(folder, 'x.deb')))
  const name = Object.keys(texts).find((one) => one.endsWith('!etc/key'))
  assert.equal(texts[name ?? ''], 'key of a package')
  assert.match(name ?? '', /^x\.deb!data\.tar\.\w+!etc\/key$/)
})

for (const [what, name, program, ...args] of [
  ['zip', 'x.zip', 'zip', '-q', 'x.zip', 'name-of-a-secret'],
  ['tar', 'x.tar', 'tar', '-cf', 'x.tar', 'name-of-a-secret'],
  ['tar that has a link', 'x.tar', 'sh', '-c', 'ln -s name-of-a-secret l; tar -cf x.tar l'],
  [
    'tar with a long name',
    'x.tar',
    'sh',
    '-c',
    `mkdir -p ${'d'.repeat(120)}; mv name-of-a-secret d*; tar -cf x.tar d*`,
  ],
] as const)
  test(`${what}: what its members are called is looked at, by itself`, async (t) => {
    const folder = folderWith(t)
    writeFileSync(join(folder, 'name-of-a-secret'), 'nothing')
    const { error } = spawnSync(program, args, { cwd: folder })
    if (error !== undefined) return t.skip(`${program} is not installed`)
    const texts = await textsOf(name, readFileSync(join(folder, name)))
    assert.ok(
      Object.values(texts).some((text) => /(?<!\w)name-of-a-secret(?!\w)/.test(text)),
      JSON.stringify(texts),
    )
  })

test('archives in archives are seen up to eight deep, and no deeper', async () => {
  let bytes = Buffer.from('the innermost')
  for (let i = 0; i < 8; i++) bytes = i % 2 === 0 ? gzipSync(bytes) : zstdCompressSync(bytes)
  assert.equal((await textsOf('a', bytes))['a'], 'the innermost')
  const { texts, unseen } = await unseenOf('a', gzipSync(bytes))
  assert.deepEqual(Object.values(texts), [])
  assert.deepEqual(
    unseen.map(({ code }) => code),
    ['limit'],
  )
})

test('a zip in a tar in a zip is named by the way to it', async (t) => {
  const folder = folderWith(t)
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { cwd: folder })
  run('zip', '-q', 'inner.zip', 'in/a.txt')
  run('tar', '-czf', 'middle.tgz', 'inner.zip')
  run('zip', '-q', 'outer.zip', 'middle.tgz')
  const texts = await textsOf('outer.zip', readFileSync(join(folder, 'outer.zip')))
  assert.equal(texts['outer.zip!middle.tgz!inner.zip!in/a.txt'], 'short secret')
})

test('a wheel, a docx and a program with a zip behind it are zips', async (t) => {
  const zip = made(t, 'x.zip', 'zip', '-qr', 'x.zip', 'in')
  if (zip === undefined) return
  const script = Buffer.concat([Buffer.from('#!/bin/sh\n# prefix secret\nexec unzip "$0"\n'), zip])
  const program = Buffer.concat([Buffer.from('\x7fELF\0\0 prefix secret'), Buffer.alloc(300_000), zip])
  for (const bytes of [script, program]) {
    const texts = await textsOf('x', bytes)
    assert.equal(texts['x!in/a.txt'], 'short secret')
    assert.ok(Object.values(texts).some((text) => text.includes('prefix secret')))
  }
})

test('of several members of gzip all are seen, with what their heads say and what is behind', async () => {
  const named = gzipSync('first, ')
  const head = Buffer.from(named.subarray(0, 10))
  head[3] = 8 | 16
  const one = Buffer.concat([head, Buffer.from('name\0comment secret\0'), named.subarray(10)])
  const bytes = Buffer.concat([one, gzipSync('second'), Buffer.alloc(100), Buffer.from('behind secret')])
  for (const input of [bytes, inChunks(bytes, 7)]) {
    const texts = await textsOf('a.gz', input)
    assert.equal(texts['a.gz'], 'first, second')
    assert.ok(texts['a.gz!(head)']?.includes('comment secret'))
    assert.equal(texts['a.gz!(behind)'], 'behind secret')
  }
})

test('several streams of xz are seen', async (t) => {
  const ran = ['one ', 'two'].map((text) => spawnSync('xz', ['-c'], { input: text }))
  if (ran.some(({ status }) => status !== 0)) return t.skip('no xz')
  const bytes = Buffer.concat(ran.map(({ stdout }) => stdout))
  const texts = await textsOf('a.xz', bytes)
  assert.equal(texts['a.xz'], 'one two')
  const behind = await unseenOf('a.xz', Buffer.concat([bytes, Buffer.from('behind')]))
  assert.ok(behind.texts['a.xz!(end)']?.endsWith('behind'))
})

test('what is packed by zlib alone is read, as an object of Git, at each of its levels; a text that begins alike is a text', async () => {
  for (const level of [0, 1, 3, 6, 9])
    for (const text of [
      'blob 9\0the text\n',
      `${'many words, '.repeat(900)}${randomBytes(4_000).toString('hex')}`,
    ]) {
      const packed = deflateSync(text, { level })
      const { texts, unseen } = await unseenOf('a', Buffer.concat([packed, Buffer.from('behind')]))
      assert.deepEqual([texts['a'], unseen], [text, []], `${level}`)
      assert.ok(texts['a!(behind)']?.includes('behind'))
    }
  for (const text of ['x^2 + y^2 = z^2', 'x\u0001 is not packed', 'x^'])
    assert.equal((await unseenOf('a', Buffer.from(text))).texts['a'], text)
})

for (const [form, magic] of [
  ['LZMA', Buffer.from('5d00008000ffffffffffffffff', 'hex')],
  ['7z', Buffer.from('377abcaf271c0004', 'hex')],
  ['bzip2', Buffer.from('425a6839314159265359', 'hex')],
  ['RAR', Buffer.from('526172211a0700', 'hex')],
] as const)
  test(`what is packed as ${form} is said, and looked at as it is`, async () => {
    const { texts, unseen } = await unseenOf('a', Buffer.concat([magic, Buffer.from('text in it')]))
    assert.deepEqual(
      unseen.map(({ code }) => code),
      ['unknown_form'],
    )
    assert.match(unseen[0]?.why ?? '', new RegExp(form))
    assert.ok(texts['a']?.includes('text in it'))
  })
