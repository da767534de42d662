import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment } from './environment.ts'
import { configError, formatProblem, parseConfig, pipelineSchema } from './index.ts'

function problemsOf(text: string): string[] {
  const parsed = parseConfig(text, 'p.yaml', pipelineSchema)
  return parsed.ok ? [] : parsed.problems.map(formatProblem)
}

test('a pipeline, with its defaults', () => {
  const parsed = parseConfig(
    'steps:\n  - { name: Unit tests, role: build, run: npm test }\n',
    'p.yaml',
    pipelineSchema,
  )
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.value.steps, [
    {
      name: 'Unit tests',
      role: 'build',
      run: 'npm test',
      env: {},
      pass_env: [],
      isolation: 'namespace',
      lockfile: 'package-lock.json',
      continue_on_error: false,
    },
  ])
})

const step = (more: string) => `steps:\n  - { name: a, role: b, run: x, ${more} }\n`

const mistakes: readonly (readonly [string, string, RegExp])[] = [
  ['no steps', 'steps: []\n', /^p\.yaml:1:1: steps: a pipeline needs at least one step/],
  ['steps left out', '{}\n', /^p\.yaml:1:1: steps: is required/],
  [
    'two steps of one name',
    'steps:\n  - { name: a, role: b, run: x }\n  - { name: a, role: b, run: y }\n',
    /steps: two steps have the same name/,
  ],
  [
    '201 steps',
    `steps:\n${Array.from({ length: 201 }, (_, i) => `  - { name: s${i}, role: b, run: x }\n`).join('')}`,
    /^p\.yaml:1:1: steps: /,
  ],
  [
    'a misspelt key',
    step('isolaton: none'),
    /^p\.yaml:2:33: unknown key "isolaton" in steps\.0: did you mean "isolation"\?/,
  ],
  ['no command', 'steps:\n  - { name: a, role: b, run: "" }\n', /^p\.yaml:2:\d+: steps\.0\.run: /],
  [
    'a name with a slash',
    'steps:\n  - { name: a/b, role: b, run: x }\n',
    /^p\.yaml:2:7: steps\.0\.name: letters, digits/,
  ],
  [
    'a name over 64',
    `steps:\n  - { name: ${'a'.repeat(65)}, role: b, run: x }\n`,
    /^p\.yaml:2:7: steps\.0\.name: /,
  ],
  [
    'a number as a variable',
    step('env: { A: 1 }'),
    /^p\.yaml:2:40: steps\.0\.env\.A: put quotes around the number: "1"/,
  ],
  ['no name of a variable', step('env: { "A=B": x }'), /^p\.yaml:2:40: steps\.0\.env\.A=B: /],
  ['no name of a variable to pass', step('pass_env: [A B]'), /^p\.yaml:2:44: steps\.0\.pass_env\.0: /],
  ['variable __proto__', step('env: { __proto__: x }'), /^p\.yaml:2:\d+: /],
  ['a lockfile outside', step('lockfile: ../x'), /steps\.0\.lockfile: a path inside the workspace/],
  [
    'a lockfile outside by a detour',
    step('lockfile: a/../../x'),
    /steps\.0\.lockfile: a path inside the workspace/,
  ],
  [
    'a lockfile outside after a line break',
    step(String.raw`lockfile: "a\n/../../x"`),
    /steps\.0\.lockfile: a path inside the workspace/,
  ],
  ['an absolute lockfile', step('lockfile: /etc/passwd'), /steps\.0\.lockfile: a path inside the workspace/],
  [
    'a lockfile with NUL',
    step(String.raw`lockfile: "a\0b"`),
    /steps\.0\.lockfile: a path inside the workspace/,
  ],
]
for (const [what, text, expected] of mistakes) {
  test(`refused: ${what}`, () => {
    const problems = problemsOf(text)
    assert.equal(problems.length, 1, problems.join('\n') || 'accepted')
    assert.match(problems[0] ?? '', expected)
  })
}

test('a lockfile name with dots is no way out', () => {
  for (const path of ['a..b/x', '..a', 'sub/...', 'a/..b'])
    assert.deepEqual(problemsOf(step(`lockfile: ${path}`)), [], path)
})

test('configError holds every problem, one per line', () => {
  const at = { file: 'f', line: 1, column: 2 }
  const error = configError([
    { ...at, message: 'one' },
    { ...at, line: 3, message: 'two' },
  ])
  assert.equal(error.code, 'config_invalid')
  assert.equal(error.message, 'f:1:2: one\nf:3:2: two')
})

test('readEnvironment: what is set, and nothing made up', () => {
  const { identitySource, ...empty } = readEnvironment({}, 1000)
  assert.equal(identitySource.kind, 'none')
  assert.deepEqual(empty, {
    server: undefined,
    apiToken: undefined,
    configFolder: undefined,
    cacheFolder: undefined,
    dataFolder: undefined,
    standardDataFolder: undefined,
    audience: undefined,
    caFile: undefined,
    npm: { registry: undefined, cafile: undefined },
    variables: {},
  })
  const full = readEnvironment({
    MAYFLY_SERVER: 'https://mayfly.example.com',
    MAYFLY_TOKEN: 't',
    MAYFLY_DATA: '/data',
    MAYFLY_AUDIENCE: 'a',
    MAYFLY_ID_TOKEN: 'j',
    npm_config_registry: 'https://r',
    npm_config_cafile: '/ca',
    GONE: undefined,
  })
  assert.equal(full.server, 'https://mayfly.example.com')
  assert.equal(readEnvironment({ HOME: '/home/a' }).configFolder, '/home/a/.config/mayfly')
  assert.equal(readEnvironment({ HOME: '/home/a', XDG_CONFIG_HOME: '/c' }).configFolder, '/c/mayfly')
  assert.equal(
    readEnvironment({ HOME: '/home/a', XDG_CONFIG_HOME: 'c' }).configFolder,
    '/home/a/.config/mayfly',
  )
  assert.equal(full.apiToken, 't')
  assert.equal(full.dataFolder, '/data')
  assert.equal(full.audience, 'a')
  assert.deepEqual(full.identitySource, { kind: 'variable', name: 'MAYFLY_ID_TOKEN', token: 'j' })
  assert.deepEqual(full.npm, { registry: 'https://r', cafile: '/ca' })
  assert.equal(Object.keys(full.variables).length, 7)
})
