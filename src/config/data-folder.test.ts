import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { chooseDataFolder, standardDataFolder } from './data-folder.ts'
import { readEnvironment } from './environment.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mayfly data-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const choose = (more: Partial<Parameters<typeof chooseDataFolder>[0]> = {}) =>
  chooseDataFolder({
    option: undefined,
    variable: undefined,
    standard: join(folder, 'state/mayfly'),
    current: folder,
    ...more,
  })

function makeData(path: string): void {
  mkdirSync(join(path, 'keys'), { recursive: true })
  writeFileSync(join(path, 'keys/vault.key'), '')
}

test('the standard place: the user’s state folder, /var/lib for root, what systemd made; never a relative one', () => {
  const home = { HOME: '/home/anna' }
  const cases: [Record<string, string>, number, string | undefined][] = [
    [home, 1000, '/home/anna/.local/state/mayfly'],
    [{ ...home, XDG_STATE_HOME: '/state' }, 1000, '/state/mayfly'],
    [{ ...home, XDG_STATE_HOME: '' }, 1000, '/home/anna/.local/state/mayfly'],
    [{ ...home, XDG_STATE_HOME: 'state' }, 1000, '/home/anna/.local/state/mayfly'],
    [{ ...home, XDG_STATE_HOME: '/state' }, 0, '/var/lib/mayfly'],
    [{ HOME: '' }, 1000, undefined],
    [{ HOME: 'here' }, 1000, undefined],
    [{ STATE_DIRECTORY: '/var/lib/mayfly' }, 999, '/var/lib/mayfly'],
    [{ STATE_DIRECTORY: '/var/lib/other:/srv/mayfly' }, 0, '/srv/mayfly'],
    // Of the CI agent that started us.
    [{ ...home, STATE_DIRECTORY: '/var/lib/gitlab-runner' }, 1000, '/home/anna/.local/state/mayfly'],
  ]
  for (const [env, uid, expected] of cases)
    assert.equal(standardDataFolder(env, uid), expected, JSON.stringify(env))
})

test('what is named goes before the standard place; without a home something must be', () => {
  assert.equal(choose({ option: 'a', variable: 'b' }), 'a')
  assert.equal(choose({ variable: 'b' }), 'b')
  assert.equal(choose(), join(folder, 'state/mayfly'))
  assert.throws(() => choose({ standard: undefined }), /there is no home .*--data FOLDER/)
  assert.equal(choose({ standard: undefined, option: 'a' }), 'a')
})

test('data from before is named, with a command that moves it; no second server starts empty beside it', () => {
  const former = join(folder, 'mayfly-data')
  mkdirSync(former)
  assert.equal(choose(), join(folder, 'state/mayfly'), 'a folder that only has the name is nobody’s data')
  makeData(former)
  assert.throws(
    () => choose(),
    (error) => {
      assert.ok(error instanceof MayflyError)
      assert.equal(error.code, 'data_folder')
      const [, command = ''] = /: (mkdir .*?) \(or /.exec(error.message) ?? []
      execFileSync('sh', ['-c', command])
      return true
    },
  )
  assert.equal(choose(), join(folder, 'state/mayfly'))
  assert.ok(existsSync(join(folder, 'state/mayfly/keys/vault.key')))
})

test('where both have data, the standard place is it', () => {
  makeData(join(folder, 'mayfly-data'))
  makeData(join(folder, 'state/mayfly'))
  assert.equal(choose(), join(folder, 'state/mayfly'))
})

test('a variable that is set to nothing is not set', () => {
  const names = ['MAYFLY_SERVER', 'MAYFLY_TOKEN', 'MAYFLY_DATA', 'MAYFLY_AUDIENCE', 'npm_config_registry']
  const empty = readEnvironment({ HOME: '/h', ...Object.fromEntries(names.map((name) => [name, ''])) })
  const { server, apiToken, dataFolder, audience, npm } = empty
  assert.deepEqual(
    { server, apiToken, dataFolder, audience, registry: npm.registry },
    {
      server: undefined,
      apiToken: undefined,
      dataFolder: undefined,
      audience: undefined,
      registry: undefined,
    },
  )
})

test('nothing, and the whole machine, are no data folders', () => {
  for (const option of ['', '/', '/tmp/..'])
    assert.throws(
      () => chooseDataFolder({ option, variable: undefined, standard: undefined, current: '/' }),
      /is no place for data: name a folder of its own/,
    )
})
