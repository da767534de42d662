import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { JobFacts } from '../session-facts.ts'
import { roleOf } from '../role-facts.fixture.ts'
import { openCaches, type CacheReport } from './index.ts'
import { staysInside } from './links.ts'

function temporaryFolder(t: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mayfly-test-')))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const main: JobFacts = { issuer: 'ci', repository_id: '1', ref_protected: true }
const pull: JobFacts = { ...main, ref_protected: false }

/** A machine that keeps caches, on which steps run one after the other. */
function machine(t: TestContext) {
  const [folder, workspace] = [join(temporaryFolder(t), 'caches'), temporaryFolder(t)]
  const told: string[] = []
  /** What the step finds in its one cache; then it does `work` there and ends. */
  async function step(
    name: string,
    job: JobFacts,
    work: (cache: string) => void = () => undefined,
    options: { writes?: boolean; succeeds?: boolean } = {},
  ): Promise<{ found: Record<string, string>; report: CacheReport | undefined }> {
    const open = await openCaches({
      ...{ names: [name], folder, server: 'https://mayfly.test', job, workspace, workspaceInside: workspace },
      role: roleOf('build', { writes: options.writes ?? false }),
      lockfile: 'package-lock.json',
      tell: (line) => told.push(line),
    })
    const [cache] = open.folders
    const found = cache === undefined ? {} : contentsOf(cache.outside)
    if (cache !== undefined) work(cache.outside)
    const [report] = await open.close(options.succeeds ?? true)
    return { found, report }
  }
  return { folder, workspace, told, step }
}

function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]),
  )
}

const put = (name: string, text: string) => (cache: string) => {
  mkdirSync(dirname(join(cache, name)), { recursive: true })
  writeFileSync(join(cache, name), text)
}

test('what a step on a protected ref leaves is there for every later step of the repository', async (t) => {
  const { step } = machine(t)
  const first = await step('.cache/x', main, put('a/b', 'one'))
  assert.deepEqual(first.found, {})
  const second = await step('.cache/x', pull)
  assert.deepEqual(second.found, { 'a/b': 'one' })
  assert.equal(second.report?.generation, first.report?.written)
  await step('.cache/x', main, put('c', 'two'))
  assert.deepEqual((await step('.cache/x', main)).found, { 'a/b': 'one', c: 'two' })
})

test('what anything else leaves is not: a pull request, a step that failed, another repository, issuer or cache', async (t) => {
  const { step, told, folder } = machine(t)
  await step('.cache/x', main, put('good', 'good'))
  const poison = (cache: string) => {
    writeFileSync(join(cache, 'good'), 'poison')
    writeFileSync(join(cache, 'more'), 'poison')
  }
  assert.equal((await step('.cache/x', pull, poison)).report?.written, undefined)
  assert.match(told.join(), /not on a protected ref/)
  await step('.cache/x', main, poison, { succeeds: false })
  await step('.cache/x', { ...main, repository_id: '2' }, put('good', 'poison'))
  await step('.cache/x', { ...main, issuer: 'other' }, put('good', 'poison'))
  await step('.cache/y', main, put('good', 'poison'))
  assert.deepEqual((await step('.cache/x', main)).found, { good: 'good' })
  assert.deepEqual(readdirSync(join(folder, 'private')), [])
})

test('a role that writes starts with no cache that nothing confirms', async (t) => {
  const { step } = machine(t)
  for (const name of ['.cache/x', 'pip'])
    await assert.rejects(step(name, main, undefined, { writes: true }), /nothing confirms/)
  await step('npm', main, undefined, { writes: true })
})

