import assert from 'node:assert/strict'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readEnvironment } from '../../config/environment.ts'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { allowedTools, allowedWorkspace } from './allowed.ts'

const project = fileURLToPath(new URL('../../..', import.meta.url))
const plain = readEnvironment({ HOME: '/nonexistent/home' })
const refused = (path: string, why: RegExp, environment = plain) =>
  assert.throws(() => allowedWorkspace(path, environment), { code: 'bad_input', message: why }, path)

test('a folder of the job’s own is a workspace, by its name without links', (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'work'))
  symlinkSync(join(folder, 'work'), join(folder, 'link'))
  const environment = readEnvironment({ HOME: folder, MAYFLY_DATA: join(folder, 'data') })
  assert.equal(allowedWorkspace(join(folder, 'link'), environment), join(folder, 'work'))
  assert.throws(() => allowedWorkspace(join(folder, 'none'), environment), /is no folder/)
})

test('neither the system nor a home nor what holds one is a workspace', (t) => {
  for (const path of ['/', '/etc', '/usr', '/proc/self', '/etc/ssl', '/var'])
    refused(path, /belongs to the system/)
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'home/me/.ssh/keys'), { recursive: true })
  const environment = readEnvironment({ HOME: join(folder, 'home/me') })
  for (const path of ['home/me', 'home', ''])
    refused(join(folder, path), /(?:is|holds) a home .*: run in a folder of the job’s own/, environment)
  symlinkSync('home/me', join(folder, 'alias'))
  refused(join(folder, 'alias'), /is a home/, environment)
  // HOME may be set to something else; the user has another one all the same.
  if (homedir() !== '/' && existsSync(homedir())) refused(homedir(), /is a home|belongs to the system/)
  refused(join(folder, 'home/me/.ssh/keys'), /credentials are kept in \.ssh/, environment)
})

test('Mayfly does not start from inside the workspace', (t) => {
  refused(project, /holds Mayfly’s own program|is Mayfly’s own program|data of mayfly up/)
  for (const part of ['src', 'node_modules']) refused(join(project, part), /Mayfly’s own program/)
  const above = dirname(dirname(process.execPath))
  assert.throws(() => allowedWorkspace(above, plain), { code: 'bad_input' })
  assert.equal(allowedTools(temporaryFolder(t), plain).startsWith('/'), true)
})

test('no workspace holds the data of mayfly up, lies in it or is it', (t) => {
  const folder = temporaryFolder(t)
  for (const path of ['ws/mayfly-data/keys', 'ws/mayfly-data/server/job', 'named/deep/down', 'state/mayfly'])
    mkdirSync(join(folder, path), { recursive: true })
  writeFileSync(join(folder, 'ws/mayfly-data/keys/vault.key'), 'key')
  const why = /data of mayfly up is in .* with the key of the vault/
  for (const path of ['ws', 'ws/mayfly-data', 'ws/mayfly-data/server/job']) refused(join(folder, path), why)
  const environment = readEnvironment(
    { HOME: '/nonexistent', MAYFLY_DATA: join(folder, 'named/deep'), XDG_STATE_HOME: join(folder, 'state') },
    1000,
  )
  for (const path of ['named', 'named/deep', 'named/deep/down', 'state', 'state/mayfly'])
    refused(join(folder, path), why, environment)
})

test('a folder of tools holds no credentials either', (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'me/.aws'), { recursive: true })
  mkdirSync(join(folder, 'data/keys'), { recursive: true })
  writeFileSync(join(folder, 'data/keys/vault.key'), 'key')
  const environment = readEnvironment({ HOME: join(folder, 'me') })
  for (const path of [
    '/',
    '/etc',
    folder,
    ...['me', 'me/.aws', 'data', 'data/keys'].map((name) => join(folder, name)),
  ])
    assert.throws(() => allowedTools(path, environment), { code: 'bad_input' }, path)
})
