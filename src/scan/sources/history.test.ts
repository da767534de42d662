import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Unseen } from '../unpack/index.ts'
import { attributeBlobs, commitsSource, folderSource, historySource, type GitPlace } from './index.ts'
import { blobsOf, gitEnvironment, readAll, runGit, temporaryFolder } from './sources.fixture.ts'

function repository(t: TestContext, ...args: string[]): GitPlace {
  const folder = temporaryFolder(t)
  runGit(folder, 'init', '-q', '-b', 'main', ...args)
  return { folder, env: gitEnvironment }
}

function commit(place: GitPlace, name: string, content: string | Buffer, message = name): string {
  writeFileSync(join(place.folder, name), content)
  runGit(place.folder, 'add', '-A')
  runGit(place.folder, 'commit', '-qm', message)
  return runGit(place.folder, 'rev-parse', 'HEAD')
}

const history = async (place: GitPlace) => blobsOf(await readAll((unseen) => historySource(place, unseen)))
const since = async (place: GitPlace, range: string) =>
  blobsOf(await readAll((unseen) => commitsSource(place, range, unseen)))
const idOf = (place: GitPlace, name: string) => runGit(place.folder, 'rev-parse', name)

for (const format of ['sha1', 'sha256'])
  test(`a repository of ${format} gives each blob once, also what was removed, stashed or rewritten, and who brought it`, async (t) => {
    const place = repository(t, `--object-format=${format}`)
    const first = commit(place, 'secret', 'a token')
    const blob = idOf(place, 'HEAD:secret')
    commit(place, 'copy', 'a token')
    rmSync(join(place.folder, 'secret'))
    commit(place, 'other', 'other')
    writeFileSync(join(place.folder, 'other'), 'stashed')
    runGit(place.folder, 'stash', '-q')
    const rewritten = commit(place, 'rewritten', 'gone')
    const gone = idOf(place, 'HEAD:rewritten')
    runGit(place.folder, 'reset', '-q', '--hard', 'HEAD^')
    runGit(place.folder, 'gc', '-q')
    writeFileSync(join(place.folder, 'loose'), 'only staged')
    runGit(place.folder, 'add', 'loose')
    const { texts, parts, unseen } = await history(place)
    assert.deepEqual(Object.values(texts).toSorted(), ['a token', 'gone', 'only staged', 'other', 'stashed'])
    assert.equal(parts.filter((part) => part.blob === blob).length, 1)
    assert.deepEqual(unseen, [])
    const staged = idOf(place, ':loose')
    const origins = await attributeBlobs(place, [blob, gone, staged])
    const { date, ...origin } = origins.get(blob)?.all[0] ?? { date: '' }
    assert.equal(new Date(date).toISOString(), '2023-11-14T22:13:20.000Z')
    assert.deepEqual(origin, {
      commit: first,
      author: 'Ann',
      email: 'ann@example.com',
      path: 'secret',
    })
    assert.equal(origins.get(gone)?.all[0].commit, rewritten)
    assert.equal(origins.get(staged), undefined)
  })

test('what a person wrote into a merge is attributed to the merge', async (t) => {
  const place = repository(t)
  const base = commit(place, 'a', 'a')
  runGit(place.folder, 'checkout', '-qb', 'side')
  commit(place, 'b', 'b')
  runGit(place.folder, 'checkout', '-q', base)
  commit(place, 'c', 'c')
  runGit(place.folder, 'merge', '-q', '--no-commit', 'side')
  const merge = commit(place, 'evil', 'in none of the parents')
  const blob = idOf(place, 'HEAD:evil')
  assert.equal((await attributeBlobs(place, [blob])).get(blob)?.all[0].commit, merge)
  const { texts } = await since(place, `${base}..HEAD`)
  assert.deepEqual(texts, { b: 'b', c: 'c', evil: 'in none of the parents' })
})

test('a range gives what its commits brought, also what a later one removed', async (t) => {
  const place = repository(t)
  const old = commit(place, 'a', 'old')
  commit(place, 'b', 'brought')
  rmSync(join(place.folder, 'b'))
  commit(place, 'a', 'changed')
  const names = async (range: string) => (await since(place, range)).texts
  assert.deepEqual(await names(`${old}..HEAD`), { a: 'changed', b: 'brought' })
  assert.deepEqual(await names(old), { a: 'changed', b: 'brought' })
  assert.deepEqual(await names('HEAD..HEAD'), {})
  for (const range of ['--output=x', '-p', '', 'a b', `HEAD\n--all`])
    await assert.rejects(names(range), { code: 'bad_input', message: /no range of commits/ })
  await assert.rejects(names('nothing..HEAD'), { code: 'bad_input', message: /nothing/ })
  assert.ok(!existsSync(join(place.folder, 'x')))
})