test('npm: content that the lockfile pins, by the digest of its bytes and not of its name; no more', async (t) => {
  const { step, workspace } = machine(t)
  const digest = (text: string) => createHash('sha512').update(text).digest()
  const at = (hex: string) =>
    `_cacache/content-v2/sha512/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex.slice(4)}`
  const [good, other, forged] = ['good', 'other', 'forged'].map((text) => digest(text))
  assert.ok(good !== undefined && other !== undefined && forged !== undefined)
  const integrity = [good, forged].map((one) => `"integrity": "sha512-${one.toString('base64')}"`)
  writeFileSync(join(workspace, 'package-lock.json'), `{${integrity.join(',')}}`)
  await step('npm', main, (cache) => {
    put(at(good.toString('hex')), 'good')(cache)
    put(at(other.toString('hex')), 'other')(cache)
    put(at(forged.toString('hex')), 'poison under the name of another')(cache)
    const entry = (one: Buffer) => `0123\t{"key":"k","integrity":"sha512-${one.toString('base64')}"}`
    put('_cacache/index-v5/aa/bb/cc', `\n${entry(good)}\n${entry(other)}`)(cache)
    put('_cacache/index-v5/aa/bb/dd', `\n${entry(forged)}`)(cache)
    put('_cacache/tmp/x', 'x')(cache)
    put('_npx/0123/node_modules/.bin/tool', 'poison')(cache)
  })
  const { found } = await step('npm', main, undefined, { writes: true })
  assert.deepEqual(
    Object.keys(found).toSorted(),
    [at(good.toString('hex')), '_cacache/index-v5/aa/bb/cc'].toSorted(),
  )
})

test('cargo and go: what their tools hold against the lockfile, and nothing that they unpacked', async (t) => {
  const { step, workspace } = machine(t)
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  writeFileSync(join(workspace, 'Cargo.lock'), `[[package]]\nname = "a"\nchecksum = "${sha256('crate a')}"\n`)
  await step('cargo', main, (cache) => {
    put('cache/index.crates.io-1/a-1.0.0.crate', 'crate a')(cache)
    put('cache/index.crates.io-1/b-1.0.0.crate', 'crate b')(cache)
    put('index/index.crates.io-1/config.json', '{}')(cache)
    put('index/index.crates.io-1/.cache/se/rd/serde', 'x')(cache)
    put('index/git-1/.git/config', '[core]')(cache)
    put('index/git-1/hooks/post-checkout', 'poison')(cache)
    put('src/index.crates.io-1/a-1.0.0/build.rs', 'poison')(cache)
  })
  assert.deepEqual(Object.keys((await step('cargo', main)).found).toSorted(), [
    'cache/index.crates.io-1/a-1.0.0.crate',
    'index/index.crates.io-1/.cache/se/rd/serde',
    'index/index.crates.io-1/config.json',
  ])
  await step('go', main, (cache) => {
    put('example.com/m/@v/v1.0.0.zip', 'zip')(cache)
    put('example.com/m/@v/v1.0.0.ziphash', 'poison')(cache)
    put('example.com/m/@v/v1.0.0.mod', 'module m')(cache)
  })
  assert.deepEqual(Object.keys((await step('go', main)).found).toSorted(), [
    'example.com/m/@v/v1.0.0.mod',
    'example.com/m/@v/v1.0.0.zip',
  ])
})

test('a folder comes back with its links, its empty folders and its modes; what leads out of it is not kept, and said', async (t) => {
  const { step, told } = machine(t)
  await step('.venv', main, (cache) => {
    put('bin/python3.12', 'python')(cache)
    chmodSync(join(cache, 'bin/python3.12'), 0o755)
    symlinkSync('python3.12', join(cache, 'bin/python'))
    mkdirSync(join(cache, 'node_modules/.bin'), { recursive: true })
    put('node_modules/tool/cli.js', 'tool')(cache)
    symlinkSync('../tool/cli.js', join(cache, 'node_modules/.bin/tool'))
    symlinkSync('lib', join(cache, 'lib64'))
    mkdirSync(join(cache, 'empty/more'), { recursive: true })
    symlinkSync('/etc/passwd', join(cache, 'absolute'))
    symlinkSync('../../x', join(cache, 'bin/out'))
    execFileSync('mkfifo', [join(cache, 'pipe')])
  })
  await step('.venv', main, (cache) => {
    const links = ['bin/python', 'node_modules/.bin/tool', 'lib64'].map((name) =>
      readlinkSync(join(cache, name)),
    )
    assert.deepEqual(links, ['python3.12', '../tool/cli.js', 'lib'])
    assert.equal(statSync(join(cache, 'bin/python')).mode & 0o777, 0o755)
    assert.ok(statSync(join(cache, 'empty/more')).isDirectory())
    assert.deepEqual(readdirSync(cache).toSorted(), ['bin', 'empty', 'lib64', 'node_modules'])
  })
  const line = told.find((one) => one.includes('.venv')) ?? ''
  for (const name of ['absolute', 'bin/out', 'pipe']) assert.ok(line.includes(name), line)
})

