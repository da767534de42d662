import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readCheckout } from '../read/read-checkout.ts'
import { findProgram, runProgram } from './program.ts'
import { findingsOfSarif, pathOf } from './sarif.ts'
import { runTools } from './tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'mayfly-tools-'))
after(() => rmSync(folder, { recursive: true }))

function program(name: string, script: string, under = 'bin'): string {
  mkdirSync(join(folder, under), { recursive: true })
  const path = join(folder, under, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

const checkout = join(folder, 'tree')
mkdirSync(join(checkout, '.github/workflows'), { recursive: true })
writeFileSync(
  join(checkout, '.github/workflows/a.yml'),
  'on: push\njobs: { a: { steps: [{ run: make }] } }\n',
)
const { files } = readCheckout(checkout)

test('what lies in the checkout, or is named by a relative path, is no installed tool', () => {
  program('zizmor', 'exit 0', 'tree/bin')
  program('other', 'exit 0')
  assert.equal(findProgram('zizmor', `${checkout}/bin:bin:.:`, checkout), undefined)
  assert.equal(findProgram('other', `bin:${folder}/bin`, checkout), join(folder, 'bin/other'))
})

test('a tool sees no secret of this process, and starts where no settings of the checkout are', async () => {
  const path = program('seen', 'env; pwd')
  const ran = await runProgram(path, [], { path: '/usr/bin:/bin' })
  assert.ok(ran.ok)
  const names = ran.output.split('\n').flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? [])
  for (const name of names)
    assert.match(
      name,
      /^(?:PATH|HOME|LC_ALL|NO_COLOR|PWD|OLDPWD|SHLVL|_|(?:https?|HTTPS?|ALL)_(?:proxy|PROXY))$/,
    )
  assert.match(ran.output, /^\/$/m)
})

test('one that takes too long, says too much, or nothing, has found nothing', async () => {
  const slow = await runProgram(program('slow', 'sleep 60 & sleep 60'), [], {
    path: '/usr/bin:/bin',
    ms: 200,
  })
  assert.deepEqual(slow, { ok: false, why: 'it took longer than 0.2 s' })
  const loud = await runProgram(program('loud', 'exec cat /dev/zero'), [], { path: '/usr/bin:/bin' })
  assert.match(loud.ok ? '' : loud.why, /said more than 33554432 bytes/)
  const mute = await runProgram(program('mute', 'echo broken >&2; exit 3'), [], { path: '/usr/bin:/bin' })
  assert.deepEqual(mute, { ok: false, why: 'exit code 3: broken' })
})

const complaint = JSON.stringify([
  {
    message: 'bad\nthing',
    filepath: `${checkout}/.github/workflows/a.yml`,
    line: 2,
    column: 1,
    kind: 'expression',
  },
])

test('tools are run with what they read; what is not installed, or fails, is told', async () => {
  program('actionlint', `cat <<'END'\n${complaint}\nEND\nexit 1`)
  program('poutine', 'echo nonsense')
  const runs = await runTools(checkout, files, `${folder}/bin:/usr/bin:/bin`)
  assert.deepEqual(
    runs.map(({ tool, state }) => `${tool} ${state}`),
    ['zizmor missing', 'actionlint ran', 'poutine failed'],
  )
  const [, ran] = runs
  const [finding] = ran?.state === 'ran' ? ran.findings : []
  assert.deepEqual(
    [finding?.file, finding?.line, finding?.severity, finding?.rule.id, finding?.message],
    ['.github/workflows/a.yml', 2, 'error', 'actionlint-expression', 'bad thing'],
  )
  assert.deepEqual(
    (await runTools(checkout, [], '/bin')).map(({ state }) => state),
    ['idle', 'idle', 'idle'],
  )
})

test('a path is that of the checkout, however a tool writes it', () => {
  const known = new Set(['.github/workflows/a.yml', 'ci/ci/b.yml'])
  const root = '/srv/octo/ci'
  for (const [written, path] of [
    ['.github/workflows/a.yml', '.github/workflows/a.yml'],
    ['./.github/workflows/a.yml', '.github/workflows/a.yml'],
    ['file:///srv/octo/ci/.github/workflows/a.yml', '.github/workflows/a.yml'],
    ['srv/octo/ci/.github/workflows/a.yml', '.github/workflows/a.yml'],
    ['octo/ci/.github/workflows/a%20b.yml', '.github/workflows/a b.yml'],
    ['ci/ci/b.yml', 'ci/ci/b.yml'],
    ['/etc/passwd', '/etc/passwd'],
  ] as const)
    assert.equal(pathOf(written, root, known), path, written)
})

test('SARIF of another shape is refused, and long or many-lined messages are cut', () => {
  const placed = (uri: string) => uri
  assert.throws(() => findingsOfSarif('zizmor', '{"runs": 1}', placed))
  const region = { startLine: 3, startColumn: 2 }
  const result = {
    ruleId: 'zizmor/artipacked',
    message: { text: `a\n${'x'.repeat(10_000)}` },
    locations: [{ physicalLocation: { artifactLocation: { uri: 'a.yml' }, region } }],
  }
  const log = { runs: [{ tool: { driver: { rules: [] } }, results: [result, { ruleId: 'x' }] }] }
  const [finding, ...more] = findingsOfSarif('zizmor', JSON.stringify(log), placed)
  assert.deepEqual(
    [finding?.rule.id, finding?.line, finding?.severity, more.length],
    ['zizmor-artipacked', 3, 'warning', 0],
  )
  assert.match(finding?.message ?? '', /^a x{200,298}\.\.\.$/)
})
