import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createDotenvReports } from './dotenv-reports.ts'
import { temporaryFolder } from './sandbox/sandbox.fixture.ts'

/** A job one step of which names `path`. */
function job(t: TestContext, path = 'build.env') {
  const workspace = temporaryFolder(t)
  const told: string[] = []
  const reports = createDotenvReports({
    steps: [{ workspace, dotenv: path }, { workspace }],
    mask: (text) => text.replaceAll('s3cr3t-value', '***'),
    tell: (line) => void told.push(line),
  })
  const file = join(workspace, path)
  const take = (from = workspace) => reports.take({ path: from, inside: workspace }, path, false)
  const taken = () => {
    reports.settle()
    assert.ok(lstatSync(file).isFile())
    return readFileSync(file, 'utf8')
  }
  return { workspace, told, reports, file, take, taken }
}

const evil = 'NODE_OPTIONS=--require=/evil.js\n'

test('what a later step writes is not what the CI takes, however it writes it', (t) => {
  const laters: readonly ((file: string, workspace: string) => void)[] = [
    (file) => writeFileSync(file, evil),
    (file, workspace) => {
      rmSync(file)
      writeFileSync(join(workspace, 'evil'), evil)
      symlinkSync('evil', file)
    },
    (file, workspace) => {
      rmSync(join(workspace, 'out'), { recursive: true })
      mkdirSync(join(workspace, 'other'))
      writeFileSync(join(workspace, 'other/build.env'), evil)
      symlinkSync('other', join(workspace, 'out'))
    },
    (file) => {
      rmSync(file)
      mkdirSync(join(file, 'full'), { recursive: true })
    },
    (file, workspace) => {
      writeFileSync(file, evil)
      chmodSync(join(workspace, 'out'), 0)
    },
    (file, workspace) => {
      writeFileSync(file, evil)
      chmodSync(workspace, 0o500)
    },
    (_file, workspace) => rmSync(join(workspace, 'out'), { recursive: true }),
  ]
  for (const [i, later] of laters.entries()) {
    const { workspace, file, take, taken, told } = job(t, 'out/build.env')
    mkdirSync(join(workspace, 'out'))
    writeFileSync(file, `A=1\nB=s3cr3t-value\n${evil}`)
    assert.equal(take().length, 1)
    assert.equal(readFileSync(file, 'utf8'), 'A=1\nB=***\n')
    later(file, workspace)
    assert.equal(taken(), 'A=1\nB=***\n', `later ${i}`)
    assert.match(told.join(), /out\/build.env was written by a step that does not name it/)
  }
})

test('a file that only other steps wrote is checked as well; one that nobody wrote is not made', (t) => {
  const unchecked = job(t)
  writeFileSync(unchecked.file, `A=1\n${evil}`)
  assert.equal(unchecked.taken(), 'A=1\n')
  const afterwards = job(t)
  assert.deepEqual(afterwards.take(), [])
  writeFileSync(afterwards.file, evil)
  assert.equal(afterwards.taken(), '')
  const none = job(t)
  none.take()
  none.reports.settle()
  assert.ok(!existsSync(none.file))
})

test('the file of a step with a workspace of its own goes to the job’s', (t) => {
  const { take, taken } = job(t, 'out/build.env')
  const own = temporaryFolder(t)
  mkdirSync(join(own, 'out'))
  writeFileSync(join(own, 'out/build.env'), `A=1\n${evil}`)
  assert.equal(take(own).length, 1)
  assert.equal(taken(), 'A=1\n')
})

test('a link of a step in the place of its file, or on the way, is not followed', (t) => {
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'build.env'), evil)
  const file = job(t)
  symlinkSync(join(outside, 'build.env'), file.file)
  assert.match(file.take().join(), /it is empty now/)
  assert.equal(file.taken(), '')
  const folder = job(t, 'out/build.env')
  symlinkSync(outside, join(folder.workspace, 'out'))
  folder.take()
  assert.equal(folder.taken(), '')
  assert.equal(readFileSync(join(outside, 'build.env'), 'utf8'), evil)
})
