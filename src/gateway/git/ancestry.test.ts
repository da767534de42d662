import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../../lib/index.ts'
import { judgeUpdate } from './ancestry.ts'
import { createCommitGraph, type CommitGraph } from './commit-graph.ts'
import { coded } from './git.fixture.ts'
import { readAll } from './pack.fixture.ts'
import { makeFolder, openRepository, type Repository } from './repository.fixture.ts'
import type { UpstreamRepository } from './upstream-repository.ts'

const id = (number: number) => number.toString(16).padStart(40, '0')
const update = (oldCommit: string, newCommit: string) => ({ ref: 'refs/heads/x', oldCommit, newCommit })
const silent: UpstreamRepository = {
  refs: async () => new Map(),
  history: async () => {
    throw new Error('the server was asked')
  },
}

test('a commit that is its own ancestor, or a history without end, is walked once', async () => {
  const graph = createCommitGraph()
  graph.add(id(1), [id(2), id(1)])
  graph.add(id(2), [id(1)])
  assert.deepEqual(graph.descent(id(1), id(9)), { descends: false, edges: [] })
  const verdict = await judgeUpdate(update(id(9), id(1)), graph, { repository: silent, ref: undefined })
  assert.equal(verdict.change, 'force')
})

test('of a commit that was named before, only the first word counts', () => {
  const graph = createCommitGraph()
  graph.add(id(1), [id(2)])
  graph.add(id(1), [id(9)])
  assert.equal(graph.descent(id(1), id(9)).descends, false)
})

test('more commits, or parents, than are remembered are an error', () => {
  const many = createCommitGraph()
  assert.throws(() => {
    for (let i = 0; ; i++) many.add(id(i), [id(i + 1)])
  }, coded('limit_exceeded'))
  const wide = createCommitGraph()
  const parents = Array.from({ length: limits.historyParents + 1 }, (_, i) => id(i))
  assert.throws(() => wide.add(id(0), parents), coded('limit_exceeded'))
})

test('what the server cannot tell, or tells too much of, counts as forced', async () => {
  const graph = createCommitGraph()
  graph.add(id(1), [id(2)])
  const asked = await judgeUpdate(update(id(9), id(1)), graph, { repository: silent, ref: undefined })
  assert.deepEqual(
    [asked.change, /cannot be told.*the server was asked/.test(asked.why ?? '')],
    ['force', true],
  )
  const stale = { id: id(8), target: undefined }
  const moved = await judgeUpdate(update(id(9), id(1)), graph, { repository: silent, ref: stale })
  assert.match(moved.why ?? '', /the server has it at .* fetch first/)
  const wide = createCommitGraph()
  wide.add(
    id(1),
    Array.from({ length: limits.historyEdges + 1 }, (_, i) => id(i + 100)),
  )
  const many = await judgeUpdate(update(id(9), id(1)), wide, { repository: silent, ref: undefined })
  assert.match(many.why ?? '', /over \d+ commits to ask for/)
})

/** A random history, made at once; returns the commits' ids, each after its parents. */
function makeHistory(repository: Repository, parents: readonly (readonly number[])[]): string[] {
  const lines = parents.map((of, i) => {
    const text = `commit ${i}`
    const [first, ...more] = of
    const from = first === undefined ? '' : `from :${first + 1}\n`
    const merges = more.map((one) => `merge :${one + 1}\n`).join('')
    // Its own branch, so that without a parent it is a root.
    return `commit refs/heads/c${i}\nmark :${i + 1}\ncommitter a <a@b> 1700000000 +0000\ndata ${text.length}\n${text}\n${from}${merges}\n`
  })
  repository.git(['fast-import', '--quiet'], lines.join(''))
  return parents.map((_, i) => repository.git(['rev-parse', `c${i}`]))
}

/** What the server has: these commits and all before them. It answers as `git upload-pack` does: what `known` has is left out. */
function serverWith(repository: Repository, tips: readonly string[]): UpstreamRepository {
  const has = new Set(repository.git(['rev-list', ...tips]).split('\n'))
  return {
    refs: async () => new Map(),
    async history(wanted, known, onCommit) {
      const missing = wanted.find((one) => !has.has(one))
      if (missing !== undefined) throw new Error(`not our ref ${missing}`)
      const read = await readAll([repository.pack(...wanted, ...(has.has(known) ? [`^${known}`] : []))])
      for (const [one, parents] of read.commits) onCommit(one, parents)
    },
  }
}

const history = fc.array(fc.uniqueArray(fc.nat(1000), { maxLength: 3 }), { minLength: 2, maxLength: 14 })

test('git as oracle: a random update of a random history is a fast-forward exactly if git says so', async (t) => {
  const counts = { fast_forward: 0, force: 0 }
  await fc.assert(
    fc.asyncProperty(history, fc.nat(1000), fc.nat(1000), fc.nat(1000), async (shape, tip, from, to) => {
      const repository = openRepository(makeFolder(t))
      repository.git(['init', '-q'])
      const parents = shape.map((of, i) => (i === 0 ? [] : [...new Set(of.map((one) => one % i))]))
      const ids = makeHistory(repository, parents)
      const at = (number: number) => ids[number % ids.length] ?? ''
      const [oldCommit, newCommit] = [at(from), at(to)]
      // The server has the old commit, and another branch; the pack brings what is new to it.
      const tips = [oldCommit, at(tip)]
      const pack = repository.pack(newCommit, ...tips.map((one) => `^${one}`))
      const graph: CommitGraph = createCommitGraph()
      for (const [one, of] of (await readAll([pack])).commits) graph.add(one, of)
      const server = { repository: serverWith(repository, tips), ref: { id: oldCommit, target: undefined } }
      const { change } = await judgeUpdate(update(oldCommit, newCommit), graph, server)
      const oracle = spawnSync('git', [
        '-C',
        repository.folder,
        'merge-base',
        '--is-ancestor',
        oldCommit,
        newCommit,
      ])
      assert.equal(change === 'fast_forward', oracle.status === 0, JSON.stringify([parents, tip, from, to]))
      counts[change as keyof typeof counts] += 1
    }),
    {
      numRuns: 22,
      // Chance alone may draw too few of one kind: one after the other along a line, and back.
      examples: [
        [[[], [0], [1]], 0, 0, 2],
        [[[], [0], [1]], 0, 2, 0],
      ],
    },
  )
  assert.ok(counts.fast_forward > 0 && counts.force > 0, JSON.stringify(counts))
})
