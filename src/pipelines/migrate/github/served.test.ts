import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPipeline } from '../../read/read-pipeline.ts'
import { applyEdits } from '../edits.ts'
import { migrateFile } from '../migrate.ts'
import type { Migration, Project } from '../model.ts'
import { grantText } from '../policy.ts'

/* A step does the same by all that starts it, or is left as it is, or what fails is said. */

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: '1' },
  packages: { npm: [{ name: 'pkg', versions: '1.*' }] },
  pins: new Map(),
}

function move(text: string): Migration & { readonly text: string; readonly why: string } {
  const moved = migrateFile(readPipeline('.github/workflows/ci.yml', text, 'github'), project)
  return { ...moved, text: applyEdits(text, moved.edits), why: moved.kept.map(({ why }) => why).join('; ') }
}

const workflow = (on: string, steps: string, more = '') =>
  `on: ${on}\n${more}jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n${steps}`
const install = (more = '') =>
  `      - run: npm ci\n${more}        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }\n`
const onPush = "        if: github.event_name == 'push'\n"

test('a step with a secret that pull requests run, too, keeps it, and is told what to ask for', () => {
  for (const on of ['[push, pull_request]', '{ push: { branches: [main] }, pull_request: }']) {
    const text = workflow(on, `${install()}      - run: npm test\n`)
    const moved = move(text)
    assert.equal(moved.text, text)
    assert.match(moved.why, /runs when pull_request starts it, too/)
    assert.match(moved.kept[0]?.instead ?? '', /if: github\.event_name == 'push'/)
  }
  assert.equal(move(workflow('[push, pull_request]', install(onPush))).moved.length, 1)
  const ofJob = workflow('[push, pull_request]', install()).replace(
    '    runs-on',
    "    if: github.ref == 'refs/heads/main'\n    runs-on",
  )
  assert.equal(move(ofJob).moved.length, 1)
  // Where the job that it needs runs for pushes alone, so does it.
  const needed = `on: [push, pull_request]\njobs:\n  b:\n    if: github.event_name == 'push'\n    runs-on: ubuntu-latest\n    steps: [{ run: make }]\n  a:\n    needs: b\n    runs-on: ubuntu-latest\n    steps:\n${install()}`
  assert.equal(move(needed).moved.length, 1)
})

test('a login, and a secret of the whole job, that steps of pull requests need stay', () => {
  const login = (condition: string) =>
    workflow(
      '[push, pull_request]',
      `      - uses: docker/login-action@v3
        with: { registry: ghcr.io, username: x, password: "\${{ secrets.GH_PAT }}" }
      - run: skopeo copy docker://ghcr.io/octo/base:v1 docker://ghcr.io/octo/app:v1
${condition}`,
    )
  assert.match(move(login('')).why, /runs when pull_request starts it, too/)
  assert.equal(move(login(onPush)).moved.length, 1)
  const ofJob = (condition: string) =>
    workflow('[push, pull_request]', `      - run: aws s3 cp a s3://b/a\n${condition}`).replace(
      '    runs-on',
      '    env: { AWS_ACCESS_KEY_ID: "${{ secrets.AWS_ACCESS_KEY_ID }}", AWS_SECRET_ACCESS_KEY: "${{ secrets.AWS_SECRET_ACCESS_KEY }}" }\n    runs-on',
    )
  assert.match(move(ofJob('')).why, /runs when pull_request starts it, too/)
  assert.equal(move(ofJob(onPush)).moved.length, 2)
})

test('what a step installs by name for those behind it is told', () => {
  const told = /what its steps install by name/
  for (const command of ['npm install -g @octo/tool', 'pip install build twine'])
    assert.match(move(workflow('push', `      - run: ${command}\n${install()}`)).notes.join(), told)
  for (const command of ['npm ci', 'pip install -r requirements.txt', 'sudo apt-get install jq'])
    assert.doesNotMatch(move(workflow('push', `      - run: ${command}\n${install()}`)).notes.join(), told)
})

test('a push without a ref is of the branch that the job is on', () => {
  const grants = (on: string, more = '') =>
    move(
      workflow(
        on,
        `      - uses: actions/checkout@v5\n        with: { token: "\${{ secrets.BOT_TOKEN }}" }\n      - run: git push\n${more}`,
      ),
    ).roles.flatMap(({ needs }) => needs.map(grantText))
  assert.ok(grants('{ push: { branches: [develop] } }').includes('git:push git/octo/app@refs/heads/develop'))
  for (const on of [
    'push',
    '{ push: { branches: [develop] }, workflow_dispatch: }',
    '{ push: { branches: ["v*"] } }',
  ])
    assert.ok(grants(on).includes('git:push git/octo/app@refs/heads/main'), on)
})

test('a token of the checkout, by which a step of pull requests pushes, stays', () => {
  const checkout =
    '      - uses: actions/checkout@v5\n        with: { token: "${{ secrets.BOT_TOKEN }}" }\n      - run: git push origin HEAD:develop\n'
  const text = workflow('{ pull_request: { types: [closed] }, workflow_dispatch: }', checkout)
  const moved = move(text)
  assert.equal(moved.text, text)
  assert.match(moved.why, /what pushes by it runs when pull_request starts it, too/)
  const byHand = `${checkout}        if: github.event_name == 'workflow_dispatch'\n`
  assert.equal(move(workflow('{ pull_request: , workflow_dispatch: }', byHand)).moved.length, 1)
})

