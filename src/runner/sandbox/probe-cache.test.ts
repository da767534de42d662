import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openProbeCache, type ProbeCache, type Remembered } from './probe-cache.ts'
import { temporaryFolder } from './sandbox.fixture.ts'

const found: Remembered = {
  ...{ tier: 'C', bwrap: '/usr/bin/bwrap', why: 'no fresh /proc' },
  ...{ disableUserns: false, network: 'guard', ownProcesses: false, sizedFolders: true },
  ownHostName: true,
}

interface Place {
  readonly folder: string
  readonly file: string
  readonly program: string
  open(): ProbeCache | undefined
}

/** A cache that has been written, and reads back. */
function written(t: TestContext): Place {
  const home = temporaryFolder(t)
  const [folder, program] = [join(home, 'cache'), join(home, 'bwrap')]
  writeFileSync(program, 'x')
  const open = () =>
    openProbeCache(
      folder,
      program,
      [join(home, 'cache')].filter(() => false),
    )
  open()?.write(found)
  assert.deepEqual(open()?.read(), found)
  return { folder, program, file: join(folder, 'isolation.json'), open }
}

test('what was found is read back by the same user on the same machine, and a file of nobody else is left behind', (t) => {
  const { file, open } = written(t)
  assert.equal(existsSync(`${file}.${process.pid}`), false)
  open()?.forget()
  assert.equal(open()?.read(), undefined)
})

const edits: readonly [what: string, edit: (place: Place) => void][] = [
  ['others may write to it', ({ file }) => chmodSync(file, 0o666)],
  ['others may write to its folder', ({ folder }) => chmodSync(folder, 0o777)],
  [
    'it is a link',
    ({ file }) => {
      renameSync(file, `${file}.real`)
      symlinkSync(`${file}.real`, file)
    },
  ],
  [
    'it has a second name, in a folder that somebody else may write to',
    ({ file }) => linkSync(file, `${file}.other`),
  ],
  [
    'its folder is a link',
    ({ folder }) => {
      renameSync(folder, `${folder}.real`)
      symlinkSync(`${folder}.real`, folder)
    },
  ],
  ['it is no JSON', ({ file }) => writeFileSync(file, '{')],
  ['it is JSON of another form', ({ file }) => writeFileSync(file, 'null')],
  ['it is too large', ({ file }) => writeFileSync(file, `${readFileSync(file, 'utf8')}${' '.repeat(5_000)}`)],
  [
    'it says of another boot, user or program',
    ({ file }) => writeFileSync(file, readFileSync(file, 'utf8').replace(/"key":"../, '"key":"00')),
  ],
  [
    'it is of tomorrow',
    ({ file }) => writeFileSync(file, readFileSync(file, 'utf8').replace(/"atMs":\d/, '"atMs":9')),
  ],
  [
    'it is old',
    ({ file }) => writeFileSync(file, readFileSync(file, 'utf8').replace(/"atMs":\d+/, '"atMs":1')),
  ],
  [
    'it names no tier of ours',
    ({ file }) => writeFileSync(file, readFileSync(file, 'utf8').replace('"C"', '"A"')),
  ],
  ['bubblewrap was replaced', ({ program }) => writeFileSync(program, 'another one')],
  ['bubblewrap was touched', ({ program }) => utimesSync(program, 1, 1)],
]

for (const [what, edit] of edits)
  test(`it is not believed if ${what}`, (t) => {
    const place = written(t)
    edit(place)
    assert.equal(place.open()?.read(), undefined)
  })

test('one that calls a sandbox without a process namespace tier B gets one with it, or none', (t) => {
  const { file, open } = written(t)
  writeFileSync(file, readFileSync(file, 'utf8').replace('"C"', '"B"'))
  assert.equal(open()?.read()?.ownProcesses, true)
})

test('one that is another user’s is not believed', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give a file away')
  const { folder, file, open } = written(t)
  chownSync(file, 65_534, 65_534)
  assert.equal(open()?.read(), undefined)
  chownSync(file, 0, 0)
  assert.deepEqual(open()?.read(), found)
  chownSync(folder, 65_534, 65_534)
  assert.equal(open()?.read(), undefined)
})

test('one in a workspace, where steps write, is not used; nor one that is to lie where nobody may write', (t) => {
  const { folder, program } = written(t)
  mkdirSync(join(folder, 'below'))
  assert.equal(openProbeCache(join(folder, 'below'), program, [folder]), undefined)
  assert.equal(openProbeCache(folder, program, [folder]), undefined)
  assert.notEqual(openProbeCache(folder, program, [join(folder, 'below')]), undefined)
  assert.equal(openProbeCache('/proc/mayfly', program, []), undefined)
  assert.equal(openProbeCache(undefined, program, []), undefined)
})
