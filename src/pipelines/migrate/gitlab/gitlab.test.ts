import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shape } from '../../read/fixtures.fixture.ts'
import { readPipeline } from '../../read/read-pipeline.ts'
import { findMistakes } from '../../lint/lint.ts'
import { applyEdits } from '../edits.ts'
import { migrateFile, migrateFiles } from '../migrate.ts'
import type { Migration, Project } from '../model.ts'
import { draftPolicyText, grantText } from '../policy.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://gitlab.com', path: 'octo/app', defaultBranch: 'main', id: '4711' },
  packages: { npm: [{ name: '@octo/app', versions: '2.*' }] },
  pins: new Map(),
}

function move(text: string, known: Project = project): Migration & { readonly text: string } {
  const moved = migrateFile(readPipeline('.gitlab-ci.yml', text, 'gitlab'), known)
  return { ...moved, text: applyEdits(text, moved.edits) }
}

const reasons = ({ kept }: Migration) => kept.map(({ why }) => why)
const trusts = ({ roles }: Migration) => roles.map(({ trust }) => trust.any)
const grants = ({ roles }: Migration) => roles.flatMap(({ needs }) => needs.map(grantText))

const publish = (script: string, more = '') => `ship:
  stage: deploy
${more}  script:
${script}  only: [main]
`

const run = 'mayfly run --server https://mayfly.example.com --role ship'

test('the commands stay, one below the other in one shell that Mayfly runs; a word stands where the secret stood', () => {
  const moved = move(
    publish(`    # first
    - npm ci   # strangers' packages
  # between
    - "npm config set '//registry.npmjs.org/:_authToken' \\"$NPM_TOKEN\\""
    - |
      if true; then
        npm publish
      fi

    - echo done
`),
  )
  assert.equal(
    moved.text,
    `ship:
  stage: deploy
  id_tokens:
    MAYFLY_ID_TOKEN: { aud: "https://mayfly.example.com" }
  script:
    # first
    - |
      ${run} --script /dev/stdin <<'MAYFLY'
      export NPM_TOKEN=held-by-the-gateway
      npm ci   # strangers' packages
      # between
      npm config set '//registry.npmjs.org/:_authToken' "$NPM_TOKEN"
      if true; then
        npm publish
      fi

      echo done
      MAYFLY
  only: [main]
`,
  )
  assert.deepEqual(moved.kept, [])
  assert.deepEqual(trusts(moved), [[{ event: 'push', ref: 'refs/heads/main', ref_protected: 'true' }]])
  assert.deepEqual(
    moved.roles.map(({ trust }) => trust.all),
    [{ issuer: 'gitlab', repository_id: '4711' }],
  )
  assert.deepEqual([...new Set(grants(moved))].toSorted(), [
    'git:read git/octo/app',
    'npm:install npm',
    'npm:publish npm/@octo/app',
  ])
})

test('a single command is run as it is; its secret, which only its program reads, goes', () => {
  const moved = move(
    publish('    - npm publish\n', '  variables: { NPM_TOKEN: $PUBLISH_TOKEN, LEVEL: warn }\n'),
  )
  assert.match(moved.text, /^ {4}- mayfly run --server \S+ --role ship -e LEVEL -- npm publish$/m)
  assert.match(moved.text, /^ {2}variables: \{ LEVEL: warn \}$/m)
  assert.deepEqual(
    moved.moved.map(({ reference, connection }) => [reference.name, connection]),
    [['PUBLISH_TOKEN', 'npm']],
  )
})

test('one text, a list on one line, and other line ends', () => {
  const secret = 'TWINE_PASSWORD=$PYPI_TOKEN twine upload dist/*'
  const one = move(`ship:\n  script: ${secret} # up\n`)
  assert.match(
    one.text,
    /script: \| # up\n {4}mayfly run .*\n {4}export PYPI_TOKEN=held-by-the-gateway\n {4}TWINE_PASSWORD=\$PYPI_TOKEN twine upload dist\/\*\n {4}MAYFLY\n$/,
  )
  const flow = move(`ship:\n  script: [ls -l, '${secret}']\n  tags: [x]\n`)
  assert.match(
    flow.text,
    /script:\n {4}- \|\n {6}mayfly run .*\n {6}export .*\n {6}ls -l\n {6}TWINE_PASSWORD=\$PYPI_TOKEN twine upload dist\/\*\n {6}MAYFLY\n {2}tags/,
  )
  const lines = move(publish(`    - ls\n    - ${secret}\n`).replaceAll('\n', '\r\n'))
  assert.equal(lines.moved.length, 1)
  assert.doesNotMatch(lines.text, /[^\r]\n/)
  const block = move(`ship:\n  script: |\n    ls\n    ${secret}`)
  assert.match(block.text, /\n {4}MAYFLY$/)
})

