import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { shape, shapeNames, shapes } from '../read/fixtures.fixture.ts'
import { readCheckout } from '../read/read-checkout.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import type { PipelineFile } from '../model.ts'
import { applyEdits } from './edits.ts'
import { unifiedDiff } from './diff.ts'
import { migrateFile } from './migrate.ts'
import type { Migration, Project } from './model.ts'
import { knownPins } from './pins.ts'
import { grantText } from './policy.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: {
    host: 'https://github.com',
    path: 'octo-org/app',
    defaultBranch: 'main',
    id: '1296269',
    ownerId: '65781',
  },
  packages: { npm: [{ name: '@octo/app', versions: '2.*' }] },
  pins: new Map(),
}

function move(text: string, known: Project = project): Migration & { readonly text: string } {
  const file = readPipeline('.github/workflows/ci.yml', text, 'github')
  const moved = migrateFile(file, known)
  return { ...moved, text: applyEdits(text, moved.edits) }
}

/** A workflow with one job of these steps. */
const job = (steps: string, more = '') => `on:
  push: { branches: [main] }
jobs:
  ship:
    runs-on: ubuntu-24.04
${more}    steps:
${steps}`

const publish = job(`      - run: npm publish
        env:
          NODE_AUTH_TOKEN: \${{ secrets.NPM_TOKEN }}
`)

const reasons = ({ kept }: Migration) => kept.map(({ why }) => why)
const grants = ({ roles }: Migration) => roles.flatMap(({ needs }) => needs.map(grantText))

test('a secret goes, its script stays and is run by Mayfly', () => {
  const moved = move(publish)
  assert.equal(
    moved.text,
    `on:
  push: { branches: [main] }
env:
  MAYFLY_SERVER: "https://mayfly.example.com"

jobs:
  ship:
    permissions:
      contents: read
      packages: read
      id-token: write
    runs-on: ubuntu-24.04
    steps:
      - shell: mayfly run --role ci-ship --script {0} -- bash -e
        run: npm publish
`,
  )
  assert.deepEqual(moved.kept, [])
  assert.deepEqual(
    moved.roles.map(({ name, trust }) => [name, trust.any]),
    [['ci-ship', [{ event: 'push', ref: 'refs/heads/main', ref_protected: 'true' }]]],
  )
  assert.ok(grants(moved).includes('npm:publish npm/@octo/app'))
})

test('line ends, comments, quotes, tabs in scripts and a missing last line end stay', () => {
  const text = publish
    .replace(
      'npm publish',
      '|\n          # a comment\n          printf "\\t"\t&& npm publish   # and one more',
    )
    .replace('on:', '# at the top\non:')
    .trimEnd()
    .replaceAll('\n', '\r\n')
  const moved = move(text)
  assert.doesNotMatch(moved.text, /secrets\.|[^\r]\n/)
  assert.match(
    moved.text,
    /run: \|\r\n {10}# a comment\r\n {10}printf "\\t"\t&& npm publish {3}# and one more\r\n$/,
  )
  assert.ok(moved.text.startsWith('# at the top\r\n'))
})

const permissions = (said: string) => {
  const { text } = move(publish.replace('    runs-on', `    permissions: ${said}\n    runs-on`))
  return /permissions:(.*(?:\n {6}.*)*)/.exec(text)?.[1]
}

test('a job keeps the permissions that it had, and gets the identity token beside them', () => {
  assert.equal(permissions('{ contents: write }'), ' { id-token: write, contents: write }')
  assert.equal(permissions('{}'), ' { id-token: write }')
  assert.equal(permissions('write-all'), ' write-all')
  assert.equal(permissions('{ id-token: none }'), ' { id-token: write }')
  assert.match(permissions('read-all') ?? '', /\{ actions: read, .*contents: read, .*id-token: write \}/)
  assert.equal(
    permissions('\n      contents: write # for tags'),
    ' \n      contents: write # for tags\n      id-token: write',
  )
  const above = move(`permissions:\n  issues: write\n${publish}`).text
  assert.match(above, / {4}permissions:\n {6}issues: write\n {6}id-token: write\n {4}runs-on/)
  assert.ok(above.startsWith('permissions:\n  issues: write\non:'))
})

