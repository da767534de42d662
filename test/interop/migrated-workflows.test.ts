import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { applyEdits, migrateFiles, readCheckout, type Project } from '../../src/pipelines/index.ts'
import { shapeNames, shapes } from '../../src/pipelines/read/fixtures.fixture.ts'
import { programOf } from '../clients/peers.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo-org/app', defaultBranch: 'main', id: '1296269' },
  install: 'make -C /opt/mayfly install',
  packages: {},
  pins: new Map(),
}

const moved = shapeNames.flatMap((name) =>
  migrateFiles(
    readCheckout(join(shapes, name)).files.filter(({ ci }) => ci === 'github'),
    project,
  )
    .map(({ file, edits }) => ({ name, file, edits }))
    .filter(({ edits }) => edits.length > 0),
)

const absent = (name: string) =>
  programOf(name) === undefined ? `${name} is not built: npm run peers` : false

/** What a program says of the same workflows before and after, by rule. */
function said(
  t: TestContext,
  run: (folder: string) => readonly string[],
): { before: string[]; after: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-peers-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const told = (when: string, text: (one: (typeof moved)[number]) => string) => {
    for (const one of moved) {
      const path = join(folder, when, one.name, one.file.path)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text(one))
    }
    return moved
      .flatMap(({ name }) => run(join(folder, when, name)).map((rule) => `${name}: ${rule}`))
      .toSorted()
  }
  return {
    before: told('before', ({ file }) => file.text),
    after: told('after', ({ file, edits }) => applyEdits(file.text, edits)),
  }
}

/** Each complaint at most as often as before. */
function assertNoMore({ before, after }: { before: string[]; after: string[] }): void {
  const left = [...before]
  const fresh = after.filter((one) => {
    const at = left.indexOf(one)
    if (at === -1) return true
    left.splice(at, 1)
    return false
  })
  assert.deepEqual(fresh, [])
}

test(
  'actionlint has nothing to say of moved workflows that it did not say before',
  { skip: absent('actionlint') },
  (t) => {
    assert.ok(moved.length >= 4)
    const program = programOf('actionlint') ?? ''
    assertNoMore(
      said(t, (folder) => {
        const files = readCheckout(folder).files.map(({ path }) => path)
        const { stdout, status } = spawnSync(program, ['-format', '{{json .}}', ...files], {
          cwd: folder,
          encoding: 'utf8',
        })
        assert.ok(status === 0 || status === 1, stdout)
        return (JSON.parse(stdout) as { kind: string; message: string }[]).map(
          ({ kind, message }) => `${kind} ${message}`,
        )
      }),
    )
  },
)

test(
  'zizmor finds nothing in moved workflows that it did not find before',
  { skip: absent('zizmor') },
  (t) => {
    const program = programOf('zizmor') ?? ''
    assertNoMore(
      said(t, (folder) => {
        const { stdout, stderr } = spawnSync(
          program,
          ['--offline', '--no-progress', '--format', 'json', folder],
          { encoding: 'utf8' },
        )
        assert.match(stdout, /^\[/, stderr)
        return (JSON.parse(stdout) as { ident: string; determinations: { severity: string } }[]).map(
          ({ ident, determinations }) => `${ident} ${determinations.severity}`,
        )
      }),
    )
  },
)
