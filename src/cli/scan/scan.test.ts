import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { builtInRules, fillTemplate, seededRandom } from '../../scan/rules/index.ts'
import { readBaseline } from '../../scan/findings/index.ts'
import { openFindings } from '../../scan/reports/index.ts'
import type { ScanOptions } from './options.ts'
import { readRules } from './rules.ts'
import { codeOf, runScan, scanned } from './scan.ts'

const id = 'github-personal-access-token'
const template = builtInRules.find((rule) => rule.id === id)?.examples.positive[0] ?? ''
const token = /ghp_\w{36}/.exec(fillTemplate(template, seededRandom(4)))?.[0] ?? ''

// Paths are told as people name them from where they are.
const before0 = process.cwd()
let root: string
before(() => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-scan-'))
  process.chdir(root)
})
after(() => {
  process.chdir(before0)
  rmSync(root, { recursive: true, force: true })
})

function write(name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), content)
}

const usual: ScanOptions = { confidence: 'possible', failOn: 'likely', report: 'text', jobs: 1 }

/** What fails, by place, and the exit code. */
async function scan(paths: readonly string[], more: Partial<ScanOptions> = {}) {
  const options = { ...usual, ...more }
  const report = await scanned(paths, options, await readRules(options))
  const open = openFindings(report)
  const places = open.map(({ file, start, rule }) => `${file}:${start.line}:${start.column} ${rule}`)
  return { places, report, open, exitCode: codeOf(report, options) }
}

const day = new Date(Date.now() + 86_400_000 * 30).toISOString().slice(0, 10)

test('a place is told as its path was named; a comment ignores until its day, and a scan says when it does no more', async () => {
  write('src/app.env', `# ours\nGITHUB_TOKEN=${token}\n`)
  write('log.gz', gzipSync(`x ${token}\n`))
  write('quiet.env', `T=${token} # mayfly: ignore ${id} until ${day} dead since May\n`)
  write('late.env', `T=${token} # mayfly: ignore ${id} until 2026-01-01 dead since May\n`)
  const paths = ['src', './src/app.env', join(root, 'src'), 'log.gz', 'quiet.env', './late.env']
  const { places, exitCode, open, report } = await scan(paths)
  assert.deepEqual(places, [
    ...[`${root}/src/app.env:2:14 ${id}`, `late.env:1:3 ${id}`, `log.gz:1:3 ${id}`],
    ...[`src/app.env:2:14 ${id}`, `src/app.env:2:14 ${id}`],
  ])
  assert.deepEqual([exitCode, report.findings.length], [1, 6])
  await assert.rejects(
    scan([], { image: 'src' }),
    /is no image: it has neither index\.json nor manifest\.json/,
  )
  await assert.rejects(scan(['src'], { image: 'src' }), /beside --image there is no path/)
  // Nothing of that is taken to a registry.
  for (const image of ['./none', 'none', 'none.tar', '/none/app:1'])
    await assert.rejects(scan([], { image }), /there is no file or folder .*none/)
  assert.equal(open[1]?.note, 'the ignore comment ended on 2026-01-01')
})

test('a baseline knows what moves; a report that cannot be written is an error', async () => {
  const output = join(root, 'none', 'x')
  const writing = { ...usual, writeBaseline: 'known.json', output }
  assert.equal(await runScan(['src'], writing), 2)
  const known = readBaseline('known.json')
  assert.deepEqual(
    [...known.values()].map(({ rule, files }) => [rule, files]),
    [[id, ['src/app.env']]],
  )
  write('moved/app.env', `\n\n\nT=${token}\n`)
  const { exitCode, report } = await scan(['moved'], { baseline: 'known.json' })
  assert.deepEqual([exitCode, report.findings.length], [0, 1])
})

test('rule files add, allow and disable, and it is said; what is wrong with one is an error', async () => {
  write(
    '.mayfly/scan.yaml',
    `disable: [{ rule: generic-password, reason: we have none }]
allow: [{ reason: test keys, paths: ["src/*"], rules: [${id}] }]
unseen: [{ reason: a sample of a broken one, paths: ["known.gz", "whole.tar"] }]
`,
  )
  write('gitleaks.toml', "[extend]\nuseDefault = true\n[[rules]]\nid = 'corp'\nregex = 'corp-[0-9]{9}'\n")
  write('src/corp.txt', 'corp-123456789')
  for (const name of ['known.gz', 'broken.gz']) write(name, gzipSync('x'.repeat(10_000)).subarray(0, 30))
  for (const name of ['whole.tar', 'other.tar']) execFileSync('tar', ['-cf', name, 'broken.gz'])
  const gitleaksConfig = ['gitleaks.toml']
  const all = ['src', 'known.gz', 'broken.gz', 'whole.tar', 'other.tar']
  const { places, report, exitCode } = await scan(all, { gitleaksConfig })
  assert.deepEqual(places, ['src/corp.txt:1:1 gitleaks-corp'])
  assert.equal(exitCode, 1)
  assert.equal(report.warnings[0], '.mayfly/scan.yaml disables generic-password: we have none')
  assert.ok(!report.rules.some((rule) => rule.id === 'generic-password'))
  assert.deepEqual(
    report.unseen.map(({ name }) => name),
    ['broken.gz', 'other.tar!broken.gz'],
  )
  // What could not be looked at is no clean scan.
  assert.equal(codeOf({ ...report, findings: [] }, usual), 2)
  assert.equal(codeOf({ ...report, findings: [] }, { ...usual, allowUnseen: true }), 0)
  const sure = await scan(['src'], { gitleaksConfig, confidence: 'certain', rules: false })
  assert.deepEqual(sure.places, [`src/app.env:2:14 ${id}`])
  write('.mayfly/scan.yaml', 'alow: []\n')
  await assert.rejects(
    readRules(usual),
    /\.mayfly\/scan\.yaml:1:1: unknown key "alow" in the file: did you mean "allow"\?/,
  )
})