test('names of an `env` that has others stay, and are handed on by name', () => {
  const moved = move(
    job(`      - env: { LEVEL: warn, NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}", B: c }
        run: npm publish
`),
  )
  assert.match(
    moved.text,
    /- env: \{ LEVEL: warn, B: c \}\n {8}shell: mayfly run --role ci-ship -e LEVEL -e B --script/,
  )
  const last = move(
    job(`      - env: { LEVEL: warn, NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }
        run: npm publish
`),
  )
  assert.match(last.text, /- env: \{ LEVEL: warn \}\n/)
  const first = move(
    job(`      - env:
          NODE_AUTH_TOKEN: \${{ secrets.NPM_TOKEN }}
        run: npm publish
`),
  )
  assert.match(first.text, /- shell: .*\n {8}run: npm publish\n/)
})

test('a variable that the script names keeps a word that opens nothing', () => {
  const moved = move(
    job(`      - run: cargo publish --token "$TOKEN"
        env:
          TOKEN: \${{ secrets.CARGO_REGISTRY_TOKEN }}
`),
  )
  assert.match(moved.text, /TOKEN: held-by-the-gateway/)
  assert.match(moved.text, /-e TOKEN /)
})

test('what builds has a role of its own, and what writes shares its workspace by name', () => {
  const moved = move(
    job(`      - run: npm ci
      - run: npm publish
        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }
`),
  )
  assert.match(moved.text, /--role ci-ship-build --script \{0\} -- bash -e\n {8}run: npm ci/)
  assert.match(moved.text, /--role ci-ship --shared-workspace/)
  const [build, ship] = moved.roles
  assert.deepEqual(build?.needs.map(grantText), ['git:read git/octo-org/app', 'npm:install npm'])
  assert.deepEqual(ship?.allow, ['shared-workspace'])
})

test('who only tags and pushes gets a clean checkout', () => {
  const moved = move(
    job(`      - run: npm ci
      - run: |
          git tag v1.2.0
          git push https://x:\${{ secrets.GH_PAT }}@github.com/octo-org/app v1.2.0
`),
  )
  assert.match(moved.text, /--role ci-ship --checkout --script/)
  assert.match(moved.text, /git push https:\/\/x:held-by-the-gateway@github\.com\/octo-org\/app v1\.2\.0/)
  assert.ok(grants(moved).includes('git:push git/octo-org/app@refs/tags/v1.2.0'))
})

test('a login goes with the scripts that needed it, and stays where something else does', () => {
  const login = `      - uses: aws-actions/configure-aws-credentials@v4
        with:
          aws-access-key-id: \${{ secrets.AWS_ACCESS_KEY_ID }}
          aws-secret-access-key: \${{ secrets.AWS_SECRET_ACCESS_KEY }}
          aws-region: eu-central-1
      - run: aws s3 cp a.tgz s3://releases/app/a.tgz
`
  const moved = move(job(login))
  assert.doesNotMatch(moved.text, /configure-aws|secrets\./)
  assert.ok(grants(moved).includes('aws:call aws/s3:PutObject/releases/app/a.tgz'))
  const other = move(job(`${login}      - uses: aws-actions/amazon-ecs-deploy-task-definition@v2\n`))
  assert.match(other.text, /configure-aws/)
  assert.match(reasons(other).join(), /amazon-ecs-deploy-task-definition behind it may use/)
})

