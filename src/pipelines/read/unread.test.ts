import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findMistakes } from '../lint/lint.ts'
import { readCheckout } from './read-checkout.ts'

const workflow = 'on: push\njobs: { a: { runs-on: ubuntu-24.04, steps: [{ run: "true" }] } }\n'

interface Tree {
  readonly files?: Readonly<Record<string, string>>
  readonly links?: Readonly<Record<string, string>>
  readonly folders?: readonly string[]
}

/** What is told of a checkout with these, beside which there is a folder `elsewhere` with pipelines of its own. */
function unreadOf(t: TestContext, { files = {}, links = {}, folders = [] }: Tree, raw?: Buffer): string[] {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-lint-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  write('elsewhere/workflows/ci.yml', workflow)
  write('elsewhere/pipeline.yml', 'steps: []\n')
  mkdirSync(join(root, 'tree'))
  for (const folder of folders) mkdirSync(join(root, 'tree', folder), { recursive: true })
  for (const [name, text] of Object.entries(files)) write(join('tree', name), text)
  for (const [name, to] of Object.entries(links)) symlinkSync(to, join(root, 'tree', name))
  if (raw !== undefined) writeFileSync(Buffer.concat([Buffer.from(`${root}/tree/`), raw]), workflow)
  return findMistakes(readCheckout(join(root, 'tree')))
    .filter(({ rule }) => rule.id === 'unread')
    .map(({ severity, file, message }) => `${severity} ${file}: ${message}`)
    .toSorted()
}

test('folders and files of pipelines that are links out of the checkout, or to nowhere, are told', (t) => {
  const out = /^error \S+: .*a link that leads out of the checkout/
  const nowhere = /^error \S+: .*a link that leads nowhere/
  const trees: [Tree, string, RegExp][] = [
    [{ links: { '.github': '../elsewhere' } }, '.github/workflows', out],
    [
      { folders: ['.github'], links: { '.github/workflows': '../../elsewhere/workflows' } },
      '.github/workflows',
      out,
    ],
    [{ links: { '.buildkite': '../elsewhere' } }, '.buildkite', out],
    [{ links: { '.circleci': 'nowhere' } }, '.circleci', nowhere],
    [{ links: { '.gitlab-ci.yml': 'nope.yml' } }, '.gitlab-ci.yml', nowhere],
    [{ links: { '.gitlab-ci.yml': '../elsewhere/pipeline.yml' } }, '.gitlab-ci.yml', out],
    [{ links: { ci: '../elsewhere' } }, 'ci', out],
  ]
  for (const [tree, file, expected] of trees) {
    const told = unreadOf(t, tree)
    assert.ok(
      told.some((one) => one.startsWith(`error ${file}: `)),
      `${JSON.stringify(tree)} ${told.join()}`,
    )
    for (const one of told) assert.match(one, expected)
  }
})

test('what is called as a pipeline and is none, and a name that is no UTF-8, are told', (t) => {
  assert.match(
    unreadOf(t, { folders: ['.gitlab-ci.yml'] }).join(),
    /^error \.gitlab-ci\.yml: .*no regular file/,
  )
  const files = { '.github/workflows/b.yml': workflow }
  const raw = Buffer.from('.github/workflows/a\xe9.yml', 'latin1')
  assert.match(unreadOf(t, { files }, raw).join(), /^error [^,]*name is not UTF-8[^,]*$/)
  assert.deepEqual(unreadOf(t, { files, folders: ['jenkins', '.github/workflows/more'] }), [])
  // A link within the checkout is read.
  assert.deepEqual(
    unreadOf(t, {
      files: { 'real.yml': 'a: { script: ["true"] }\n' },
      links: { '.gitlab-ci.yml': 'real.yml' },
    }),
    [],
  )
})

test('an include that is not there, or outside, is an error; what a step may make is a note', (t) => {
  const gitlab = (local: string) => ({ files: { '.gitlab-ci.yml': `include: [{ local: "${local}" }]\n` } })
  assert.match(unreadOf(t, gitlab('nope.yml')).join(), /^error nope\.yml: .*is not there/)
  assert.match(
    unreadOf(t, gitlab('../../outside.yml')).join(),
    /^error .*outside\.yml: .*is outside of the checkout/,
  )
  const action = workflow.replace('run: "true"', 'uses: ./made')
  assert.match(
    unreadOf(t, { files: { '.github/workflows/a.yml': action } }).join(),
    /^note made\/action\.yml: /,
  )
})