test('a line of the script that would end it early is no end', () => {
  const moved = move(
    publish(`    - |\n      echo "\n      MAYFLY\n      "\n    - npm publish --token $NPM_TOKEN\n`),
  )
  assert.match(moved.text, /<<'MAYFLY_'\n[^]*\n {6}MAYFLY\n[^]*\n {6}MAYFLY_\n/)
})

test('what GitLab runs before, in the same shell, goes to Mayfly with the script', () => {
  const upload = '    - npm publish --token $NPM_TOKEN\n'
  const own = move(publish(upload, '  before_script:\n    - apk add --no-cache jq\n    - cd packages\n'))
  assert.match(
    own.text,
    /deploy\n {2}id_tokens:\n.*\n {2}script:\n {4}- \|\n {6}apk add --no-cache jq\n {4}- \|\n {6}mayfly run .*\n {6}export .*\n {6}cd packages\n {6}npm publish/,
  )
  const shared = move(`default:\n  before_script:\n    - cd packages\n${publish(upload)}`)
  assert.match(
    shared.text,
    /before_script: \[\]\n {2}script:\n {4}- \|\n {6}mayfly run .*\n {6}export .*\n {6}cd packages\n {6}npm publish/,
  )
  assert.match(shared.text, /^default:\n {2}before_script:\n {4}- cd packages\n/)
  const leftOut = move(
    `default:\n  before_script: [cd packages]\n${publish(upload, '  inherit: { default: [image] }\n')}`,
  )
  assert.doesNotMatch(leftOut.text.slice(leftOut.text.indexOf('script:\n')), /cd packages/)
  // What puts tools into the image cannot be done in a step.
  const tools = move(publish(upload, '  before_script: [apt-get update && apt-get install -y jq]\n'))
  assert.match(tools.text, / {2}before_script: \[apt-get update && apt-get install -y jq\]\n/)
  assert.match(tools.notes.join('\n'), /stays in front of Mayfly, and could use the job’s identity token/)
})

test('commands of a template are moved once, for all jobs that extend it, each with its own branch and environment', () => {
  const moved = move(`.deploy:
  variables: { AWS_SECRET_ACCESS_KEY: $DEPLOY_SECRET_ACCESS_KEY }
  script:
    - aws s3 sync dist s3://octo/$STAGE
staging:
  extends: .deploy
  variables: { STAGE: staging }
  environment: staging
  rules: [{ if: '$CI_COMMIT_BRANCH == "develop"' }]
production:
  extends: [.deploy]
  variables: { STAGE: production }
  environment: { name: production }
  rules: [{ if: $CI_COMMIT_TAG =~ /^v\\d+$/ }]
`)
  assert.deepEqual(trusts(moved), [
    [
      { event: 'push', ref: 'refs/heads/develop', ref_protected: 'true', environment: 'staging' },
      { event: 'push', ref: 'refs/tags/v*', ref_protected: 'true', environment: 'production' },
    ],
  ])
  assert.equal(moved.text.match(/mayfly run/g)?.length, 1)
  assert.match(moved.text, /\.deploy:\n {2}id_tokens:/)
})

const starts: readonly (readonly [string, string, object[]])[] = [
  ['nothing said', '', [{ event: 'push', ref: 'refs/heads/main' }]],
  [
    'the default branch',
    'rules: [{ if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH }]',
    [{ event: 'push', ref: 'refs/heads/main' }],
  ],
  ['by hand', 'rules: [{ if: $CI_PIPELINE_SOURCE == "web" }]', [{ event: 'web', ref: 'refs/heads/main' }]],
  [
    'a pattern',
    'rules: [{ if: $CI_COMMIT_BRANCH =~ /^release\\/.*$/ }]',
    [{ event: 'push', ref: 'refs/heads/release/*' }],
  ],
  [
    'tags, and never for others',
    'rules: [{ if: $CI_COMMIT_TAG }, { when: never }]',
    [{ event: 'push', ref: 'refs/tags/*' }],
  ],
  [
    'either',
    'rules: [{ if: $CI_COMMIT_TAG || $CI_COMMIT_BRANCH == "next" }]',
    [
      { event: 'push', ref: 'refs/tags/*' },
      { event: 'push', ref: 'refs/heads/next' },
    ],
  ],
  ['brackets', 'rules: [{ if: ($CI_COMMIT_TAG || $X) && $Y }]', [{ event: 'push', ref: 'refs/heads/main' }]],
  [
    'only',
    'only: { refs: [schedules, /^v2/, merge_requests] }',
    [
      { event: 'schedule', ref: 'refs/heads/main' },
      { event: 'push', ref: 'refs/heads/v2*' },
    ],
  ],
]