const refused: readonly (readonly [string, string, RegExp])[] = [
  [
    'an `if` that asks for it',
    job(`      - if: env.T != ''
        run: twine upload dist/*
        env: { T: "\${{ secrets.PYPI_TOKEN }}" }
`),
    /an `if` asks/,
  ],
  [
    'docker',
    job(`      - run: docker push octo/app
        env: { DOCKER_PASSWORD: "\${{ secrets.DOCKER_PASSWORD }}" }
`),
    /docker needs its daemon/,
  ],
  [
    'another shell',
    job(`      - run: npm publish
        shell: pwsh
        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }
`),
    /neither bash nor sh/,
  ],
  ['Windows', publish.replace('ubuntu-24.04', 'windows-latest'), /windows-latest/],
  ['a matrix of machines', publish.replace('ubuntu-24.04', '${{ matrix.os }}'), /matrix\.os/],
  ['a container', publish.replace('    steps', '    container: node:24\n    steps'), /container of docker/],
  [
    'strangers’ events',
    publish.replace('push: { branches: [main] }', 'pull_request_target:'),
    /strangers can start it/,
  ],
  [
    'an action that calls by itself',
    job(`      - uses: softprops/action-gh-release@v2
        with: { token: "\${{ secrets.GH_PAT }}" }
`),
    /talks to its service by itself/,
  ],
  [
    'every secret',
    job(`      - run: make
        env: { ALL: "\${{ toJSON(secrets) }}" }
`),
    /every secret at once/,
  ],
  [
    'a webhook',
    job(`      - run: curl -d x \${{ secrets.SLACK_WEBHOOK_URL }}
`),
    /webhook/,
  ],
  [
    'a key that signs',
    job(`      - run: gpg --import <<< "$K"
        env: { K: "\${{ secrets.GPG_PRIVATE_KEY }}" }
`),
    /key that signs/,
  ],
  [
    'an address with its password',
    job(`      - run: psql "$DATABASE_URL" -f a.sql
        env: { DATABASE_URL: "\${{ secrets.DATABASE_URL }}" }
`),
    /address beside the password/,
  ],
  [
    'a key that the script writes to a file',
    job(`      - run: |
          echo "$KEY" > k && ssh -i k deploy@web.example.com uptime
        env: { KEY: "\${{ secrets.SSH_KEY }}" }
`),
    /the script itself works on its value/,
  ],
  [
    'another workflow',
    `on: push
jobs:
  call:
    uses: octo-org/shared/.github/workflows/a.yml@v1
    secrets: { token: "\${{ secrets.NPM_TOKEN }}" }
`,
    /the job is the workflow/,
  ],
]

for (const [what, text, why] of refused)
  test(`what cannot be moved is left as it is and said: ${what}`, () => {
    const moved = move(text)
    assert.equal(moved.text, text)
    assert.match(reasons(moved).join(), why)
  })

test('a file that is not read to its end is left as it is', () => {
  const text = publish.replace('steps:', 'steps: [')
  const moved = move(text)
  assert.equal(moved.text, text)
  assert.match(reasons(moved).join(), /not valid YAML/)
})

test('an action is pinned to a commit that the checkout itself has for its version, and to no other', () => {
  const commit = 'de0fac2e4500dabe0009e67214ff5f5447ce83dd'
  const uses = '      - uses: actions/checkout@v5.0.0\n      - uses: actions/setup-node@v4\n'
  const other = readPipeline(
    '.github/workflows/a.yml',
    job(`      - uses: actions/checkout@${commit} # v5.0.0\n`),
    'github',
  )
  const moved = move(publish.replace('    steps:\n', `    steps:\n${uses}`), {
    ...project,
    pins: knownPins([other]),
  })
  assert.match(moved.text, new RegExp(`uses: actions/checkout@${commit} # v5\\.0\\.0\\n`))
  assert.match(moved.text, /uses: actions\/setup-node@v4\n/)
  assert.deepEqual(
    moved.unpinned.map(({ name }) => name),
    ['actions/setup-node'],
  )
})