test('a shallow clone, a clone that borrows objects, a bare one and a work tree beside it are read', async (t) => {
  const place = repository(t)
  commit(place, 'a', 'one')
  commit(place, 'a', 'two')
  const beside = temporaryFolder(t)
  const url = `file://${place.folder}`
  runGit(beside, 'clone', '-q', '--depth=1', url, 'shallow')
  runGit(beside, 'clone', '-q', '--shared', place.folder, 'shared')
  runGit(beside, 'clone', '-q', '--bare', url, 'bare')
  runGit(place.folder, 'worktree', 'add', '-q', join(beside, 'tree'))
  for (const [name, expected] of [
    ['shallow', ['two']],
    ['shared', ['one', 'two']],
    ['bare', ['one', 'two']],
    ['tree', ['one', 'two']],
  ] as const) {
    const of = { ...place, folder: join(beside, name) }
    const { texts, unseen } = await history(of)
    assert.deepEqual(Object.values(texts).toSorted(), [...expected])
    assert.deepEqual([name, unseen.length], [name, name === 'shallow' ? 1 : 0])
    const blob = idOf(place, 'HEAD:a')
    assert.equal((await attributeBlobs(of, [blob])).get(blob)?.all[0].path, 'a')
  }
})

test('a shallow clone is not whole, and a range is not if it comes to where the clone is cut off', async (t) => {
  const place = repository(t)
  const base = commit(place, 'a', 'one')
  commit(place, 'b', 'brought')
  runGit(place.folder, 'rm', '-q', 'b')
  commit(place, 'a', 'two')
  const tip = commit(place, 'a', 'three')
  const beside = temporaryFolder(t)
  runGit(beside, 'clone', '-q', '--depth=2', `file://${place.folder}`, 'shallow')
  const shallow = { ...place, folder: join(beside, 'shallow') }
  runGit(shallow.folder, 'fetch', '-q', '--depth=1', 'origin', base)
  const told = (unseen: readonly { readonly name: string; readonly why: string }[]) =>
    unseen.map(({ name, why }) => `${name}: ${why}`)
  assert.match(
    told((await history(shallow)).unseen).join('\n'),
    /^the history: .*2 commits: run `git fetch --unshallow`.*$/,
  )
  assert.match(
    told((await since(shallow, base)).unseen).join('\n'),
    /^the history: .*a commit: run `git fetch --unsh.*$/,
  )
  const cutOff = runGit(place.folder, 'rev-parse', `${tip}~2`).trim()
  await assert.rejects(since(shallow, cutOff), {
    code: 'bad_input',
    message: /too little depth.*fetch-depth: 0/,
  })
  // What came after the edge is all there.
  assert.deepEqual((await since(shallow, `${tip}^`)).unseen, [])
  runGit(shallow.folder, 'fetch', '-q', '--unshallow')
  assert.deepEqual((await history(shallow)).unseen, [])
  assert.deepEqual((await since(shallow, base)).texts, { a: 'threetwo', b: 'brought' })
})

test('what commits, tags and notes say is looked at, and who wrote it', async (t) => {
  const place = repository(t)
  const env = { ...gitEnvironment, GIT_AUTHOR_NAME: 'token of the author' }
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: place.folder, env, encoding: 'utf8' }).trim()
  const first = commit(place, 'a', 'one')
  git('tag', '-a', 'old', '-m', 'before the range')
  git('commit', '-q', '--allow-empty', '-m', 'subject\n\ntoken of the message')
  const id = idOf(place, 'HEAD')
  git('tag', '-a', 'v1', '-m', 'token of the tag')
  git('tag', '-a', 'v2', '-m', 'token of a tag of a tag', 'v1')
  git('notes', 'add', '-m', 'token of the note')
  const [v1, v2] = ['v1', 'v2'].map((name) => idOf(place, `refs/tags/${name}`))
  const expected = {
    [`commit ${id} (message)`]: 'subject\n\ntoken of the message\n',
    [`tag ${v1} (message)`]: 'token of the tag\n',
    [`tag ${v2} (message)`]: 'token of a tag of a tag\n',
  }
  for (const source of [
    (unseen: (one: Unseen) => void) => historySource(place, unseen),
    (unseen: (one: Unseen) => void) => commitsSource(place, `${first}..HEAD`, unseen),
  ]) {
    const { texts, unseen } = await readAll(source)
    for (const [name, text] of Object.entries(expected)) assert.equal(texts[name], text)
    // Once: the commit of the note has it, too.
    const headers = Object.entries(texts).filter(([name]) => /^commit [0-9a-f]+ \(header\)$/.test(name))
    assert.ok(headers.some(([, text]) => /^author token of the author </m.test(text)))
    assert.match(texts[`tag ${v1} (header)`] ?? '', /^tag v1$/m)
    assert.ok(Object.values(texts).includes('token of the note\n'))
    assert.deepEqual(unseen, [])
  }
  const { texts } = await readAll((unseen) => commitsSource(place, first, unseen))
  assert.equal(texts[`commit ${id} (note)`], 'token of the note\n')
  assert.ok(!Object.values(texts).includes('before the range\n'))
})

test('who brought it is told of a commit in another encoding, whatever the configuration says', async (t) => {
  const place = repository(t)
  runGit(place.folder, 'config', 'i18n.logOutputEncoding', 'UTF-16')
  const id = commit(place, 'a', 'a token')
  const blob = idOf(place, 'HEAD:a')
  const origin = (await attributeBlobs(place, [blob])).get(blob)?.all[0]
  assert.deepEqual([origin?.commit, origin?.author, origin?.path], [id, 'Ann', 'a'])
})

test('a pointer of Git LFS is looked at as what it stands for, where the clone has that, and is told where it does not', async (t) => {
  const place = repository(t)
  const content = 'a token in a large file'
  const hash = createHash('sha256').update(content).digest('hex')
  const pointer = (of: string) =>
    `version https://git-lfs.github.com/spec/v1\noid sha256:${of}\nsize ${content.length}\n`
  commit(place, 'large.bin', pointer(hash))
  commit(place, 'gone.bin', pointer('0'.repeat(64)))
  const folder = join(place.folder, '.git/lfs/objects', hash.slice(0, 2), hash.slice(2, 4))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, hash), content)
  const inRange = await since(place, 'HEAD^')
  assert.deepEqual(
    inRange.unseen.map(({ name, code }) => `${name} ${code}`),
    ['gone.bin absent'],
  )
  const { texts, unseen } = await history(place)
  assert.ok(texts[idOf(place, 'HEAD:large.bin')]?.includes(content))
  assert.deepEqual(
    unseen.map(({ code }) => code),
    ['absent'],
  )
  const files = await readAll((say) => folderSource(place.folder, { unseen: say }))
  assert.deepEqual(files.unseen.map(({ name, code }) => `${name} ${code}`).toSorted(), [
    'gone.bin absent',
    'large.bin absent',
  ])
})

