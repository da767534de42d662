import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment } from './environment.ts'
import { configError, formatProblem, readPipeline, type PlannedStep } from './index.ts'

function problemsOf(text: string): string[] {
  const read = readPipeline(text, 'p.yaml')
  return read.ok ? [] : read.problems.map(formatProblem)
}

function planOf(text: string): readonly PlannedStep[] {
  const read = readPipeline(text, 'p.yaml')
  assert.ok(read.ok, read.ok ? '' : read.problems.map(formatProblem).join('\n'))
  return read.pipeline.steps
}

test('a pipeline, with its defaults', () => {
  const [planned, ...others] = planOf('steps:\n  - { name: Unit tests, role: build, run: npm test }\n')
  assert.ok(planned)
  assert.deepEqual(others, [])
  const { condition: _, ...rest } = planned
  assert.deepEqual(rest, {
    name: 'Unit tests',
    writtenName: 'Unit tests',
    role: 'build',
    run: 'npm test',
    env: {},
    passEnv: [],
    isolation: 'namespace',
    image: undefined,
    lockfile: 'package-lock.json',
    dotenv: undefined,
    attestations: undefined,
    continueOnError: false,
    needs: [],
    isConditional: false,
    takesFrom: [],
    values: [],
    matrix: {},
    timeoutSeconds: undefined,
    retries: { count: 0, on: undefined },
    outputs: [],
    artifacts: [],
    workspace: undefined,
    checkout: undefined,
    cache: [],
    services: [],
    tools: [],
  })
})

test('what a step does not say is in defaults; its own word goes before, and variables are merged', () => {
  const [a, b] = planOf(`
env: { A: all, B: all }
defaults: { role: build, timeout: 10m, retries: 2, isolation: none, pass_env: [X] }
steps:
  - { name: a, run: x, env: { B: own } }
  - { name: b, run: x, role: other, timeout: 5s, retries: { count: 1, on: [75, infrastructure] }, pass_env: [] }
`)
  assert.deepEqual(
    [a?.role, a?.timeoutSeconds, a?.retries, a?.isolation, a?.passEnv, a?.env],
    ['build', 600, { count: 2, on: undefined }, 'none', ['X'], { A: 'all', B: 'own' }],
  )
  assert.deepEqual(
    [b?.role, b?.timeoutSeconds, b?.retries, b?.isolation, b?.passEnv, b?.env],
    ['other', 5, { count: 1, on: [75, 'infrastructure'] }, 'none', [], { A: 'all', B: 'all' }],
  )
})

const needs = (text: string) => Object.fromEntries(planOf(text).map((one) => [one.name, one.needs]))

test('needs left out is the step above, so that a file runs from top to bottom; what is needed comes first', () => {
  const of = (name: string, more = '') => `  - { name: ${name}, role: b, run: x${more} }\n`
  assert.deepEqual(needs(`steps:\n${of('a')}${of('b')}${of('c')}`), { a: [], b: ['a'], c: ['b'] })
  const mixed = `steps:\n${of('z', ', needs: [m, b]')}${of('b', ', needs: []')}${of('m')}`
  assert.deepEqual(needs(mixed), { z: ['m', 'b'], b: [], m: ['b'] })
  assert.deepEqual(
    planOf(mixed).map(({ name }) => name),
    ['b', 'm', 'z'],
  )
})

test('a matrix: each combination is a step with its values as variables; who needs it needs all of them', () => {
  const steps = planOf(`
steps:
  - name: test
    role: b
    run: x
    matrix:
      node: [20, 22]
      os: [a, b]
      exclude: [{ node: 20, os: b }]
      include: [{ node: 24, os: a, extra: true }]
  - { name: after, role: b, run: x }
`)
  assert.deepEqual(
    steps.map(({ name }) => name),
    [
      'test (node=20, os=a)',
      'test (node=22, os=a)',
      'test (node=22, os=b)',
      'test (node=24, os=a, extra=true)',
      'after',
    ],
  )
  assert.deepEqual(steps[3]?.env, { MATRIX_NODE: '24', MATRIX_OS: 'a', MATRIX_EXTRA: 'true' })
  assert.equal(steps[0]?.run, 'x')
  assert.equal(steps[4]?.needs.length, 4)
})

