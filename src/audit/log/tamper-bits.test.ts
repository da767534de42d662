import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LogProblemKind, LogSource } from '../verify/index.ts'
import { verifyLog } from '../verify/index.ts'
import { sampleLog, soakRounds } from './log.fixture.ts'
import { runs } from '../../../test/whole.ts'

/** The public files of a log, read once: a test that spoils each of their bits has no time for a disk. */
async function loadPublic(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(folder.length + 1)
    if (entry.isFile() && !path.startsWith('state/')) files.set(path, await readFile(join(folder, path)))
  }
  return files
}

function sourceOf(files: ReadonlyMap<string, Buffer>): LogSource {
  return {
    name: 'memory',
    read: async (path) => files.get(path),
    list: async (path) => {
      const inside = [...files.keys()].filter((one) => one.startsWith(`${path}/`))
      return [...new Set(inside.map((one) => one.slice(path.length + 1).split('/')[0] ?? ''))]
    },
  }
}

/** What a flip in a file may be called; an entry may become the same as another. */
function kindsFor(path: string): LogProblemKind[] {
  if (path === 'key.vkey') return ['wrong_key']
  if (path.startsWith('checkpoint')) return ['bad_signature', 'checkpoint_malformed', 'wrong_key']
  return path.startsWith('tile/entries/')
    ? ['entry_changed', 'entries_cut', 'entries_swapped']
    : ['tile_changed']
}

test('every flip of a bit in every public file is found, and named', async (t) => {
  const { folder, verifierKey } = await sampleLog(t, [257, 258], (number) => number.toString(36))
  const files = await loadPublic(folder)
  const source = sourceOf(files)
  assert.deepEqual([...files.keys()].sort(), [
    ...['checkpoint', 'checkpoints/0', 'checkpoints/257', 'checkpoints/258', 'key.vkey'],
    ...['tile/0/000', 'tile/0/001.p/1', 'tile/0/001.p/2', 'tile/1/000.p/1'],
    ...['tile/entries/000', 'tile/entries/001.p/1', 'tile/entries/001.p/2'],
  ])
  assert.ok((await verifyLog(source, verifierKey)).ok)
  for (const [path, bytes] of files) {
    // A plain test run leaves out fifteen of sixteen bytes of the only large file, other ones each time.
    const step = soakRounds === undefined && bytes.length > 2_000 ? runs(16, 4) : 1
    for (let at = Math.floor(Math.random() * step); at < bytes.length; at += step) {
      const one = Math.floor(Math.random() * 8)
      for (const bit of soakRounds === undefined ? [one] : [0, 1, 2, 3, 4, 5, 6, 7]) {
        const byte = bytes[at]!
        bytes[at] = byte ^ (1 << bit)
        const verdict = await verifyLog(source, verifierKey)
        bytes[at] = byte
        const found = verdict.ok ? 'nothing' : `${verdict.problem.kind} ${verdict.problem.where}`
        const named =
          !verdict.ok && verdict.problem.where.endsWith(path) && kindsFor(path).includes(verdict.problem.kind)
        assert.ok(named, `bit ${bit} of byte ${at} of ${path}: ${found}`)
      }
    }
  }
  assert.ok((await verifyLog(source, verifierKey)).ok)
})
