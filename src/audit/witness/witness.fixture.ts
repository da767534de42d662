import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { systemClock } from '../../lib/index.ts'
import { createSigner, signNote } from '../sign/index.ts'
import {
  createTileHashes,
  createTree,
  formatCheckpoint,
  leafHash,
  type LogSource,
  proveConsistency,
  tilePath,
  utf8,
} from '../verify/index.ts'
import { startWitness, type Witness, type WitnessOptions } from './index.ts'

export const log = createSigner('log.example/w', randomBytes(32))

/** A history of up to 200 entries: its signed checkpoints and its proofs, made from the specifications alone. */
export function historyOf(flavour: string, signer = log) {
  const tree = createTree()
  const roots = [tree.root()]
  for (let i = 0; i < 200; i++) {
    tree.push(leafHash(utf8(`${i < 50 ? 'common' : flavour} ${i}`)))
    roots.push(tree.root())
  }
  const tile = tree.partial(0)
  const source: LogSource = {
    name: flavour,
    read: async (path) => (path.startsWith('tile/0/000.p/') ? tile : undefined),
  }
  const note = (size: number) =>
    signNote(formatCheckpoint({ origin: signer.name, size, root: roots[size]! }), signer)
  const proof = async (from: number, to: number) =>
    (await proveConsistency(createTileHashes(source, to), from, to))
      .map((hash) => `${hash.toBase64()}\n`)
      .join('')
  assert.equal(tilePath({ level: 0, index: 0, width: 9 }), 'tile/0/000.p/9')
  return {
    note,
    proof,
    request: async (from: number, to: number) => `old ${from}\n${await proof(from, to)}\n${note(to)}`,
  }
}

/** A witness in this process, closed after the test. */
export async function openWitness(
  t: TestContext,
  folder: string,
  logs: readonly string[],
  options: Partial<WitnessOptions> = {},
): Promise<Witness & { lines: string[] }> {
  const lines: string[] = []
  const witness = await startWitness({
    folder,
    host: '127.0.0.1',
    port: 0,
    name: 'witness.example/w',
    logs,
    clock: systemClock,
    onFork: (line) => lines.push(line),
    ...options,
  })
  t.after(() => witness.close())
  return { ...witness, lines }
}
