import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CiName } from '../model.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { replacementOf } from '../replace/replace.ts'

/** Each secret of the file: its name, what takes it, and what would replace it. */
const secretsOf = (ci: CiName, text: string) => {
  const file = readPipeline('ci.yml', text, ci)
  assert.deepEqual(file.problems, [])
  return file.secrets.flatMap((one) => {
    const { id } = replacementOf(file, one) ?? {}
    return id === undefined ? [] : [`${one.name} > ${one.target} > ${id}`]
  })
}

const filled: readonly (readonly [what: string, CiName, text: string, expected: readonly string[]])[] = [
  [
    'keys of a cloud',
    'gitlab',
    'a: { script: [aws s3 ls], variables: { AWS_ACCESS_KEY_ID: $FOO, AWS_SECRET_ACCESS_KEY: "${BAR}" } }',
    ['FOO > AWS_ACCESS_KEY_ID > aws', 'BAR > AWS_SECRET_ACCESS_KEY > aws'],
  ],
  [
    'of an anchor that a job takes by its alias, whole or with more',
    'gitlab',
    '.x: &x { AWS_ACCESS_KEY_ID: $FOO, AWS_SECRET_ACCESS_KEY: { value: $BAR } }\na: { script: [aws s3 ls], variables: { <<: *x, LEVEL: $Z } }',
    ['FOO > AWS_ACCESS_KEY_ID > aws', 'BAR > AWS_SECRET_ACCESS_KEY > aws'],
  ],
  [
    'a key by a variable that is called like an id',
    'gitlab',
    'a: { script: [aws s3 ls], variables: { AWS_ACCESS_KEY_ID: $DEPLOY_ID } }',
    ['DEPLOY_ID > AWS_ACCESS_KEY_ID > aws'],
  ],
  [
    'of a template and of the whole file, with a description',
    'gitlab',
    'variables: { PGPASSWORD: { value: $PROD, description: $NOT } }\n.t: { script: [x], variables: { NPM_TOKEN: $NPM_PUB } }\n',
    ['PROD > PGPASSWORD > postgres', 'NPM_PUB > NPM_TOKEN > npm'],
  ],
  [
    'of a rule',
    'gitlab',
    'a:\n  script: [npm publish]\n  rules:\n    - if: $NPM_X == "a"\n      variables: { NPM_TOKEN: $PUB }\n',
    ['PUB > NPM_TOKEN > npm'],
  ],
  [
    'through another name',
    'gitlab',
    'variables: { FOO: $BAR }\na: { script: [x], variables: { NPM_TOKEN: $FOO } }\n',
    ['BAR > FOO > http'],
  ],
  [
    'in a script',
    'gitlab',
    'a:\n  script:\n    - PGPASSWORD="$PROD" psql\n    - export NPM_TOKEN=$PUB\n    - key=$(cat f)\n    - export API_TOKEN=$key\n',
    ['PROD > PGPASSWORD > postgres', 'PUB > NPM_TOKEN > npm'],
  ],
  [
    'what the CI says of the run, a value of the file, or a user beside a password is none',
    'gitlab',
    'variables: { W: word }\na: { script: [x], variables: { DB_PASSWORD: $CI_JOB_ID, A_TOKEN: $W, DATABASE_URL: "postgres://$MY_USER:$MINE@db/$MY_NAME" } }\n',
    ['MINE > DATABASE_URL > postgres'],
  ],
  [
    'of a step of Buildkite',
    'buildkite',
    'steps: [{ command: x, env: { NPM_TOKEN: $PUB } }]',
    ['PUB > NPM_TOKEN > npm'],
  ],
  [
    'of a parameter of an orb',
    'circleci',
    'version: 2.1\njobs: { a: { docker: [{ image: x, auth: { username: $U, password: $P } }], steps: [{ slack/notify: { access-token: MINE } }] } }\n',
    ['P > password > http', 'MINE > access-token > http'],
  ],
  [
    'of a pipe',
    'bitbucket',
    'pipelines: { default: [{ step: { script: [{ pipe: "a/b:1", variables: { AWS_SECRET_ACCESS_KEY: $BAR, NAME: $N } }] } }] }',
    ['BAR > AWS_SECRET_ACCESS_KEY > aws'],
  ],
  [
    'of a task',
    'azure',
    'steps: [{ script: x, env: { NPM_TOKEN: $(pub), DB_PASSWORD: $(Build.BuildId) } }]',
    ['pub > NPM_TOKEN > npm'],
  ],
]

for (const [what, ci, text, expected] of filled)
  test(`${ci}: a secret is known by what it fills: ${what}`, () =>
    assert.deepEqual(secretsOf(ci, text), expected))
