import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePattern } from '../../lib/index.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { applyEdits } from './edits.ts'
import { migrateFile, migrateFiles } from './migrate.ts'
import type { MovedRole, Project } from './model.ts'

/*
 * Roles never trust a run by which their job does not run. Which runs these are is said here a second time, beside each text, as a
 * function: it shares nothing with the reading of conditions.
 */

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: '1' },
  packages: {},
  pins: new Map(),
}

interface Run {
  readonly event: string
  readonly ref: string
  /** Of what no token says: both are tried. */
  readonly other: boolean
}

type Runs = (run: Run) => boolean

const branch = ({ ref }: Run) => (ref.startsWith('refs/heads/') ? ref.slice(11) : undefined)
const tag = ({ ref }: Run) => (ref.startsWith('refs/tags/') ? ref.slice(10) : undefined)

/** What starts the workflow, by GitHub's own words on `on`. */
const starts: Readonly<Record<string, Runs>> = {
  push: ({ event }) => event === 'push',
  '[push, pull_request]': ({ event }) => event === 'push' || event === 'pull_request',
  '{ push: { branches: [main] } }': (run) => run.event === 'push' && branch(run) === 'main',
  '{ push: { branches-ignore: [main] } }': (run) =>
    run.event === 'push' && branch(run) !== undefined && branch(run) !== 'main',
  '{ push: { branches-ignore: ["wip/**"] } }': (run) =>
    run.event === 'push' && branch(run)?.startsWith('wip/') === false,
  '{ push: { branches: ["**", "!main"] } }': (run) =>
    run.event === 'push' && branch(run) !== undefined && branch(run) !== 'main',
  '{ push: { branches: [main, "!wip/**"], tags: ["v**"] } }': (run) =>
    run.event === 'push' && (branch(run) === 'main' || tag(run)?.startsWith('v') === true),
  '{ push: { tags: ["v**", "!v**-rc**"] } }': (run) =>
    run.event === 'push' && tag(run)?.startsWith('v') === true && !tag(run)?.includes('-rc'),
  '{ push: { tags-ignore: ["v2**"] } }': (run) =>
    run.event === 'push' && tag(run)?.startsWith('v2') === false,
  '{ push: { tags: [v1] }, workflow_dispatch: }': (run) =>
    (run.event === 'push' && tag(run) === 'v1') ||
    (run.event === 'workflow_dispatch' && !run.ref.startsWith('refs/pull/')),
  '{ schedule: [{ cron: "1 1 * * 1" }], release: }': (run) =>
    (run.event === 'schedule' && branch(run) === 'main') ||
    (run.event === 'release' && tag(run) !== undefined),
  '{ create: , push: { branches: [main] } }': (run) =>
    run.event === 'create' || (run.event === 'push' && branch(run) === 'main'),
  '{ push: { branches: [main, "release/**"] }, workflow_dispatch: , pull_request_target: }': (run) =>
    (run.event === 'push' && (branch(run) === 'main' || branch(run)?.startsWith('release/') === true)) ||
    (run.event === 'workflow_dispatch' && !run.ref.startsWith('refs/pull/')) ||
    run.event === 'pull_request_target',
}