test('objects are read as they are, not as others that are put in their place', async (t) => {
  const place = repository(t)
  commit(place, 'a', 'a token')
  const [secret, clean] = [idOf(place, 'HEAD:a'), (commit(place, 'b', 'clean'), idOf(place, 'HEAD:b'))]
  runGit(place.folder, 'replace', secret, clean)
  assert.equal((await history(place)).texts[secret], 'a token')
  // A commit without its parents hides who brought it.
  runGit(place.folder, 'replace', '--graft', 'HEAD')
  mkdirSync(join(place.folder, '.git/info'), { recursive: true })
  appendFileSync(join(place.folder, '.git/info/grafts'), `${idOf(place, 'HEAD')}\n`)
  assert.equal((await attributeBlobs(place, [secret])).get(secret)?.all[0].path, 'a')
})

test('a clone without its blobs asks nobody for them', async (t) => {
  const place = repository(t)
  commit(place, 'a', 'one')
  commit(place, 'a', 'two')
  runGit(place.folder, 'config', 'uploadpack.allowFilter', 'true')
  const beside = temporaryFolder(t)
  runGit(beside, 'clone', '-q', '--no-checkout', '--filter=blob:none', `file://${place.folder}`, 'partial')
  const partial = { ...place, folder: join(beside, 'partial') }
  const all = await history(partial)
  assert.deepEqual(all.texts, {})
  assert.deepEqual(
    all.unseen.map(({ name, code, why }) => `${name} ${code} ${why}`),
    ['the history absent the clone is without 2 objects, and what is in them: clone without --filter'],
  )
  // Without its trees it cannot be told what came: an error, not a clean scan.
  runGit(beside, 'clone', '-q', '--no-checkout', '--filter=tree:0', `file://${place.folder}`, 'bare-bones')
  const boneless = { ...place, folder: join(beside, 'bare-bones') }
  assert.match((await history(boneless)).unseen[0]?.why ?? '', /the clone is without [1-9]/)
  await assert.rejects(since(boneless, 'HEAD^..HEAD'), { code: 'bad_input' })
  const { texts, unseen } = await since(partial, 'HEAD^..HEAD')
  assert.deepEqual(texts, {})
  assert.deepEqual(
    unseen.map(({ name, code }) => `${name} ${code}`),
    ['a absent'],
  )
})

