import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { npmRegistry, runMayfly, setStage, type Stage } from '../../demo/stage.ts'
import { isWhole } from '../whole.ts'
import { runStep, type Step } from './moved-steps.fixture.ts'

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
    const ran = await runStep(stage, step, env, outputs)
    assert.equal(ran.exitCode, 0, `${step.run}\n${ran.stdout}\n${ran.stderr}`)
    assert.equal(ran.stdout.includes(stage.git.credential.split(':')[1] ?? ''), false)
  }
  assert.deepEqual(outputs, { 'version.tag': 'v1.0.0' })
  const upstream = join(stage.git.root, 'octo-org/links.git')
  assert.equal(git(upstream, 'rev-parse', 'v1.0.0'), git(upstream, 'rev-parse', 'main'))
})

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
