import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPipeline } from '../../read/read-pipeline.ts'
import { applyEdits } from '../edits.ts'
import { migrateFile } from '../migrate.ts'
import type { Project } from '../model.ts'
import { grantText } from '../policy.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  install: 'make mayfly',
  repository: { host: 'https://github.com', path: 'octo-org/app', defaultBranch: 'main', id: '1296269' },
  packages: {},
  pins: new Map(),
}

function move(text: string) {
  const moved = migrateFile(readPipeline('.github/workflows/ci.yml', text, 'github'), project)
  return {
    text: applyEdits(text, moved.edits),
    grants: moved.roles.flatMap(({ needs }) => needs.map(grantText)),
    connections: moved.moved.map(({ connection }) => connection),
    why: moved.kept.map(({ why }) => why),
    notes: moved.notes,
    roles: moved.roles,
  }
}

const onMain = 'on: { push: { branches: [main] } }\njobs:\n'
const job = (id: string, body: string) => `  ${id}:\n    runs-on: ubuntu-24.04\n${body}`
const token = '          NODE_AUTH_TOKEN: ${{ secrets.NPM_TOKEN }}\n'

test('a step in front of a step that an alias names stands in the job that is moved', () => {
  const { text } = move(
    `${onMain}${job('test', '    steps:\n      - &co\n        uses: actions/checkout@v5\n      - run: npm test\n')}${job('publish', `    steps:\n      - *co\n      - run: npm publish\n        env:\n${token}`)}`,
  )
  assert.match(text, /steps:\n {6}- name: Install Mayfly\n {8}run: \|\n {10}make mayfly\n {6}- \*co\n/)
  assert.match(text, /steps:\n {6}- &co\n/)
})

const shared: readonly (readonly [string, string])[] = [
  [
    'variables of two jobs',
    `${onMain}${job('a', `    env: &env\n${token.slice(4)}    steps:\n      - run: npm publish\n`)}  b:\n    runs-on: windows-2025\n    env: *env\n    steps:\n      - run: npm publish\n`,
  ],
  [
    'variables of a step and of an action',
    onMain +
      job(
        'a',
        '    steps:\n      - run: npm publish\n        env: &env { T: "${{ secrets.NPM_TOKEN }}" }\n      - uses: octo/own@v1\n        env: *env\n',
      ),
  ],
  [
    'a step of two jobs',
    `${onMain}${job('a', `    steps:\n      - &publish\n        run: npm publish\n        env:\n${token}`)}${job('b', '    steps:\n      - *publish\n')}`,
  ],
  [
    'a login of two jobs',
    `${onMain}${job('a', '    steps:\n      - &login\n        uses: docker/login-action@v3\n        with: { registry: quay.io, username: x, password: "${{ secrets.QUAY_TOKEN }}" }\n      - run: crane tag quay.io/octo/app:a b\n')}${job('b', '    steps:\n      - *login\n      - run: docker push quay.io/octo/app:a\n')}`,
  ],
  [
    'permissions of two jobs',
    `${onMain}${job('a', `    permissions: &p { contents: read }\n    steps:\n      - run: npm publish\n        env:\n${token}`)}${job('b', '    permissions: *p\n    steps:\n      - run: make\n')}`,
  ],
]

for (const [what, text] of shared)
  test(`what an anchor writes once for several places is left, and said: ${what}`, () => {
    const moved = move(text)
    assert.equal(moved.text, text)
    assert.match(moved.why.join(), /written once by an anchor/)
  })

test('a secret goes to the connection that writes, not to a public one that the script reads, too', () => {
  const { connections } = move(
    `${onMain}${job('a', '    steps:\n      - run: ./gradlew publishAllPublicationsToMavenCentral\n        env: { ORG_GRADLE_PROJECT_mavenCentralPassword: "${{ secrets.SONATYPE_PASSWORD }}" }\n')}`,
  )
  assert.deepEqual(connections, ['maven-upload'])
})

