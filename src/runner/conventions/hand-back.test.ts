import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ciFilesOf } from './ci-files.ts'
import { checkDotenv } from './dotenv.ts'
import { handBack } from './hand-back.ts'
import { isStartupVariable } from '../../lib/index.ts'
import { readVariables } from './variables.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const mask = (text: string) => text.replaceAll('s3cr3t-value', '***')

/** A job on GitHub whose step wrote this to the file of that variable; what stands in the CI's file afterwards. */
function handed(t: TestContext, variable: string, written: string | undefined, startupAllowed = false) {
  const outside = join(folderOf(t), 'file')
  writeFileSync(outside, 'BEFORE=1\n')
  const files = ciFilesOf({ GITHUB_ACTIONS: 'true', [variable]: outside })
  const [file] = files
  assert.ok(file !== undefined)
  const back = handBack({
    files,
    written: new Map([[file.inside, written]]),
    startupAllowed,
    workspaceInside: '/work/app',
    mask,
  })
  return { ...back, text: readFileSync(outside, 'utf8') }
}

/** As GitHub reads its file. */
function read(text: string): Record<string, string> {
  const variables = readVariables(text, 'github')
  assert.ok(variables.ok)
  return Object.fromEntries(variables.variables.map(({ name, value }) => [name, value]))
}

test('variables of a step arrive in the CI’s file as they are, whatever stands in their values', (t) => {
  const { text, refused, isWhole } = handed(
    t,
    'GITHUB_ENV',
    'VERSION=1.2.3\nNOTES<<END\nfirst\nLD_PRELOAD=/tmp/x\nEND\nEMPTY=\nEQUALS=a=b\n',
  )
  assert.deepEqual(refused, [])
  const expected = { VERSION: '1.2.3', NOTES: 'first\nLD_PRELOAD=/tmp/x', EMPTY: '', EQUALS: 'a=b' }
  assert.deepEqual(read(text), { BEFORE: '1', ...expected })
  assert.ok(isWhole)
})

test('a variable that changes how later programs start is refused by name, the others go on; a role may allow it', (t) => {
  const written =
    'A=1\nLD_PRELOAD=/work/app/x.so\nNODE_OPTIONS=--require ./x.js\nbash_env=x\nGITHUB_TOKEN=x\nB=2\n'
  const { text, refused } = handed(t, 'GITHUB_ENV', written)
  assert.deepEqual(read(text), { BEFORE: '1', A: '1', B: '2' })
  assert.equal(refused.length, 4)
  assert.match(
    refused[0] ?? '',
    /^\$GITHUB_ENV: LD_PRELOAD was not handed on, .*allow: \[startup-variables\]$/,
  )
  const allowed = handed(t, 'GITHUB_ENV', written, true)
  assert.equal(read(allowed.text)['LD_PRELOAD'], '/work/app/x.so')
})

test('names that run something are known, and ordinary ones are not taken for such', () => {
  for (const name of [
    ...[
      'PATH',
      'LD_LIBRARY_PATH',
      'NODE_OPTIONS',
      'PYTHONPATH',
      'PERL5OPT',
      'RUBYOPT',
      'GIT_SSH_COMMAND',
      'JAVA_TOOL_OPTIONS',
    ],
    ...[
      '_JAVA_OPTIONS',
      'BASH_FUNC_ls%%',
      'GOFLAGS',
      'RUSTC_WRAPPER',
      'CARGO_HOME',
      'CC',
      'CFLAGS',
      'HTTPS_PROXY',
      'SSL_CERT_FILE',
    ],
    ...[
      'DOTNET_STARTUP_HOOKS',
      'KUBECONFIG',
      'AWS_PROFILE',
      'npm_config_registry',
      'GITHUB_WORKSPACE',
      'MAYFLY_SERVER',
      'HOME',
    ],
  ])
    assert.ok(isStartupVariable(name), name)
  for (const name of [
    ...[
      'VERSION',
      'APP_VERSION',
      'IMAGE_TAG',
      'DOCKER_TAG',
      'BUILD_NUMBER',
      'NODE_ENV',
      'NODE_ENVIRONMENT_X',
      'DEPLOY_ENV',
      'TF_VAR_region',
    ],
    ...[
      'AWS_REGION',
      'PYTHON_VERSION',
      'RUBY_VERSION',
      'GOOS',
      'PHP_VERSION',
      'COMMIT',
      'RELEASE_NOTES',
      'HOST_NAME',
      'MANIFEST_URL',
      'PROJECT_ROOT',
      'IMAGE_FRONTEND',
      'ZIP_CODE',
      'CHANGED',
    ],
  ])
    assert.equal(isStartupVariable(name), name === 'NODE_ENVIRONMENT_X', name)
})