const conditions: Readonly<Record<string, Runs>> = {
  "github.event_name == 'workflow_dispatch'": ({ event }) => event === 'workflow_dispatch',
  "github.event_name != 'push'": ({ event }) => event !== 'push',
  "'push' == github.event_name": ({ event }) => event === 'push',
  "startsWith(github.ref, 'refs/tags/v') == false": ({ ref }) => !ref.startsWith('refs/tags/v'),
  "startsWith(github.ref, 'refs/tags/v') != false": ({ ref }) => ref.startsWith('refs/tags/v'),
  "!startsWith(github.ref, 'refs/tags/')": ({ ref }) => !ref.startsWith('refs/tags/'),
  "${{ !contains(github.ref, 'rc') && github.ref_type == 'tag' }}": (run) =>
    !run.ref.includes('rc') && tag(run) !== undefined,
  "github.ref == 'refs/heads/main' || startsWith(github.ref, 'refs/tags/v')": ({ ref }) =>
    ref === 'refs/heads/main' || ref.startsWith('refs/tags/v'),
  "github.ref != 'refs/heads/main'": ({ ref }) => ref !== 'refs/heads/main',
  "github.ref_name == 'main'": (run) => (branch(run) ?? tag(run)) === 'main',
  'github.ref_name != github.event.repository.default_branch': (run) => (branch(run) ?? tag(run)) !== 'main',
  "contains(github.ref, 'refs/tags/v1')": ({ ref }) => ref.includes('refs/tags/v1'),
  "endsWith(github.ref, '/main')": ({ ref }) => ref.endsWith('/main'),
  "github.repository == 'octo/app' && github.ref == 'refs/heads/main'": ({ ref }) =>
    ref === 'refs/heads/main',
  "github.repository != 'octo/app'": () => false,
  "github.event_name == 'push' && (github.ref_name == 'main' || github.ref_type == 'tag')": (run) =>
    run.event === 'push' && ((branch(run) ?? tag(run)) === 'main' || tag(run) !== undefined),
  "!(github.event_name == 'push' && github.ref == 'refs/heads/main')": ({ event, ref }) =>
    !(event === 'push' && ref === 'refs/heads/main'),
  'inputs.publish': ({ event, other }) => event === 'workflow_dispatch' && other,
  '!inputs.dry': ({ event, other }) => event !== 'workflow_dispatch' || !other,
  "github.event.inputs.mode == ''": ({ event, other }) => event !== 'workflow_dispatch' || other,
  'github.event.release.prerelease == false': ({ event, other }) => event !== 'release' || other,
  'github.event.pull_request.merged == true': ({ event, other }) => event.startsWith('pull_request') && other,
  "vars.ON == 'yes'": ({ other }) => other,
  "vars.ON == 'yes' || github.event_name == 'release'": ({ event, other }) => other || event === 'release',
  "success() && vars.ON != '' && !cancelled() && github.ref == 'refs/tags/v1'": ({ ref, other }) =>
    other && ref === 'refs/tags/v1',
  "github.actor == 'octocat'": ({ other }) => other,
}

const withNone: Readonly<Record<string, Runs>> = { 'always()': () => true, ...conditions }

const refs = [
  'heads/main',
  'heads/wip/x',
  'heads/release/1',
  'heads/develop',
  'heads/rc',
  'tags/v1',
  'tags/v1-rc1',
  'tags/v2.0',
  'tags/main',
  'tags/x',
  'pull/7/merge',
]
const events = [
  'push',
  'create',
  'pull_request',
  'pull_request_target',
  'workflow_dispatch',
  'schedule',
  'release',
]
/** Which ref the token of an event has: https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows */
const isReal: Runs = (run) => {
  if (run.event === 'pull_request') return run.ref.startsWith('refs/pull/')
  if (run.event === 'release') return tag(run) !== undefined
  return run.event === 'schedule' || run.event === 'pull_request_target'
    ? branch(run) === 'main'
    : branch(run) !== undefined || tag(run) !== undefined
}
const everyRun = events.flatMap((event) =>
  refs.flatMap((ref) =>
    [true, false].map((other): Run => ({ event, ref: `refs/${ref}`, other })).filter(isReal),
  ),
)

function trusts({ trust }: MovedRole, run: Run): boolean {
  const has: Readonly<Record<string, string>> = { event: run.event, ref: run.ref, ref_protected: 'true' }
  return trust.any.some((one) =>
    Object.entries(one).every(([name, pattern]) => compilePattern(pattern).matches(has[name] ?? '')),
  )
}