const step = (more: string) => `steps:\n  - { name: a, role: b, run: x, ${more} }\n`

const mistakes: readonly (readonly [string, string, RegExp])[] = [
  ['no steps', 'steps: []\n', /^p\.yaml:1:1: steps: a pipeline needs at least one step/],
  ['steps left out', '{}\n', /^p\.yaml:1:1: steps: is required/],
  [
    'two steps of one name',
    'steps:\n  - { name: a, role: b, run: x }\n  - { name: a, role: b, run: y }\n',
    /^p\.yaml:3:7: two steps have the same name, "a"/,
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
  ['no role', 'steps:\n  - { name: a, run: x }\n', /^p\.yaml:2:5: steps\.0\.role: is required, here or in/],
  ['a step that is not there', step('needs: [b]'), /^p\.yaml:2:41: there is no step "b": known are a/],
  [
    'a misspelt step',
    'steps:\n  - { name: build, role: b, run: x }\n  - { name: t, role: b, run: y, needs: [biuld] }\n',
    /^p\.yaml:3:41: there is no step "biuld": did you mean "build"\?/,
  ],
  [
    'a step needed twice',
    'steps:\n  - { name: a, role: b, run: x }\n  - { name: c, role: b, run: y, needs: [a, a] }\n',
    /^p\.yaml:3:44: "a" is there twice/,
  ],
  ['a step that needs itself', step('needs: [a]'), /^p\.yaml:2:41: a circle: a needs a/],
  [
    'a circle, of which one part is the order of the file',
    'steps:\n  - { name: a, role: b, run: x, needs: [c] }\n  - { name: b, role: b, run: y }\n  - { name: c, role: b, run: y }\n',
    /^p\.yaml:2:41: a circle: a needs c needs b needs a/,
  ],
  [
    'a condition with a mistake',
    step("if: 'success() && failure()'"),
    /^p\.yaml:2:33: steps\.0\.if: at character 11: `&&` is not understood: write `and`/,
  ],
  [
    'a condition on an output of a step that is not needed',
    step('if: outputs.z.version == "1"'),
    /^p\.yaml:2:33: steps\.0\.if: "z" is no step whose outputs this one has/,
  ],
  [
    'a condition on an output that is not declared',
    'steps:\n  - { name: a, role: b, run: x, outputs: [v] }\n  - { name: c, role: b, run: y, if: outputs.a.w == "1" }\n',
    /^p\.yaml:3:33: steps\.1\.if: step "a" has no output "w"/,
  ],
  [
    'two outputs of one variable',
    'steps:\n  - { name: a b, role: b, run: x, outputs: [v] }\n  - { name: a-b, role: b, run: x, outputs: [v] }\n  - { name: c, role: b, run: y, needs: [a b, a-b] }\n',
    /^p\.yaml:4:5: a b\.v and a-b\.v would both be the variable NEEDS_A_B_V/,
  ],
  [
    'a matrix value for a shell',
    step('matrix: { a: ["$(id)"] }'),
    /^p\.yaml:2:\d+: steps\.0\.matrix\.a\.0: letters/,
  ],
  [
    'a matrix value with a dot',
    step('matrix: { a: [3.10] }'),
    /^p\.yaml:2:47: .*put quotes around the number: "3\.10"/,
  ],
  ['a matrix with no combination', step('matrix: { a: [1], exclude: [{ a: 1 }] }'), /no combination is left/],
  ['a combination twice', step('matrix: { a: [1, "1"] }'), /"a \(a=1\)" is there twice/],
  ['a name of a list in capitals', step('matrix: { A: [1] }'), /"A" cannot be the name of a list/],
  [
    'a matrix with 10^9 combinations',
    step(
      `matrix: { ${'abcdefghi'
        .split('')
        .map((c) => `${c}: [0,1,2,3,4,5,6,7,8,9]`)
        .join(', ')} }`,
    ),
    /more than 200 steps, all combinations counted/,
  ],
  ['outputs of a matrix', step('matrix: { a: [1] }, outputs: [v]'), /a step with a matrix has no outputs/],
  [
    'attestations of a matrix',
    step('matrix: { a: [1] }, attestations: out'),
    /a step with a matrix writes no/,
  ],
  [
    'attestations in a .git',
    step('attestations: a/.GIT/x'),
    /steps\.0\.attestations: nothing is written to a/,
  ],
  [
    'attestations outside',
    step('attestations: ../out'),
    /steps\.0\.attestations: a path inside the workspace/,
  ],
  [
    'attestations of two steps in one folder',
    'steps:\n  - { name: a, role: b, run: c, attestations: out/x }\n  - { name: d, role: b, run: c, attestations: ./out//x/ }\n',
    /step "a" writes its own there: name another folder/,
  ],
  ['a timeout of two days', step('timeout: 48h'), /steps\.0\.timeout: at most 24h/],
  ['a timeout without its unit', step('timeout: 90'), /steps\.0\.timeout: say the unit: 90s, or with m or h/],
  ['a timeout with a half', step('timeout: 1.5'), /steps\.0\.timeout: a duration such as 90s/],
  ['a script with NUL', 'steps:\n  - { name: a, role: b, run: "x\\0y" }\n', /steps\.0\.run: has a NUL/],
  ['a variable with NUL', step(String.raw`env: { A: "x\0y" }`), /steps\.0\.env\.A: has a NUL/],
  [
    'a variable that is too long',
    step(`env: { A: ${'x'.repeat(130_001)} }`),
    /env\.A: more than 130,000 bytes/,
  ],
  [
    'a file of 20,000 levels',
    `steps: ${'['.repeat(20_000)}`,
    /^p\.yaml:1:\d+: lists or names are nested too deeply/,
  ],
  ['a file of 600 levels', `steps: ${'['.repeat(600)}${']'.repeat(600)}`, /^p\.yaml:1:\d+: /],
  ['a file of 9,000 closed levels', `steps: ${'['.repeat(9_000)}${']'.repeat(9_000)}`, /nested too deeply/],
  ['eleven retries', step('retries: 11'), /steps\.0\.retries/],
  ['a retry on success', step('retries: { count: 1, on: [0] }'), /steps\.0\.retries\.on\.0/],
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

test('an image is for a step that podman or docker isolates, and such a step needs one', () => {
  const problems = (step: string) => {
    const read = readPipeline(`steps:\n  - { name: a, role: b, run: c, ${step} }\n`, 'p.yaml')
    return read.ok ? [] : read.problems.map(({ message }) => message)
  }
  assert.deepEqual(problems('isolation: podman, image: localhost/build:1'), [])
  assert.match(problems('isolation: docker')[0] ?? '', /image: is required for isolation: docker/)
  assert.match(problems('image: x')[0] ?? '', /image: is for isolation: podman or docker/)
  for (const image of ['-v', '"a b"', '"a,b"', '""', '"--privileged"'])
    assert.match(
      problems(`isolation: podman, image: ${image}`)[0] ?? '',
      /must be the name of an image/,
      image,
    )
})

test('what other CIs write otherwise is refused with the way to write it here', () => {
  const step = (more: string) =>
    problemsOf(`steps:\n  - { name: a, role: r, run: x }\n  - ${more}\n`).join('\n')
  assert.match(step('{ name: b, role: r, run: x, needs: a }'), /a list of steps is wanted: needs: \[NAME\]/)
  const braces = '{ name: b, role: r, run: x, if: "${{ github.ref == \'refs/heads/main\' }}" }'
  assert.match(step(braces), /written without \$\{\{ \}\}.*job\.ref/)
  const script = (line: string) => step(`{ name: b, role: r, run: "${line}\\nprint(1)" }`)
  for (const line of ['#!/usr/bin/env python3', '#!/usr/bin/perl -w'])
    assert.match(script(line), /run by bash, whatever its first line says/)
  for (const line of ['#!/bin/bash', '#!/usr/bin/env -S bash -eu', '#!/bin/sh -e', '# comment'])
    assert.equal(script(line), '')
})