for (const [name, rules, expected] of starts)
  test(`who is trusted to write: ${name}`, () => {
    const moved = move(
      `ship:\n  script: [npm publish --token $NPM_TOKEN]\n${rules === '' ? '' : `  ${rules}\n`}`,
    )
    assert.deepEqual(trusts(moved), [expected.map((one) => ({ ...one, ref_protected: 'true' }))])
  })

test('a role that only reads is for merge requests, too, but not for those of forks', () => {
  const moved = move(
    'test:\n  script: [npm ci && npm test -- --token "$NPM_TOKEN"]\n  only: [merge_requests, branches]\n',
  )
  const [role] = moved.roles
  assert.deepEqual(
    role?.needs.filter(({ writes }) => writes),
    [],
  )
})

const stays: readonly (readonly [string, string, RegExp])[] = [
  [
    'a pattern with choices',
    'ship:\n  script: [npm publish --token $NPM_TOKEN]\n  rules: [{ if: "$CI_COMMIT_BRANCH =~ /^(a|b)$/" }]\n',
    /what a role’s trust cannot say/,
  ],
  ['docker', publish('    - docker login -p $DOCKER_PASSWORD\n'), /docker needs its daemon/],
  [
    'a key that the script writes to a file',
    publish('    - echo "$SSH_PRIVATE_KEY" > key\n    - ssh -i key u@h.example.com ls\n'),
    /the script itself works on its value/,
  ],
  [
    '!reference',
    publish('    - !reference [.x, script]\n    - npm publish --token $NPM_TOKEN\n'),
    /taken in from elsewhere/,
  ],
  [
    'an alias',
    `.x: &x [npm publish --token $NPM_TOKEN]\nship:\n  script: *x\n`,
    /where no job has a script of its own/,
  ],
  [
    'after_script',
    publish('    - npm publish --token $NPM_TOKEN\n', '  after_script: [npm deprecate --token $NPM_TOKEN]\n'),
    /a shell of its own/,
  ],
  [
    'merge requests alone',
    'ship:\n  script: [npm publish --token $NPM_TOKEN]\n  only: [merge_requests]\n',
    /only merge_request_event starts it/,
  ],
  [
    'Windows',
    publish('    - npm publish --token $NPM_TOKEN\n', '  tags: [saas-windows-medium-amd64]\n'),
    /Linux/,
  ],
  [
    'a template of another file',
    publish('    - npm publish --token $NPM_TOKEN\n', '  extends: .elsewhere\n'),
    /which another file has/,
  ],
  [
    'a rule that asks for the secret',
    'ship:\n  script: [npm publish --token $NPM_TOKEN]\n  rules: [{ if: $NPM_TOKEN }]\n',
    /a rule asks whether NPM_TOKEN is there/,
  ],
  [
    'a secret of the whole file',
    'variables: { NPM_TOKEN: $PUBLISH_TOKEN }\nship:\n  script: [npm publish --token $NPM_TOKEN]\n',
    /gives to more than this job|every job/,
  ],
  [
    'the job’s own token',
    publish(
      '    - |\n      curl -H "JOB-TOKEN: $CI_JOB_TOKEN" https://gitlab.com/x\n    - npm publish --token $NPM_TOKEN\n',
    ),
    /the job’s own token/,
  ],
  [
    'what a vault gives',
    publish('    - npm publish --token $NPM_TOKEN\n', '  secrets: { NPM_TOKEN: { vault: a/b@c } }\n'),
    /from a vault/,
  ],
  ['a job on one line', 'ship: { script: [npm publish --token $NPM_TOKEN] }\n', /on one line with the job/],
]

for (const [name, text, why] of stays)
  test(`not moved, and said: ${name}`, () => {
    const moved = move(text)
    assert.equal(moved.text, text)
    assert.deepEqual(moved.roles, [])
    assert.match(reasons(moved).join('\n'), why)
  })

