import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { npmRegistry, runMayfly, setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { isWhole } from '../whole.ts'

/** As the project had it before: a password in the CI, which every step of the job could have. */
const workflow = `name: ci
on:
  push:
    branches: [main]
jobs:
  release:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v5
      - name: Build   # what strangers' packages run in
        env:
          LEVEL: warn
        run: |
          test "$LEVEL" = warn
          ${isWhole ? 'npm ci --omit=dev --loglevel "$LEVEL"' : 'npm pkg get version'}
      - id: version
        run: echo "tag=v$(node -p 'require("./package.json").version')" >> "$GITHUB_OUTPUT"
      - name: Tag
        run: |
          git tag "\${{ steps.version.outputs.tag }}"
          git push "https://ci-bot:\${{ secrets.GIT_TOKEN }}@git.example.com/octo-org/links" "\${{ steps.version.outputs.tag }}"
`

interface Step {
  readonly id?: string
  readonly run?: string
  readonly shell?: string
  readonly env?: Record<string, string>
}

let stage: Stage
before(async () => {
  stage = await setStage()
  const root = join(stage.git.root, 'octo-org/links.git')
  git(stage.folder, 'clone', '-q', root, stage.workspace)
  git(stage.workspace, 'remote', 'set-url', 'origin', 'https://git.example.com/octo-org/links')
  mkdirSync(join(stage.workspace, '.github/workflows'), { recursive: true })
  writeFileSync(join(stage.workspace, '.github/workflows/ci.yml'), workflow)
})
after(() => stage[Symbol.asyncDispose]())

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'safe.directory=*', '-C', folder, ...args], { encoding: 'utf8' }).trim()
}

test('a moved pipeline runs: its scripts as they were, without the secret that they had', async () => {
  const moved = await runMayfly(
    [
      'pipeline',
      'migrate',
      '--write',
      '--server',
      stage.server,
      '--repository-id',
      '1296269',
      '--owner-id',
      '65781',
    ],
    stage.jobEnvironment(),
    { cwd: stage.workspace },
  )
  assert.equal(moved.exitCode, 0, moved.stderr)
  assert.match(moved.stdout, /GIT_TOKEN: in the repository’s settings/)
  const policy = join(stage.folder, 'moved.yaml')
  writeFileSync(policy, withPeers(readFileSync(join(stage.workspace, 'mayfly.yaml'), 'utf8')))
  const applied = await stage.operate(['apply', policy])
  assert.equal(applied.exitCode, 0, applied.stderr)

  const text = readFileSync(join(stage.workspace, '.github/workflows/ci.yml'), 'utf8')
  assert.doesNotMatch(text, /secrets\./)
  const { env, jobs } = parse(text) as {
    env: Record<string, string>
    jobs: { release: { permissions: object; steps: Step[] } }
  }
  assert.deepEqual(env, { MAYFLY_SERVER: stage.server })
  assert.deepEqual(jobs.release.permissions, { contents: 'read', packages: 'read', 'id-token': 'write' })

  const outputs: Record<string, string> = {}
  for (const step of jobs.release.steps.filter(({ run }) => run !== undefined)) {
    const ran = await runStep(step, env, outputs)
    assert.equal(ran.exitCode, 0, `${step.run}\n${ran.stdout}\n${ran.stderr}`)
    assert.equal(ran.stdout.includes(stage.git.credential.split(':')[1] ?? ''), false)
  }
  assert.deepEqual(outputs, { 'version.tag': 'v1.0.0' })
  const upstream = join(stage.git.root, 'octo-org/links.git')
  assert.equal(git(upstream, 'rev-parse', 'v1.0.0'), git(upstream, 'rev-parse', 'main'))
})

/** As GitHub's runner does it: expressions are filled in, the script is written to a file of the runner, and \`shell\` gets its path. */
async function runStep(
  step: Step,
  env: Record<string, string>,
  outputs: Record<string, string>,
): Promise<Ran> {
  const temp = mkdtempSync(join(stage.folder, 'runner-'))
  const script = (step.run ?? '').replaceAll(
    /\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}/g,
    (_, id, name) => outputs[`${id}.${name}`] ?? '',
  )
  writeFileSync(join(temp, 'script.sh'), script)
  writeFileSync(join(temp, 'output'), '')
  const [program, ...args] = (step.shell ?? '')
    .split(' ')
    .map((word) => word.replace('{0}', join(temp, 'script.sh')))
  assert.equal(program, 'mayfly')
  const ran = await runMayfly(
    args,
    {
      ...stage.jobEnvironment(),
      ...env,
      ...step.env,
      GITHUB_ACTIONS: 'true',
      GITHUB_OUTPUT: join(temp, 'output'),
      RUNNER_TEMP: temp,
    },
    { cwd: stage.workspace },
  )
  // NAME=VALUE, or NAME<<END, the value, END.
  const written = readFileSync(join(temp, 'output'), 'utf8')
  for (const [, name, plain, , long] of written.matchAll(/^(\w+)(?:=(.*)|<<(.+)\n([^]*?)\n\3)$/gm))
    outputs[`${step.id}.${name}`] = plain ?? long ?? ''
  return ran
}

/** The policy that was written, with where today's peers are. */
function withPeers(text: string): string {
  const { registry, ca } = npmRegistry()
  const json = JSON.stringify
  const filled = text
    .replace('"https://git.example.com/_services/token"', json(stage.issuer.url))
    .replace(
      'url: "https://git.example.com"',
      `url: "https://git.example.com", dial: ${json(stage.git.dial)}, ca: ${json(stage.git.ca)}`,
    )
    .replace(
      '"https://registry.npmjs.org"',
      `${json(registry)}${ca === undefined ? '' : `, ca: ${json(ca)}`}`,
    )
  assert.notEqual(filled, text)
  return filled
}