function rolesFor(on: string, condition: string, stepCondition = ''): readonly MovedRole[] {
  const text = `on: ${on}
jobs:
  ship:
    runs-on: ubuntu-24.04
    if: ${JSON.stringify(condition)}
    steps:
      - run: npm ci
      - run: npm publish
        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }
${stepCondition === '' ? '' : `        if: ${JSON.stringify(stepCondition)}\n`}`
  return migrateFile(readPipeline('.github/workflows/ci.yml', text, 'github'), project).roles
}

test('GitHub: no role trusts a run by which its job does not run', () => {
  let trusted = 0
  for (const [on, isStarted] of Object.entries(starts))
    for (const [condition, isRun] of Object.entries(withNone))
      for (const role of rolesFor(on, condition))
        for (const { event, ref } of everyRun) {
          if (!trusts(role, { event, ref, other: true })) continue
          trusted++
          const mayRun = [true, false].some(
            (other) => isStarted({ event, ref, other }) && isRun({ event, ref, other }),
          )
          assert.ok(mayRun, `${role.name} trusts ${event} ${ref} of on: ${on}, if: ${condition}`)
        }
  // It would hold of roles that trust nothing, too.
  assert.ok(trusted > 300, String(trusted))
})

test('GitHub: the role that writes is trusted no further than its step runs, where the step says it', () => {
  let seen = 0
  const all = ['{ push: { branches: [main], tags: ["v**"] }, workflow_dispatch: }', 'push'].flatMap((on) =>
    Object.entries(conditions).map(([condition, isRun]) => ({ on, condition, isRun })),
  )
  for (const { on, condition, isRun } of all) {
    const role = rolesFor(on, 'always()', condition).find(({ name }) => name === 'ci-ship')
    // Of a step that is not surely understood the job’s own condition holds.
    if (role === undefined || /actor|'rc'/.test(condition)) continue
    const trusted = everyRun.filter((run) => trusts(role, run))
    const good = trusted.filter(({ event, ref }) =>
      [true, false].some((other) => isRun({ event, ref, other })),
    )
    if (good.length === 0) continue
    seen++
    assert.deepEqual(trusted, good, `${on} ${condition}`)
  }
  assert.ok(seen > 30, String(seen))
})

const notMoved: readonly (readonly [on: string, condition: string, why: RegExp])[] = [
  ['push', "github.actor == 'octocat'", /its `if:`.* asks for what a role’s trust cannot say/],
  ['push', "format('{0}', github.ref) == 'x'", /its `if:`.* asks for/],
  ['push', "${{ github.ref == 'refs/heads/x' }} && true", /its `if:`.* asks for/],
  ['push', "!github.ref == 'refs/heads/x'", /its `if:`.* asks for/],
  ['{ push: { tags: ["v*", "!v*-rc*"] } }', 'always()', /leaves out branches or tags/],
  ['{ push: { branches-ignore: [main] } }', 'always()', /leaves out branches or tags/],
]

for (const [on, condition, why] of notMoved)
  test(`GitHub: not moved, and said: on ${on}, if ${condition}`, () => {
    const text = `on: ${on}\njobs:\n  ship:\n    runs-on: ubuntu-24.04\n    if: ${JSON.stringify(condition)}\n    steps:\n      - run: npm publish\n        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }\n`
    const moved = migrateFile(readPipeline('.github/workflows/ci.yml', text, 'github'), project)
    assert.deepEqual(moved.edits, [])
    assert.match(moved.kept.map((one) => one.why).join(), why)
  })

test('GitHub: of tags that a role’s pattern has more of, it asks that they are protected; what no token says is told', () => {
  const [role] = rolesFor('{ push: { tags: ["v[0-9]+.[0-9]+", "v*"] } }', "vars.ON == 'yes'").filter(
    ({ name }) => name === 'ci-ship',
  )
  assert.deepEqual(role?.trust.any, [{ event: 'push', ref: 'refs/tags/v*', ref_protected: 'true' }])
  const text =
    'on: { push: { tags: ["v[0-9]+"] } }\njobs:\n  a:\n    runs-on: x\n    if: vars.ON\n    steps:\n      - run: npm publish\n        env: { NODE_AUTH_TOKEN: "${{ secrets.NPM_TOKEN }}" }\n'
  const { notes } = migrateFile(readPipeline('.github/workflows/ci.yml', text, 'github'), project)
  assert.match(notes.join('\n'), /asks that refs\/tags\/v\* is protected/)
  assert.match(notes.join('\n'), /asks for vars\.ON, which no token says/)
})