test('a script that reads a secret of the whole job stays with it', () => {
  const { text, why } = move(
    `${onMain}${job('a', `    env: { LICENSE_TOKEN: "\${{ secrets.LICENSE_TOKEN }}" }\n    steps:\n      - run: ./build.sh "$LICENSE_TOKEN"\n      - run: npm publish\n        env:\n${token}`)}`,
  )
  assert.match(text, /- run: \.\/build\.sh "\$LICENSE_TOKEN"/)
  assert.match(text, /LICENSE_TOKEN: "\$\{\{ secrets/)
  assert.match(text, /mayfly run --role ci-a --script/)
  assert.match(why.join(), /scripts name the variable/)
})

test('a secret that stays among a job’s variables is not handed on, and that is said; a name is handed on', () => {
  const { text, notes } = move(
    `${onMain}${job('a', `    env:\n      BUILD_SECRET: \${{ secrets.BUILD_SECRET }}\n      LOGIN_HOST: \${{ secrets.LOGIN_HOST }}\n    steps:\n      - run: npm publish\n        env:\n${token}`)}`,
  )
  assert.match(text, /mayfly run --role ci-a -e LOGIN_HOST --script/)
  assert.match(notes.join('\n'), /not given BUILD_SECRET, which holds a secret/)
})

test('the job’s own token is not handed on under whatever name', () => {
  const { text } = move(
    `${onMain}${job('a', `    steps:\n      - run: npm publish && gh release create v1\n        env:\n          GH_TOKEN: \${{ github.token }}\n${token}`)}`,
  )
  assert.doesNotMatch(text, /-e GH_TOKEN/)
})

test('a workflow that only others call names no event that a role could trust', () => {
  const called = `on:\n  workflow_call:\njobs:\n${job('a', `    steps:\n      - run: npm publish\n        env:\n${token}`)}`
  assert.match(move(called).why.join(), /other workflows call it/)
  const both = move(called.replace('  workflow_call:\n', '  workflow_call:\n  push:\n'))
  assert.equal(JSON.stringify(both.roles).includes('workflow_call'), false)
  assert.match(both.notes.join(), /fail when another workflow calls it/)
})

const checkout = (steps: string) =>
  move(
    `${onMain}${job('a', `    steps:\n      - uses: actions/checkout@v5\n        with:\n          token: \${{ secrets.BOT_PAT }}\n          ref: stable\n${steps}`)}`,
  )

test('a checkout keeps its token where an action behind it may push by it', () => {
  assert.match(
    checkout('      - uses: stefanzweifel/git-auto-commit-action@v5\n').why.join(),
    /git-auto-commit-action behind it may use/,
  )
  assert.match(checkout('      - run: sudo make && git push\n').why.join(), /a script that stays outside/)
  assert.deepEqual(checkout('      - run: git push\n').why, [])
})

test('a push without a ref is one of the branch that is checked out, where it is', () => {
  const { grants, text } = checkout('      - run: git reset --hard v1 && git push\n')
  assert.ok(grants.includes('git:push git/octo-org/app@refs/heads/stable'), grants.join())
  assert.doesNotMatch(text, /--checkout/)
})

test('what is cloned from another repository is read and pushed there', () => {
  const { grants } = move(
    `${onMain}${job('a', '    steps:\n      - run: git clone https://${{ secrets.DOCS_PAT }}@github.com/octo-org/docs.git site\n      - run: git push origin main\n        working-directory: site\n')}`,
  )
  assert.ok(grants.includes('git:read git/octo-org/docs'), grants.join())
  assert.ok(grants.includes('git:push git/octo-org/docs@refs/heads/main'), grants.join())
})

const shell = (said: string) =>
  move(
    `${onMain}${job('a', `    steps:\n      - run: npm publish\n        shell: ${said}\n        env:\n${token}`)}`,
  )

test('a bash with options of its own runs with them; one that reads the home folder, or other commands, stays', () => {
  assert.match(shell('bash -euo pipefail {0}').text, /--script \{0\} -- bash -euo pipefail\n/)
  assert.match(shell('sh {0}').text, /--script \{0\} -- sh\n/)
  assert.match(shell('bash -el {0}').why.join(), /login shell/)
  for (const other of ['bash -c {0}', 'bash {0} -e', 'bash -e; {0}', 'pwsh {0}', 'bash -o $X {0}'])
    assert.match(shell(other).why.join(), /neither bash nor sh/, other)
})

test('a curl of GitHub’s API says what the token is for', () => {
  const { grants, text } = move(
    `${onMain}${job('a', '    steps:\n      - run: |\n          curl -d "{}" -H "Authorization: Bearer $T" https://api.github.com/repos/octo-org/charts/dispatches\n        env: { T: "${{ secrets.DEPLOY_PAT }}" }\n')}`,
  )
  assert.ok(grants.includes('github:dispatch github/octo-org/charts'), grants.join())
  assert.match(text, /T: "held-by-the-gateway"/)
})

test('Terraform with keys in the job’s variables goes without them', () => {
  const { connections, text, notes } = move(
    `${onMain}${job('a', '    env:\n      AWS_ACCESS_KEY_ID: ${{ secrets.AWS_ACCESS_KEY_ID }}\n      AWS_SECRET_ACCESS_KEY: ${{ secrets.AWS_SECRET_ACCESS_KEY }}\n    steps:\n      - run: terraform init\n      - run: terraform apply -auto-approve\n')}`,
  )
  assert.deepEqual(connections, ['aws', 'aws'])
  assert.doesNotMatch(text, /secrets\./)
  assert.match(notes.join('\n'), /what it reaches on aws the script does not show/)
})
