import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { projectFolder } from '../../demo/stage.ts'
import { findMistakes, readCheckout, reportOf, runTools, type ToolName } from '../../src/pipelines/index.ts'
import { peerFolders } from '../clients/peers.ts'

// The real zizmor and actionlint, where `npm run peers` has built them.
const path = [...peerFolders(), '/usr/bin', '/bin'].join(':')
const isBuilt = (name: ToolName) => peerFolders().some((folder) => folder.includes(`/${name}@`))
const skip = isBuilt('zizmor') && isBuilt('actionlint') ? false : 'npm run peers -- zizmor actionlint'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-lint-'))
  cpSync(join(projectFolder, 'test/fixtures/pipelines'), folder, { recursive: true })
})
after(() => rmSync(folder, { recursive: true }))

async function linted(name: string) {
  const checkout = readCheckout(join(folder, name))
  const runs = await runTools(join(folder, name), checkout.files, path)
  const others = runs.flatMap((run) => (run.state === 'ran' ? run.findings : []))
  return { runs, others, report: reportOf(checkout, findMistakes(checkout), others, Date.now()) }
}

test('what zizmor finds stands beside ours, and what both find is told once', { skip }, async () => {
  const { runs, others, report } = await linted('pr-preview')
  assert.deepEqual(
    runs.filter(({ tool }) => tool !== 'poutine').map(({ tool, state }) => `${tool} ${state}`),
    ['zizmor ran', 'actionlint ran'],
  )
  const forks = report.findings.filter(({ rule }) => rule.id === 'fork-secrets')
  assert.deepEqual(
    forks.map(({ also }) => also.includes('zizmor-dangerous-triggers')),
    [true, true],
  )
  assert.ok(others.some(({ rule }) => rule.id === 'zizmor-dangerous-triggers'))
  const left = report.findings.map(({ rule }) => rule.id)
  for (const id of ['zizmor-dangerous-triggers', 'zizmor-unpinned-uses', 'zizmor-overprovisioned-secrets'])
    assert.ok(!left.includes(id), id)
  // Ours alone.
  assert.ok(left.includes('long-lived-secret'))
  // Theirs alone, in a file of the checkout.
  const theirs = report.findings.find(({ rule }) => rule.id === 'zizmor-artipacked')
  assert.match(theirs?.file ?? '', /^\.github\/workflows\//)
})

test('actionlint says where a workflow is wrong', { skip }, async () => {
  const { report } = await linted('rust-tool')
  const checkout = readCheckout(join(folder, 'multi-cloud'))
  const runs = await runTools(join(folder, 'multi-cloud'), checkout.files, path)
  assert.ok(runs.some(({ tool, state }) => tool === 'actionlint' && state === 'ran'))
  assert.ok(report.findings.every(({ file }) => file.startsWith('.github/')))
})