test('no set of links of a cache leads out of it', () => {
  assert.ok(['..', '../a', './a//b', 'a', '.', '../../a'].every((target) => staysInside('x/y/link', target)))
  // The fourth: where `up` is a link to `..` it is above `x`.
  for (const target of ['', '/etc', '../../../a', 'up/../a', '../a/../../../b', 'a/..'])
    assert.ok(!staysInside('x/y/link', target), target)
  assert.ok(!staysInside('link', '..'))
})

test('a link that somebody put into what is kept is not followed, nor handed to a step', async (t) => {
  const { step, folder } = machine(t)
  await step('.cache/x', main, put('plain', 'x'))
  const [cache] = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'current')))
  symlinkSync('/etc', join(folder, cache ?? 'none', 'current', 'etc'))
  await step('.cache/x', main, (cache) => assert.deepEqual(readdirSync(cache), ['plain']))
})

test('folders that the step took the rights to are gone all the same', async (t) => {
  const { step, folder } = machine(t)
  await step('.cache/x', main, (cache) => {
    put('plain', 'x')(cache)
    put('closed/y', 'y')(cache)
    chmodSync(join(cache, 'closed'), 0)
  })
  assert.equal((await step('.cache/x', main)).found['plain'], 'x')
  assert.deepEqual(readdirSync(join(folder, 'private')), [])
})

test('a link in the place of a folder of the workspace, or a cache folder in the workspace: refused, or none', async (t) => {
  const { step, workspace, told } = machine(t)
  symlinkSync('/etc', join(workspace, 'linked'))
  await assert.rejects(step('linked/x', main), /is no folder/)
  const open = await openCaches({
    ...{
      names: ['npm'],
      folder: join(workspace, '.cache'),
      server: 's',
      job: main,
      workspace,
      workspaceInside: workspace,
    },
    ...{ role: roleOf('build'), lockfile: 'package-lock.json', tell: (line: string) => told.push(line) },
  })
  assert.deepEqual(open.folders, [])
  assert.match(told.join(), /in the workspace/)
})

test('of two steps that end at once each leaves a whole cache', async (t) => {
  const { step, folder } = machine(t)
  const many = (mark: string) => (cache: string) => {
    for (let i = 0; i < 50; i++) put(`f${i}`, mark)(cache)
  }
  await Promise.all(['a', 'b', 'c'].map((mark) => step('.cache/x', main, many(mark))))
  const { found } = await step('.cache/x', main)
  assert.equal(new Set(Object.values(found)).size, 1)
  assert.equal(Object.keys(found).length, 50)
  assert.ok(existsSync(folder))
})

test('a file of a cache that cannot be read takes neither the step’s end away nor leaves a copy behind', async (t) => {
  const { step, folder } = machine(t)
  const odd = Buffer.from([0xff])
  await step('.cache/x', main, (cache) => {
    writeFileSync(Buffer.concat([Buffer.from(`${cache}/`), odd]), 'x')
    put('plain', 'x')(cache)
  })
  assert.deepEqual(readdirSync(join(folder, 'private')), [])
})