test('tokens of the whole file stay beside Mayfly’s', () => {
  const moved = move(
    `default:\n  id_tokens: { A: { aud: [x, y] } }\n${publish('    - npm publish --token $NPM_TOKEN\n')}`,
  )
  assert.match(moved.text, / {2}id_tokens:\n {4}A: \{ aud: \["x", "y"\] \}\n {4}MAYFLY_ID_TOKEN: /)
})

test('what was moved is not moved again; lint finds less in it, and nothing new', () => {
  for (const name of ['gitlab-npm', 'gitlab-site', 'gitlab-python', 'gitlab-release', 'gitlab-deploy']) {
    const file = shape(name)
    const moved = migrateFile(file, project)
    assert.ok(moved.roles.length > 0, name)
    const after = readPipeline(file.path, applyEdits(file.text, moved.edits), file.ci)
    assert.deepEqual(migrateFile(after, project).edits, [], name)
    const told = (one: typeof file) =>
      findMistakes({ files: [one], unread: [] }).map(
        ({ rule, message }) => `${rule.id} ${message.replaceAll(/\d+/g, 'N')}`,
      )
    const before = told(file)
    const later = told(after)
    assert.ok(later.length < before.length, name)
    assert.deepEqual(
      later.filter((one) => !before.includes(one)),
      [],
      name,
    )
  }
})