test('variables that programs read their options, configuration or helpers from are refused by what they are called', () => {
  const names =
    'TAR_OPTIONS JAVACMD APT_CONFIG RIPGREP_CONFIG_PATH AWKPATH COMPOSE_FILE CHROME_BIN M4 HGRCPATH SVN_SSH TS_NODE_PROJECT VIMINIT HOSTCC REGISTRY_AUTH_FILE GH_HOST PGSERVICEFILE MY_TOOL_OPTS SOME_PLUGIN X_COMMAND FOO_WRAPPER ZIPOPT PYTEST_ADDOPTS DEBIAN_FRONTEND RSYNC_CONNECT_PROG CC_x86_64_unknown_linux_gnu HOST_CC NIX_SSHOPTS MANOPT PYLINTRC TEXMFCNF MPLBACKEND npm_execpath CYPRESS_RUN_BINARY HARNESS_PERL OPAMFETCH QEMU_SET_ENV PYENV_ROOT LESSOPEN MANPAGER'
  for (const name of names.split(' ')) assert.ok(isStartupVariable(name), name)
})

test('a file that is malformed, too long, or holds what is no name: nothing of it, or nothing of that', (t) => {
  for (const [written, why] of [
    ['A=1\njust words\n', /line 2 is not NAME=VALUE/],
    ['A<<END\nno end\n', /line 1/],
    [undefined, /more than 1 MiB/],
  ] as const) {
    const { text, refused, isWhole } = handed(t, 'GITHUB_ENV', written)
    assert.equal(isWhole, false)
    assert.equal(text, 'BEFORE=1\n')
    assert.match(refused.join(), why)
  }
  const { text, refused } = handed(t, 'GITHUB_ENV', 'A B=1\nC=2\nD=x\0y\n')
  assert.deepEqual(read(text), { BEFORE: '1', C: '2' })
  assert.equal(refused.length, 2)
})

test('folders for PATH: only of the workspace, and only where the role says so', (t) => {
  const written = '/work/app/bin\n/tmp/x\n../bin\n/work/app/../../etc\n/work/application\n/a:/work/app\n'
  assert.equal(handed(t, 'GITHUB_PATH', written).text, 'BEFORE=1\n')
  const { text, refused } = handed(t, 'GITHUB_PATH', written, true)
  assert.equal(text, 'BEFORE=1\n/work/app/bin\n')
  assert.equal(refused.length, 5)
})

test('outputs, state and summaries are masked', (t) => {
  assert.equal(read(handed(t, 'GITHUB_OUTPUT', 'my-key=x s3cr3t-value\n').text)['my-key'], 'x ***')
  assert.equal(handed(t, 'GITHUB_STEP_SUMMARY', '# s3cr3t-value\n').text, 'BEFORE=1\n# ***\n')
})

test('the CI’s file is not followed where a link stands in its place, and its absence is told', (t) => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'target'), '')
  symlinkSync(join(folder, 'target'), join(folder, 'link'))
  for (const name of ['link', 'missing']) {
    const files = ciFilesOf({ GITHUB_ACTIONS: 'true', GITHUB_ENV: join(folder, name) })
    const written = new Map([['/run/mayfly/ci/github_env', 'A=1\n']])
    const { refused } = handBack({ files, written, startupAllowed: false, workspaceInside: '/w', mask })
    assert.match(refused.join(), /cannot be written/)
  }
  assert.equal(readFileSync(join(folder, 'target'), 'utf8'), '')
})

test('what goes on as a line of a shell is what was said, and nothing of it runs', (t) => {
  const outside = join(folderOf(t), 'bash_env')
  writeFileSync(outside, '')
  const files = ciFilesOf({ CIRCLECI: 'true', BASH_ENV: outside })
  const take = (written: string) =>
    handBack({
      files,
      written: new Map([['/run/mayfly/ci/bash_env', written]]),
      startupAllowed: false,
      workspaceInside: '/w',
      mask,
    })
  assert.deepEqual(take(`export A='it is'\nexport B="two \\"words\\""\nC=plain-1.0\n`).refused, [])
  for (const line of ['export D=$(id)', 'export D="`id`"', 'rm -rf x', 'export D=a;id'])
    assert.match(take(`${line}\n`).refused.join(), /is not NAME=VALUE/, line)
  const script = `. "${outside}"; printf '%s|' "$A" "$B" "$C" "$D"`
  assert.equal(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }), `it is|two "words"|plain-1.0||`)
})

test('a dotenv file keeps what may go on', () => {
  const check = (text: string | undefined) => checkDotenv(text, { startupAllowed: false, mask })
  const { text, refused } = check('A=1\nLD_PRELOAD=/x\nB=s3cr3t-value\nwhat\n')
  assert.deepEqual([text, refused.length], ['A=1\nB=***\n', 2])
  assert.deepEqual(check('A=1\n'), { text: 'A=1\n', refused: [] })
  assert.equal(check(undefined).text, '')
  assert.match(check(undefined).refused.join(), /it is empty now/)
  for (const line of ['PATH\0=/evil', '\0PATH=/evil', 'A=\0', 'P\u200bATH=/evil', '\ufeffPATH=/evil', '\0']) {
    const checked = check(`OK=1\n${line}\n`)
    assert.deepEqual([checked.text, checked.refused.length], ['OK=1\n', 1], JSON.stringify(line))
  }
})
