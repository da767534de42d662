import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { attributeBlobs, commitsSource, historySource, ignoredPaths, stagedSource } from './index.ts'
import type { GitPlace } from './index.ts'
import { gitEnvironment, readAll, runGit, temporaryFolder } from './sources.fixture.ts'

/** All that changes what Git's commands print, as somebody may have it in a configuration (git-config(1)). */
const settings = (folder: string): readonly (readonly [key: string, value: string])[] => [
  ...([
    ['diff.relative', 'true'],
    ['diff.orderFile', join(folder, 'order')],
    ['diff.ignoreSubmodules', 'all'],
    ['diff.renames', 'copies'],
    ['diff.renameLimit', '1000'],
    ['diff.submodule', 'log'],
    ['diff.mnemonicPrefix', 'true'],
    ['diff.noPrefix', 'true'],
    ['diff.algorithm', 'patience'],
    ['diff.context', '0'],
    ['diff.interHunkContext', '9'],
    ['diff.statGraphWidth', '1'],
    ['diff.dirstat', 'lines,cumulative'],
    ['diff.colorMoved', 'zebra'],
    ['diff.wsErrorHighlight', 'all'],
    ['diff.suppressBlankEmpty', 'true'],
    ['diff.wordRegex', '.'],
    ['log.follow', 'true'],
    ['log.showRoot', 'false'],
    ['log.diffMerges', 'first-parent'],
    ['log.decorate', 'full'],
    ['log.abbrevCommit', 'true'],
    ['log.date', 'relative'],
    ['log.mailmap', 'true'],
    ['log.showSignature', 'true'],
    ['log.initialDecorationSet', 'all'],
    ['format.pretty', 'oneline'],
    ['format.notes', '*'],
    ['notes.displayRef', 'refs/notes/*'],
    ['mailmap.file', join(folder, 'mailmap')],
    ['i18n.logOutputEncoding', 'UTF-7'],
    ['i18n.commitEncoding', 'UTF-16'],
    ['core.quotePath', 'true'],
    ['core.abbrev', '4'],
    ['core.attributesFile', join(folder, 'attributes')],
    ['core.excludesFile', join(folder, 'attributes')],
    ['core.notesRef', 'refs/notes/other'],
    ['core.ignoreCase', 'true'],
    ['core.bigFileThreshold', '1'],
    ['core.warnAmbiguousRefs', 'false'],
    ['core.precomposeUnicode', 'true'],
    ['core.untrackedCache', 'true'],
    ['core.autocrlf', 'true'],
    ['core.eol', 'crlf'],
    ['core.whitespace', 'tab-in-indent'],
    ['color.ui', 'always'],
    ['color.diff', 'always'],
    ['column.ui', 'always'],
    ['pager.log', 'cat -n'],
    ['pager.diff', 'cat -n'],
    ['tag.sort', '-refname'],
    ['submodule.recurse', 'true'],
    ['status.relativePaths', 'true'],
    ['alias.log', 'status'],
    ['alias.diff', 'status'],
    ['uploadpack.hideRefs', 'refs'],
    ['transfer.hideRefs', 'refs'],
  ] as const),
]

/** Commits, a merge that both sides changed, a copy, a note; one file is staged, one is ignored, all in a folder and beside it. */
function repository(t: TestContext): GitPlace {
  const folder = temporaryFolder(t)
  const git = (...args: string[]) => runGit(folder, ...args)
  const put = (name: string, content: string) => writeFileSync(join(folder, name), content)
  git('init', '-q', '-b', 'main')
  mkdirSync(join(folder, 'sub'))
  put('order', 'sub/*\n')
  put('attributes', '* -diff\n*.Ä eol=lf\n')
  put('mailmap', 'Other <other@example.com> <ann@example.com>\n')
  put('one é', 'first')
  put('sub/two', 'second')
  put('.gitignore', '*.env\n')
  git('add', '.')
  git('commit', '-qm', 'one é')
  git('notes', 'add', '-m', 'noted')
  git('checkout', '-qb', 'side')
  put('both', 'of the side')
  git('add', '.')
  git('commit', '-qm', 'side')
  git('checkout', '-q', 'main')
  put('both', 'of main')
  put('copy', 'first')
  git('add', '.')
  git('commit', '-qm', 'two')
  assert.throws(() => git('merge', '-q', 'side'))
  put('both', 'of both')
  git('add', '.')
  git('commit', '-qm', 'merged')
  put('staged', 'to be committed')
  put('sub/staged', 'this, too')
  git('mv', 'one é', 'moved')
  git('add', 'staged', 'sub/staged')
  put('a.env', 'ignored')
  put('sub/b.env', 'ignored')
  return { folder, env: gitEnvironment }
}