test('a job can get Mayfly by a step in front', () => {
  const { text } = move(publish, { ...project, install: 'npm install -g ./mayfly.tgz\nmayfly doctor --fix' })
  assert.match(
    text,
    /steps:\n {6}- name: Install Mayfly\n {8}run: \|\n {10}npm install -g \.\/mayfly\.tgz\n {10}mayfly doctor --fix\n {6}- shell/,
  )
})

const files: PipelineFile[] = shapeNames.flatMap((name) => readCheckout(join(shapes, name)).files.slice())

test('a step in front stands there, too, where the first step goes', () => {
  const login = job(`      - uses: docker/login-action@v3
        with: { registry: ghcr.io, password: "\${{ secrets.GH_PAT }}", username: x }
      - run: skopeo copy docker://octo/app docker://ghcr.io/octo/app:v1
`)
  const { text } = move(login, { ...project, install: 'make mayfly' })
  assert.match(
    text,
    /steps:\n {6}- name: Install Mayfly\n {8}run: \|\n {10}make mayfly\n {6}- shell: mayfly run/,
  )
})

test('of real shapes what was moved is gone, what was kept is there, and the diff is one for Git', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-migrate-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  let moved = 0
  for (const [i, file] of files.entries())
    for (const text of [file.text, file.text.replaceAll('\n', '\r\n'), file.text.trimEnd()]) {
      const read = readPipeline(file.path, text, file.ci, file.role)
      const migration = migrateFile(read, project)
      const after = applyEdits(text, migration.edits)
      const again = readPipeline(file.path, after, file.ci, file.role)
      assert.deepEqual(
        again.problems.filter(({ isUnclear }) => isUnclear !== true),
        read.problems.filter(({ isUnclear }) => isUnclear !== true),
      )
      assert.equal(again.secrets.length <= read.secrets.length - migration.moved.length, true, file.path)
      if (migration.edits.length === 0) continue
      moved += migration.moved.length
      const path = join(folder, String(i), file.path)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
      const diff = unifiedDiff(file.path, text, migration.edits)
      execFileSync('git', ['apply', '--unsafe-paths', '--whitespace=nowarn', '-'], {
        cwd: join(folder, String(i)),
        input: diff,
        stdio: ['pipe', 'ignore', 'pipe'],
      })
      assert.equal(readFileSync(path, 'utf8'), after)
    }
  assert.ok(moved > 20, String(moved))
})

test('a file that anything was done to is moved or left, and never throws', () => {
  const texts = files.filter(({ ci }) => ci === 'github').map(({ text }) => text)
  fc.assert(
    fc.property(
      fc.constantFrom(...texts, publish),
      fc.nat(),
      fc.nat(60),
      fc.constantFrom(
        '',
        ' ',
        '\n',
        '{',
        '}',
        '*a',
        '&a ',
        '- ',
        ': ',
        "'",
        '|\n',
        '${{ secrets.A }}',
        '\t',
        '#',
        '\r',
      ),
      (text, at, length, put) => {
        const start = at % text.length
        const broken = text.slice(0, start) + put + text.slice(start + length)
        const file = readPipeline('.github/workflows/a.yml', broken, 'github')
        const { edits } = migrateFile(file, { ...project, install: 'make mayfly' })
        applyEdits(broken, edits)
        unifiedDiff(file.path, broken, edits)
      },
    ),
    { numRuns: 400 },
  )
})

test('a shape with variables of the whole file loses them only if every job is moved', () => {
  const site = shape('aws-site')
  const moved = migrateFile(site, project)
  assert.equal(moved.moved.filter(({ reference }) => reference.job === undefined).length, 2)
  const other = site.text.replace(
    'jobs:',
    'jobs:\n  other:\n    runs-on: windows-latest\n    steps: [{ run: aws s3 ls }]',
  )
  const kept = migrateFile(readPipeline(site.path, other, 'github'), project)
  assert.match(reasons(kept).join(), /job other, which is not moved, has it among its variables/)
})
