import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findMistakes } from './lint/lint.ts'
import { migrateFile } from './migrate/migrate.ts'
import type { Project } from './migrate/model.ts'
import type { PipelineFile } from './model.ts'
import { shapeNames, shapes } from './read/fixtures.fixture.ts'
import { createPositions } from './read/position.ts'
import { readCheckout } from './read/read-checkout.ts'

/*
 * What lint finds in shapes of public projects' pipelines, and what migrate does with each secret of them, line by line: read and
 * found right by a person, and kept in the shape's EXPECTED. Its first line names the project whose style the shape follows; the
 * workflows are written by us.
 */

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo-org/app', defaultBranch: 'main', id: '1296269' },
  packages: {},
  pins: new Map(),
}

function expectedOf(name: string): string[] | undefined {
  const path = join(shapes, name, 'EXPECTED')
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : undefined
}

function said(name: string): string[] {
  const checkout = readCheckout(join(shapes, name))
  const found = findMistakes(checkout).map(
    ({ file, line, rule, severity }) => `lint ${file}:${line}: ${rule.id} (${severity})`,
  )
  return [...new Set(found), ...checkout.files.flatMap((file) => done(file))]
}

function done(file: PipelineFile): string[] {
  if (file.role !== 'pipeline') return []
  const { moved, kept } = migrateFile(file, project)
  const at = createPositions(file.text)
  const lines = [
    ...moved.map(({ reference: { span, name }, connection }) => ({
      span,
      text: `moved ${name} to ${connection}`,
    })),
    ...kept.map(({ span, what, why }) => ({ span, text: `kept ${what}: ${why}` })),
  ]
  return lines
    .toSorted((one, other) => one.span.start - other.span.start)
    .map(
      ({ span, text }) =>
        `${text.split(' ')[0]} ${file.path}:${at(span.start).line}: ${text.slice(text.indexOf(' ') + 1)}`,
    )
}

const accepted = shapeNames.filter((name) => expectedOf(name) !== undefined)

for (const name of accepted)
  test(`lint and migrate of ${name}`, () => {
    const [after = '', ...lines] = expectedOf(name) ?? []
    assert.match(
      after,
      /^after [\w.-]+\/[\w.-]+: \.github\/workflows\/[\w.-]+$|^after GitHub’s documentation: /,
    )
    assert.deepEqual(said(name), lines)
  })

test('there are shapes after twenty public projects and more, and of every secret it is said what becomes of it', () => {
  const after = new Set(
    accepted.map((name) => expectedOf(name)?.[0]).filter((line) => !line?.includes('documentation')),
  )
  assert.ok(after.size >= 20, String(after.size))
  for (const name of accepted)
    for (const file of readCheckout(join(shapes, name)).files.filter(({ role }) => role === 'pipeline')) {
      const { moved, kept } = migrateFile(file, project)
      const told = [...moved.map(({ reference }) => reference.span), ...kept.map(({ span }) => span)]
      const starts = told.map(({ start }) => start)
      assert.equal(new Set(starts).size, starts.length, `${name}: one secret is told of twice`)
    }
})