test('what Mayfly runs of a job for pull requests fails for those of forks, and that is told', () => {
  const { notes, roles } = move(workflow('[push, pull_request]', `      - run: npm test\n${install(onPush)}`))
  assert.match(notes.join(), /no identity token, so that what Mayfly runs fails in them/)
  assert.equal(
    roles.some(
      ({ name, trust }) => name === 'ci-a' && trust.any.some(({ event }) => event === 'pull_request'),
    ),
    false,
  )
  assert.doesNotMatch(move(workflow('push', install())).notes.join(), /forks/)
})

test('a push of another branch, and a start by hand on one, fail, and that is told; not where a condition asks for the branch', () => {
  const { notes } = move(workflow('[push, workflow_dispatch]', install()))
  assert.match(
    notes.join(),
    /role ci-a fail when push or workflow_dispatch does on another ref than refs\/heads\/main/,
  )
  const asked = install("        if: github.ref == 'refs/heads/main'\n")
  assert.doesNotMatch(move(workflow('[push, workflow_dispatch]', asked)).notes.join(), / fail /)
  assert.doesNotMatch(move(workflow('{ push: { branches: [main] } }', install())).notes.join(), / fail /)
})

test('what writes by the job’s own token fails for what no role may trust, and that is told', () => {
  const text = workflow(
    '[push, issues]',
    `      - run: git push origin HEAD:refs/heads/docs\n${install("        if: github.event_name == 'push'\n")}`,
  )
  assert.match(move(text).notes.join(), /role ci-a fail when issues starts them/)
})

test('a tag that comes into being is as one that is pushed', () => {
  const { roles } = move(
    workflow(
      '{ create: , push: { branches: [main] } }',
      install("        if: startsWith(github.ref, 'refs/tags/v')\n"),
    ),
  )
  assert.deepEqual(
    roles.flatMap(({ trust }) => trust.any),
    [{ event: 'create', ref: 'refs/tags/v*' }],
  )
})

test('`env:` of the file without a name in it takes the server’s', () => {
  const text = workflow('{ push: { branches: [main] } }', install(), 'env:\n  # LEVEL: debug\n')
  assert.match(
    move(text).text,
    /\nenv:\n {2}MAYFLY_SERVER: "https:\/\/mayfly\.example\.com"\n {2}# LEVEL: debug\njobs:/,
  )
})

test('two secrets in one variable, or in one expression, go together', () => {
  const step = (value: string, run = 'npm publish') =>
    workflow(
      '{ push: { branches: [main] } }',
      `      - run: ${run}\n        env:\n          A: b\n          NODE_AUTH_TOKEN: \${{ ${value} }}\n`,
    )
  for (const value of [
    'secrets.NPM_TOKEN || secrets.GITHUB_TOKEN',
    'secrets.NPM_TOKEN || secrets.OLD_NPM_TOKEN',
  ]) {
    assert.match(move(step(value)).text, /env:\n {10}A: b\n$/)
    assert.match(
      move(step(value, 'npm publish --token "$NODE_AUTH_TOKEN"')).text,
      /NODE_AUTH_TOKEN: held-by-the-gateway\n$/,
    )
  }
})

test('an expression that does not end in its text is left', () => {
  const text = workflow(
    '{ push: { branches: [main] } }',
    `      - run: git clone https://\${{ secrets.GH_PAT }@github.com/octo/docs\n${install()}      - run: echo "\${{ github.sha }}"\n`,
  )
  const moved = move(text)
  assert.match(moved.why, /the place of its expression is not sure/)
  assert.match(moved.text, /git clone https:\/\/\$\{\{ secrets\.GH_PAT \}@/)
})

test('a secret in the address of a clone, whatever its name, goes with its second use; what is pushed there is granted there', () => {
  const text = workflow(
    '{ push: { branches: [main] } }',
    `      - name: tap
        run: |
          git clone "https://x-access-token:\${{ secrets.TAP_KEY }}@github.com/octo/homebrew-tap.git" tap
          cd tap && ./bump.sh && git commit -am bump && git push origin HEAD:main
        env:
          GH_TOKEN: \${{ secrets.TAP_KEY || github.token }}
`,
  )
  const moved = move(text)
  assert.equal(moved.why, '')
  assert.doesNotMatch(moved.text, /secrets\.|github\.token/)
  assert.match(
    moved.text,
    /https:\/\/x-access-token:held-by-the-gateway@github\.com\/octo\/homebrew-tap\.git/,
  )
  const grants = moved.roles.flatMap(({ needs }) => needs.map(grantText))
  assert.ok(grants.includes('git:push git/octo/homebrew-tap@refs/heads/main'), grants.join())
  assert.equal(
    grants.some((one) => one.startsWith('git:push git/octo/app')),
    false,
    grants.join(),
  )
})
