import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { readEnvironment } from '../../config/environment.ts'
import { findTools } from './index.ts'

/** A home with these files, a job whose PATH has these folders of it, and what is found there. */
function found(
  t: TestContext,
  files: Record<string, string>,
  path: readonly string[],
  more: Record<string, string> = {},
) {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'mayfly-test-')))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(home, name, '..'), { recursive: true })
    writeFileSync(join(home, name), text)
  }
  mkdirSync(join(home, 'work/app'), { recursive: true })
  const at = (folder: string) => (folder.startsWith('/') ? folder : join(home, folder))
  const variables = Object.fromEntries(Object.entries(more).map(([name, folder]) => [name, at(folder)]))
  const environment = readEnvironment({ HOME: home, PATH: path.map(at).join(':'), ...variables }, 12_345)
  const tools = findTools(environment, join(home, 'work/app'))
  const inHome = (folder: string) => folder.replace(`${home}/`, '')
  return {
    home,
    folders: tools.folders.map(inHome),
    variables: Object.fromEntries(
      Object.entries(tools.variables).map(([name, folder]) => [name, inHome(folder)]),
    ),
    left: tools.left.map(({ folder, why }) => `${inHome(folder)}: ${why}`),
  }
}

test('tools of a home that are on the job’s PATH are found, with what they lead to', (t) => {
  const files = {
    '.cargo/bin/cargo': '',
    '.cargo/credentials.toml': '[registry]\ntoken = "cio0123456789"\n',
    '.rustup/settings.toml': '',
    '.nvm/versions/node/v22/bin/node': '',
    '.local/bin/poetry': '',
    '.local/pipx/venvs/poetry/bin/poetry': '',
    '.volta/bin/node': '',
    'go/bin/gopls': '',
    'go/src/secret-project/main.go': '',
    '.ssh/id_ed25519': '',
  }
  const { folders, variables, left } = found(t, files, [
    ...['.cargo/bin', '.nvm/versions/node/v22/bin', '.local/bin', 'go/bin', '/usr/bin'],
  ])
  assert.deepEqual(folders, ['.local/bin', '.local/pipx', '.cargo/bin', '.rustup', 'go/bin', '.nvm'])
  assert.deepEqual(variables, { RUSTUP_HOME: '.rustup', NVM_DIR: '.nvm' })
  assert.deepEqual(left, [])
})

test('a variable of the job says where a tool is; what the system has needs no showing', (t) => {
  const { folders, variables } = found(t, { 'jdk/bin/java': '', 'cache/node/22/bin/node': '' }, [], {
    JAVA_HOME: 'jdk',
    RUNNER_TOOL_CACHE: 'cache',
    GOROOT: '/usr/lib',
  })
  assert.deepEqual(folders, ['jdk', 'cache'])
  assert.equal(variables['JAVA_HOME'], 'jdk')
})

test('a folder of tools that holds a credential, a home or the workspace is not shown, and it is said why', (t) => {
  const files = {
    '.pyenv/shims/python': '',
    '.pyenv/.git/config': '[remote "origin"]\n\turl = https://user:ghp_0123456789abcdef@git.example.com/x\n',
    '.asdf/shims/node': '',
    '.asdf/.npmrc': '//registry.example.com/:_authToken=npm_0123456789abcdef\n',
    'sdk/bin/adb': '',
  }
  const { left, folders } = found(t, files, ['.pyenv/shims', '.asdf/shims'], {
    ANDROID_HOME: '.',
    JAVA_HOME: 'work',
  })
  assert.deepEqual(folders, [])
  assert.equal(left.length, 4)
  for (const [i, why] of [
    /credentials are in \.git\/config/,
    /credentials are in \.npmrc/,
    /the workspace/,
    /./,
  ].entries())
    assert.match(left[i] ?? '', why)
})

test('a link on PATH counts as what it leads to', (t) => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'mayfly-test-')))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  mkdirSync(join(home, '.deno/bin'), { recursive: true })
  symlinkSync(join(home, '.deno'), join(home, 'current'))
  const environment = readEnvironment({ HOME: home, PATH: join(home, 'current/bin') }, 12_345)
  assert.deepEqual(findTools(environment, '/nonexistent/work').folders, [join(home, '.deno/bin')])
})

test('a folder on PATH that is no known place of tools is left out, and told once with the reason', (t) => {
  const files = { 'bin/own': '', 'google-cloud-sdk/bin/gcloud': '', 'go/bin/gopls': '' }
  const path = ['bin', 'google-cloud-sdk/bin', 'bin', 'go/bin', 'work/app', '/usr/bin', 'not-there']
  const { folders, left } = found(t, files, path)
  assert.deepEqual(folders, ['go/bin'])
  assert.deepEqual(
    left.map((line) => line.replace(/: it is on PATH, and no place where tools are known to be put$/, '')),
    ['bin', 'google-cloud-sdk/bin'],
  )
})
