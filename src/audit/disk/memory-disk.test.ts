import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemCode } from '../../lib/index.ts'
import { type FileSystem, replaceFile, systemFs, writeAll } from './fs.ts'
import { createMemoryDisk } from './memory-disk.fixture.ts'

type Step = [what: string, path: string, other: string, bytes: number]

/** The outcome of a step: what it gives back, or the code of its error. */
async function take(fs: FileSystem, root: string, [what, path, other, bytes]: Step): Promise<unknown> {
  const at = join(root, path)
  try {
    if (what === 'write') {
      const handle = await fs.open(at, 'w', 0o600)
      await writeAll(handle, Buffer.alloc(bytes, bytes))
      await handle.sync()
      return await handle.close()
    }
    if (what === 'mkdir') return (await fs.mkdir(at, { recursive: true }))?.slice(root.length)
    if (what === 'mkdir one') return await fs.mkdir(at)
    if (what === 'rename') return await fs.rename(at, join(root, other))
    if (what === 'read') return (await fs.readFile(at)).toString('hex')
    if (what === 'list') return (await fs.readdir(at)).sort()
    if (what === 'rm') return await fs.rm(at, { recursive: true, force: true })
    return await fs.truncate(at, bytes)
  } catch (error) {
    return systemCode(error) ?? error
  }
}

const files = fc.constantFrom('a', 'b', 'x/a', 'x/b', 'x/y/a')
const folders = fc.constantFrom('x', 'x/y', 'z')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(
    fc.constantFrom('write', 'rename', 'read', 'truncate', 'rm'),
    files,
    files,
    fc.nat({ max: 2_000 }),
  ),
  fc.tuple(fc.constantFrom('mkdir', 'mkdir one', 'list', 'rm'), folders, files, fc.constant(0)),
)

test('until the power goes, the disk in memory is as a real one', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-disk-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const real = await mkdtemp(join(root, 'run-'))
      const { fs } = createMemoryDisk(root)
      await fs.mkdir(real)
      for (const one of steps) {
        assert.deepEqual(await take(fs, real, one), await take(systemFs, real, one), JSON.stringify(one))
      }
    }),
    { numRuns: 150 },
  )
})

test('files of one folder that are replaced at once: each holds its own', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-disk-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const names = Array.from({ length: 8 }, (_, i) => `f${i}`)
  const failing = replaceFile(systemFs, join(root, 'f1', 'x'), Buffer.from('x'))
  const lost = assert.rejects(failing, { code: 'ENOENT' })
  for (let round = 0; round < 10; round++)
    await Promise.all(
      names.map((name) => replaceFile(systemFs, join(root, name), Buffer.from(`${name} ${round}`))),
    )
  await lost
  for (const name of names) assert.equal(await readFile(join(root, name), 'utf8'), `${name} 9`)
  assert.deepEqual((await readdir(root)).sort(), names)
  // The newest of two for one file is the one that was asked for last.
  await Promise.all(['1', '2', '3'].map((text) => replaceFile(systemFs, join(root, 'f0'), Buffer.from(text))))
  assert.equal(await readFile(join(root, 'f0'), 'utf8'), '3')
})

test('a power cut takes what no fsync covers: bytes by their file, names by their folder', async () => {
  const disk = createMemoryDisk('/disk')
  const write = async (path: string, sync: 'file' | 'both' | 'none') => {
    const handle = await disk.fs.open(path, 'w')
    await writeAll(handle, Buffer.from('bytes'))
    if (sync !== 'none') await handle.datasync()
    if (sync === 'both') await (await disk.fs.open('/disk', 'r')).sync()
  }
  await write('/disk/named', 'none')
  await write('/disk/both', 'both')
  await write('/disk/nameless', 'file')
  await disk.fs.rename('/disk/both', '/disk/renamed')
  assert.deepEqual(disk.names('/disk').sort(), ['named', 'nameless', 'renamed'])
  disk.cutPower(() => false)
  assert.deepEqual(disk.names('/disk').sort(), ['both', 'named'])
  assert.deepEqual([disk.read('/disk/both')?.toString(), disk.read('/disk/named')?.length], ['bytes', 0])
})