async function allOf(place: GitPlace, from: string) {
  const at = { ...place, folder: join(place.folder, from) }
  const plain = async (seen: ReturnType<typeof readAll>) => {
    const { texts, parts, unseen } = await seen
    return { texts, parts: parts.map(({ name, blob }) => `${name} ${blob}`), unseen }
  }
  const history = await plain(readAll((say) => historySource(at, say)))
  const blobs = history.parts.map((part) => part.slice(part.lastIndexOf(' ') + 1))
  return {
    history,
    origins: await attributeBlobs(at, blobs),
    staged: await plain(readAll((say) => stagedSource(at, say))),
    since: await plain(readAll((say) => commitsSource(at, 'HEAD~1', say))),
    brought: await attributeBlobs(at, blobs, 'HEAD~1'),
    ignored: await ignoredPaths(at),
  }
}

for (const whose of ['repository', 'user'] as const)
  test(`no setting of the ${whose} changes what is looked at, and by which name, wherever in it one stands`, async (t) => {
    const place = repository(t)
    const before = { top: await allOf(place, ''), sub: await allOf(place, 'sub') }
    assert.deepEqual(Object.keys(before.sub.staged.texts).toSorted(), ['moved', 'staged', 'sub/staged'])
    assert.deepEqual(
      Object.keys(before.sub.since.texts).filter((name) => !name.startsWith('commit ')),
      ['both'],
    )
    assert.deepEqual([...before.sub.ignored, ...before.top.ignored], ['b.env', 'a.env', 'sub/b.env'])
    const file = join(place.folder, whose === 'user' ? 'gitconfig' : '.git/config')
    for (const [key, value] of settings(place.folder))
      execFileSync('git', ['config', '--file', file, key, value], { env: gitEnvironment })
    const env = whose === 'user' ? { ...gitEnvironment, GIT_CONFIG_GLOBAL: file } : gitEnvironment
    const with_ = { ...place, env }
    assert.deepEqual({ top: await allOf(with_, ''), sub: await allOf(with_, 'sub') }, before)
  })

test('a pipe in the place of a file that Git reads for nothing of ours is not waited for', async (t) => {
  const place = repository(t)
  const pipe = join(place.folder, '.git/pipe')
  execFileSync('mkfifo', [pipe])
  const before = await allOf(place, '')
  for (const key of ['diff.orderFile', 'core.attributesFile', 'mailmap.file'])
    runGit(place.folder, 'config', key, pipe)
  assert.deepEqual(await allOf(place, ''), before)
  runGit(place.folder, 'config', 'core.excludesFile', pipe)
  const { ignored: _, ...expected } = before
  const quick = { ...place, maxSilentMs: 400 }
  assert.deepEqual((await readAll((say) => stagedSource(quick, say))).texts, expected.staged.texts)
})

test('where Git itself waits for ever it is ended, and that is said', async (t) => {
  const place = { ...repository(t), maxSilentMs: 400 }
  const pipe = join(place.folder, '.git/pipe')
  execFileSync('mkfifo', [pipe])
  const said = { code: 'bad_input', message: /it said nothing for 0.4 s: one of its files .* may be a pipe/ }
  runGit(place.folder, 'config', 'core.excludesFile', pipe)
  await assert.rejects(ignoredPaths(place), said)
  appendFileSync(join(place.folder, '.git/config'), `[include]\n\tpath = ${pipe}\n`)
  await assert.rejects(
    readAll((say) => stagedSource(place, say)),
    said,
  )
  await assert.rejects(
    readAll((say) => commitsSource(place, 'HEAD~1', say)),
    said,
  )
  await assert.rejects(
    readAll((say) => historySource(place, say)),
    said,
  )
})

test('what Git prints in another form than asked for ends the scan: it could be a file that nobody looks at', async (t) => {
  const place = repository(t)
  const bin = temporaryFolder(t)
  const program = join(bin, 'git')
  for (const printed of [':100644 100644 c0ffee.. c0ffee.. M\\0a\\0', '\\033[1m:000000\\0a\\0', ':0\\0']) {
    rmSync(program, { force: true })
    writeFileSync(program, `#!/bin/sh\nprintf '${printed}'\n`, { mode: 0o755 })
    const env = { ...gitEnvironment, PATH: `${bin}:${gitEnvironment.PATH}` }
    for (const source of [
      () => readAll((say) => stagedSource({ ...place, env }, say)),
      () => readAll((say) => commitsSource({ ...place, env }, 'HEAD~1', say)),
    ])
      await assert.rejects(source(), { code: 'bad_input', message: /git printed what is not understood/ })
  }
})