test('what asks the API of the project’s own GitLab goes by a connection to that, beside Git below its group', () => {
  const asks = (words: string, more = '') =>
    publish(`    - 'curl --header "PRIVATE-TOKEN: $GITLAB_TOKEN" ${words}'\n${more}`)
  const ways: readonly (readonly [string, string])[] = [
    ['--request POST "$CI_API_V4_URL/projects/$CI_PROJECT_ID/releases"', 'gitlab:release gitlab/octo/app'],
    ['-d a=b https://gitlab.com/api/v4/projects/octo%2Flib/issues/1/notes', 'gitlab:comment gitlab/octo/lib'],
    ['-XPUT "${CI_API_V4_URL}/projects/4711/variables/A" -F value=b', 'gitlab:variable gitlab/octo/app'],
    [
      '-T a.tgz $CI_SERVER_URL/api/v4/projects/$CI_PROJECT_ID/packages/generic/a/1/a.tgz',
      'gitlab:package gitlab/octo/app',
    ],
    ['"https://$CI_SERVER_HOST/api/v4/projects/$OTHER/jobs?scope=failed"', 'gitlab:read gitlab/replace-me'],
  ]
  for (const [words, grant] of ways) {
    const file = readPipeline('.gitlab-ci.yml', asks(words, '    - git push origin HEAD:docs\n'), 'gitlab')
    const migrations = migrateFiles([file], project)
    const { roles = [], moved = [] } = migrations[0] ?? {}
    assert.equal(moved.length, 1, words)
    const own = roles.flatMap(({ needs }) => needs.map(grantText))
    assert.ok(own.includes(grant), own.join())
    assert.ok(own.includes('git:push git/app@refs/heads/docs'), own.join())
    const { text } = draftPolicyText([{ name: 'gitlab', kind: 'gitlab', keys: [] }], roles, migrations)
    assert.match(text, /^ {2}git: \{ kind: git, url: "https:\/\/gitlab\.com\/octo", /m)
    assert.match(text, /^ {2}gitlab: \{ kind: gitlab, url: "https:\/\/gitlab\.com", credential: \{ bearer/m)
  }
  // Of another group it is another connection; a trigger's own token goes in the body, where nobody adds it.
  const two = asks(
    '"$CI_API_V4_URL/projects/$CI_PROJECT_ID/jobs"',
    '    - git clone https://gitlab.com/tools/lint.git\n',
  )
  const [both] = migrateFiles([readPipeline('.gitlab-ci.yml', two, 'gitlab')], project)
  assert.ok(both?.roles.flatMap(({ needs }) => needs.map(grantText)).includes('git:read git-tools/lint'))
  const trigger = move(
    publish('    - curl -F token=$TRIGGER_TOKEN -F ref=main "$CI_API_V4_URL/projects/1/trigger/pipeline"\n'),
  )
  assert.deepEqual(trigger.roles, [])
})

test('a part of a path that a variable decides is for whoever applies the policy to say', () => {
  const moved = move(
    publish(
      '    - \'curl -d a=b -H "Authorization: Bearer $NETLIFY_TOKEN" "https://api.netlify.com/api/v1/sites/${SITE:-a/b}/builds?x=$Y"\'\n',
    ),
  )
  assert.ok(
    grants(moved).includes('http:post api-netlify/api/v1/sites/replace-me/builds'),
    grants(moved).join(),
  )
  assert.match(moved.notes.join(), /grant names "replace-me"/)
})

test('a pattern of tags that a role says less of is told', () => {
  const released = (rule: string) =>
    move(`ship:\n  script: [npm publish --token $NPM_TOKEN]\n  rules: [{ if: '${rule}' }]\n`)
  const some = released('$CI_COMMIT_TAG =~ /^v\\d+\\.\\d+$/')
  assert.deepEqual(trusts(some), [[{ event: 'push', ref: 'refs/tags/v*', ref_protected: 'true' }]])
  assert.match(
    some.notes.join(),
    /any protected v\*, which is more than \/\^v\\d\+\\\.\\d\+\$\/ of its rules/,
  )
  for (const rule of ['$CI_COMMIT_TAG =~ /^v/', '$CI_COMMIT_TAG'])
    assert.doesNotMatch(released(rule).notes.join(), /more than/)
})

test('machines that all jobs have by `default` are those of each, but of one that inherits none', () => {
  const text = publish('    - npm publish --token "$NPM_TOKEN"\n')
  const windows = `default:\n  tags: [saas-windows-medium-amd64]\n${text}`
  assert.match(reasons(move(windows)).join(), /it runs on saas-windows/)
  for (const own of [
    '  tags: [saas-linux-small-amd64]\n',
    '  inherit: { default: false }\n',
    '  inherit: { default: [image] }\n',
  ])
    assert.equal(move(`${windows}${own}`).moved.length, 1, own)
  assert.match(reasons(move(`${windows}  inherit: { default: [tags] }\n`)).join(), /it runs on saas-windows/)
})

test('a secret that an option of the tool has is told by that option', () => {
  const kept = move(publish('    - kubectl --token="$KUBE_TOKEN" apply -f a.yaml\n')).kept
  assert.match(kept[0]?.why ?? '', /hands it to its tool \(--token\)/)
  assert.match(kept[0]?.instead ?? '', /^leave --token out: inside `mayfly run`/)
})

test('a variable that one job gives itself is a secret of the settings in another', () => {
  const text = `${publish('    - npm publish --token $NPM_TOKEN\n', '  variables: { NPM_TOKEN: $NPM_PUBLISH_TOKEN }\n')}other:\n  script: [./own.sh $NPM_TOKEN]\n`
  const moved = move(text)
  assert.deepEqual(
    moved.moved.map(({ reference }) => reference.name),
    ['NPM_PUBLISH_TOKEN'],
  )
  assert.match(moved.text, /script: \[\.\/own\.sh \$NPM_TOKEN\]\n$/)
  assert.deepEqual(
    moved.kept.map(({ what }) => what),
    ['NPM_TOKEN'],
  )
  const template = `.a:\n  variables: { DB_PASSWORD: test }\n.b:\n  script: [./x.sh $API_TOKEN]\nc:\n  extends: [.a, .b]\n  variables: { API_TOKEN: x }\n  script: [./y.sh $DB_PASSWORD]\n`
  assert.deepEqual(readPipeline('.gitlab-ci.yml', template, 'gitlab').secrets, [])
})

test('a token for another registry than npm’s own is left, unless the command says that it goes there', () => {
  const login = (registry: string, more = '') =>
    move(publish(`    - echo "//${registry}:_authToken=$NPM_TOKEN" > .npmrc\n    - npm publish${more}\n`))
  assert.match(reasons(login('npm.example.com/a/')).join(), /the registry at npm\.example\.com/)
  assert.equal(login('npm.example.com/a/', ' --registry https://npm.example.com/a/').moved.length, 1)
  assert.equal(login('registry.npmjs.org/').moved.length, 1)
})

test('variables of a test that are called as secrets are, with their values in the file, are not handed on, and that is told', () => {
  const { text, notes } = move(`ship:
  services: [postgres:17]
  variables:
    POSTGRES_DB: app
    DATABASE_URL: postgres://app:app@postgres/app
    NPM_TOKEN: $NPM_PUBLISH_TOKEN
  script:
    - npm test
    - npm publish
  only: [main]
`)
  assert.match(text, /-e POSTGRES_DB /)
  assert.doesNotMatch(text, /-e (?:DATABASE_URL|NPM_TOKEN)/)
  assert.match(
    notes.join('\n'),
    /job ship: what Mayfly runs does not have DATABASE_URL, by the name a secret/,
  )
})
