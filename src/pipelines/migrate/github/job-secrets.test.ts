import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPipeline } from '../../read/read-pipeline.ts'
import { applyEdits } from '../edits.ts'
import { migrateFile } from '../migrate.ts'

const head = 'on: { push: { branches: [main] } }\n'

function move(text: string) {
  const moved = migrateFile(readPipeline('.github/workflows/a.yml', text, 'github'), {
    server: 'https://mayfly.example.com',
    repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: '5' },
    packages: {},
    pins: new Map(),
  })
  const after = applyEdits(text, moved.edits)
  assert.deepEqual(readPipeline('.github/workflows/a.yml', after, 'github').problems, [])
  return { ...moved, text: after, left: moved.kept.map(({ what, why }) => `${what}: ${why}`) }
}

const ofJob = (env: string, run: string, at = '') =>
  `${head}${at}permissions: { contents: read }\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    env:\n${env}    steps:\n      - run: ${run}\n`

for (const [where, text] of [
  ['a job', ofJob('      DATABASE_URL: "${{ secrets.DATABASE_URL }}"\n', 'npx prisma migrate deploy')],
  [
    'a file',
    ofJob(
      '      A: b\n',
      'npx prisma migrate deploy',
      'env:\n  DATABASE_URL: "${{ secrets.DATABASE_URL }}"\n',
    ),
  ],
] as const)
  test(`an address with its password stays among the variables of ${where}`, () => {
    const { edits, left } = move(text)
    assert.deepEqual(edits, [])
    assert.deepEqual(left, ['secrets.DATABASE_URL: it holds an address beside the password'])
  })

test('a word stands among the variables of a job for a client that would ask for a password', () => {
  const { text, moved } = move(
    ofJob(
      '      PGPASSWORD: "${{ secrets.PG_PASSWORD }}"\n      A: b\n',
      'psql -h db.octo.example -d shop -f a.sql',
    ),
  )
  assert.deepEqual(
    moved.map(({ reference, connection }) => `${reference.name} ${connection}`),
    ['PG_PASSWORD database'],
  )
  assert.match(text, /PGPASSWORD: "held-by-the-gateway"/)
  assert.match(text, /mayfly run .*-e PGPASSWORD /)
})

const checkout = (permissions: string, more = '') =>
  `${head}jobs:\n  a:\n    runs-on: ubuntu-24.04\n${permissions}    steps:\n      - uses: actions/checkout@v5\n        with: { ${more}token: "\${{ secrets.PAT }}" }\n      - run: git push origin HEAD:gh-pages\n`

for (const said of ['recursive', 'true'])
  test(`a checkout with submodules (${said}) keeps the token that may read them`, () => {
    const { edits, left } = move(checkout('', `submodules: ${said}, `))
    assert.deepEqual(edits, [])
    assert.match(left.join('\n'), /^secrets\.PAT: submodules are fetched by it/)
  })

test('a checkout without submodules does not', () => {
  assert.equal(move(checkout('', 'submodules: false, ')).moved.length, 1)
})

const permissions: readonly (readonly [before: string, after: string])[] = [
  ['    permissions: {}\n', '    permissions: { contents: read, id-token: write }\n'],
  [
    '    permissions:\n      packages: write\n',
    '    permissions:\n      packages: write\n      contents: read\n      id-token: write\n',
  ],
  [
    '    permissions:\n      contents: none\n      id-token: write\n',
    '    permissions:\n      contents: read\n      id-token: write\n',
  ],
  ['    permissions: { contents: write }\n', '    permissions: { id-token: write, contents: write }\n'],
  ['    permissions: write-all\n', '    permissions: write-all\n'],
]
for (const [before, after] of permissions)
  test(`what is checked out by the job’s own token may be read by it: ${before.trim()}`, () => {
    const { text, notes } = move(checkout(before))
    assert.ok(text.includes(`ubuntu-24.04\n${after}    steps:`), text)
    assert.equal(
      notes.some((note) => note.includes('contents: read')),
      !/contents: write|write-all/.test(before),
    )
  })

test('so it is where the file says the permissions', () => {
  const { text } = move(`permissions: { packages: write }\n${checkout('')}`)
  assert.match(
    text,
    /\n {4}permissions:\n {6}contents: read\n {6}packages: write\n {6}id-token: write\n {4}runs-on/,
  )
})