test('nothing is run that a repository names, whoever owns it', async (t) => {
  const place = repository(t)
  const blob = (commit(place, 'a', 'a token'), idOf(place, 'HEAD:a'))
  const ran = join(place.folder, 'ran')
  const program = join(place.folder, 'program')
  writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> ${ran}\n`)
  chmodSync(program, 0o755)
  writeFileSync(join(place.folder, '.gitattributes'), '* diff=all\n')
  for (const [key, value] of [
    ...[
      ['core.fsmonitor', program],
      ['core.pager', program],
      ['diff.external', program],
    ],
    ...[
      ['diff.all.textconv', program],
      ['gpg.program', program],
      ['log.showSignature', 'true'],
    ],
    ...[
      ['core.alternateRefsCommand', program],
      ['core.sshCommand', program],
      ['pager.log', program],
    ],
    ...[
      ['log.showRoot', 'false'],
      ['log.diffMerges', 'off'],
      ['diff.noprefix', 'true'],
      ['core.abbrev', '4'],
    ],
    ...[
      ['alias.log', `!${program}`],
      ['remote.origin.url', `ext::${program}`],
      ['remote.origin.promisor', 'true'],
    ],
  ] as [string, string][])
    runGit(place.folder, 'config', key, value)
  // As another user's, which Git refuses unless it is told that it is safe.
  const env = { ...gitEnvironment, GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' }
  assert.throws(
    () => execFileSync('git', ['log'], { cwd: place.folder, env, stdio: 'pipe' }),
    /dubious ownership/,
  )
  const signed = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], {
    cwd: place.folder,
    env: gitEnvironment,
    input: `tree ${idOf(place, 'HEAD^{tree}')}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\nsigned\n`,
    encoding: 'utf8',
  }).trim()
  runGit(place.folder, 'update-ref', 'refs/heads/signed', signed)
  assert.equal((await history({ ...place, env })).texts[blob], 'a token')
  assert.equal((await attributeBlobs({ ...place, env }, [blob])).get(blob)?.all[0].commit, signed)
  assert.ok(!existsSync(ran))
})

test('what a commit says of itself is taken for nothing else', async (t) => {
  const place = repository(t)
  const path = '\u0001strange\n:100644 100644'
  const env = { ...gitEnvironment, GIT_AUTHOR_NAME: 'x :000000 \u0001x' }
  writeFileSync(join(place.folder, path), 'a token')
  execFileSync('git', ['add', '-A'], { cwd: place.folder, env })
  execFileSync('git', ['commit', '-qm', '\u0001message\n:x'], { cwd: place.folder, env })
  execFileSync('git', ['commit', '-q', '--allow-empty', '-m', 'nothing'], { cwd: place.folder, env })
  const blob = runGit(place.folder, 'rev-parse', `HEAD:${path}`)
  const origin = (await attributeBlobs(place, [blob])).get(blob)?.all[0]
  assert.equal(origin?.path, path)
  assert.match(origin?.author ?? '', /^x :000000/)
})

test('an object that is broken is said, or ends the scan with what Git says', async (t) => {
  const place = repository(t)
  commit(place, 'a', 'x'.repeat(10_000))
  commit(place, 'b', randomBytes(10_000))
  const id = idOf(place, 'HEAD:b')
  const file = join(place.folder, '.git/objects', id.slice(0, 2), id.slice(2))
  const whole = readFileSync(file)
  chmodSync(file, 0o644)
  writeFileSync(file, 'no object')
  const { texts, unseen } = await history(place)
  assert.deepEqual(Object.values(texts), ['x'.repeat(10_000)])
  assert.deepEqual([...new Set(unseen.map(({ name, code }) => `${name} ${code}`))].toSorted(), [
    `${id} broken`,
    'objects of Git broken',
  ])
  writeFileSync(file, whole.fill(0x5a, 4_000, 4_100))
  await assert.rejects(history(place), { code: 'bad_input', message: /git cannot read/ })
})

test('a long blob is read as it comes', async (t) => {
  const place = repository(t)
  commit(place, 'long', Buffer.alloc(17_000_000, 'long '))
  const { texts, parts } = await history(place)
  assert.equal(Object.values(texts)[0]?.length, 17_000_000)
  assert.ok(parts.some(({ kind }) => kind === 'blob'))
})

test('a folder that is no repository is an error, each time', async (t) => {
  const place = { folder: temporaryFolder(t), env: gitEnvironment }
  for (let i = 0; i < 5; i++) {
    await assert.rejects(history(place), { code: 'bad_input', message: /not a git repository/ })
    // Longer than a rejection stays unnoticed.
    await setImmediate()
  }
})