const ofContent: readonly (readonly [on: string, condition: string, told: RegExp | undefined])[] = [
  [
    'push',
    "!contains(github.event.head_commit.message, 'skip ci')",
    /contains\(github\.event\.head_commit\.message/,
  ],
  [
    '{ release: { types: [published] } }',
    '!github.event.release.prerelease',
    /asks for github\.event\.release\.prerelease/,
  ],
  ['workflow_dispatch', "inputs.channel == 'stable'", /asks for inputs\.channel == 'stable'/],
  ['push', "github.event_name == 'push' && github.ref == 'refs/heads/main'", undefined],
  ['push', 'github.ref_name == github.event.repository.default_branch', undefined],
]
for (const [on, condition, told] of ofContent)
  test(`GitHub: what the event brings, and no token says, is told: on ${on}, if ${condition}`, () => {
    const text = `on: ${on}\njobs:\n  ship:\n    runs-on: ubuntu-24.04\n    if: ${JSON.stringify(condition)}\n    steps:\n      - run: npm publish\n        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }\n`
    const { notes, edits } = migrateFile(readPipeline('.github/workflows/ci.yml', text, 'github'), project)
    assert.notDeepEqual(edits, [])
    const all = notes.join('\n')
    if (told === undefined) assert.doesNotMatch(all, /which no token says/)
    else assert.match(all, new RegExp(`${told.source}.*which no token says`))
  })

test('roles that would be called alike have names of their own', () => {
  const job = (id: string, first = '') =>
    `  ${id}:\n    runs-on: x\n    steps:\n${first}      - run: npm publish\n        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }\n`
  const text = `on: { push: { branches: [main] } }\njobs:\n${job('release', '      - run: npm ci\n')}${job('build')}${job('a_b')}${job('a-b')}`
  const file = readPipeline('.github/workflows/release.yml', text, 'github')
  const again = readPipeline('.github/workflows/release.yaml', text, 'github')
  const migrations = migrateFiles([file, again], project)
  const names = migrations.flatMap(({ roles }) => roles.map(({ name }) => name))
  assert.deepEqual(names.slice(0, 5), [
    'release-build',
    'release',
    'release-build-2',
    'release-a-b',
    'release-a-b-2',
  ])
  assert.equal(new Set(names).size, 10)
  for (const { file: one, edits, roles } of migrations) {
    const asked = [...applyEdits(one.text, edits).matchAll(/--role (\S+)/g)].map(([, name]) => name)
    assert.deepEqual(
      asked,
      roles.map(({ name }) => name),
    )
  }
})

test('GitHub: a job that is skipped with one that it needs is trusted no further than that one', () => {
  const trusted = (needed: string, own = '') => {
    const text = `on: { push: { branches: [main], tags: ["v**"] } }
jobs:
  check:
    runs-on: x
    if: ${JSON.stringify(needed)}
    steps: [{ run: ls }]
  between: { runs-on: x, needs: check, steps: [{ run: ls }] }
  ship:
    runs-on: x
    needs: [between]
${own}    steps:
      - run: npm publish
        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }
`
    const { roles } = migrateFile(readPipeline('.github/workflows/ci.yml', text, 'github'), project)
    return roles.flatMap(({ trust }) => trust.any.map(({ ref }) => ref))
  }
  assert.deepEqual(trusted("github.ref_type == 'tag'"), ['refs/tags/v*'])
  assert.deepEqual(trusted("github.actor == 'octocat'"), [])
  assert.deepEqual(trusted("github.ref_type == 'tag'", '    if: always()\n'), [
    'refs/heads/main',
    'refs/tags/v*',
  ])
})
