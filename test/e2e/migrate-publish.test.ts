import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { runMayfly, setStage, type Stage } from '../../demo/stage.ts'
import { programOf } from '../clients/peers.ts'
import { startVerdaccio, type Verdaccio } from '../clients/servers/verdaccio.ts'
import { runStep, type Step } from './moved-steps.fixture.ts'

/** As the project had it: the token of a registry in the CI, in the environment of the step that publishes. */
const workflow = `name: release
on:
  push:
    branches: [main]
jobs:
  release:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v5
      - name: Publish
        env:
          NODE_AUTH_TOKEN: \${{ secrets.NPM_TOKEN }}
        run: |
          npm pkg get version
          npm publish --access public
      - name: Tag
        run: |
          git tag v1.0.0
          git push "https://ci-bot:\${{ secrets.GIT_TOKEN }}@git.example.com/octo-org/links" v1.0.0
`

const skip = programOf('verdaccio') === undefined ? 'verdaccio is not built: npm run peers' : false

let stage: Stage
let registry: Verdaccio
before(async () => {
  if (skip !== false) return
  registry = await startVerdaccio('registry.npmjs.org')
  stage = await setStage()
  git(stage.folder, 'clone', '-q', join(stage.git.root, 'octo-org/links.git'), stage.workspace)
  git(stage.workspace, 'remote', 'set-url', 'origin', 'https://git.example.com/octo-org/links')
  writeFileSync(join(stage.workspace, 'package.json'), '{ "name": "@octo-org/links", "version": "1.0.0" }\n')
  mkdirSync(join(stage.workspace, '.github/workflows'), { recursive: true })
  writeFileSync(join(stage.workspace, '.github/workflows/release.yml'), workflow)
})
after(async () => {
  if (skip !== false) return
  await stage[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
})

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'safe.directory=*', '-C', folder, ...args], { encoding: 'utf8' }).trim()
}

test('a moved pipeline publishes by npm and pushes by git, its scripts as they were', { skip }, async () => {
  const ids = ['--repository-id', '1296269', '--owner-id', '65781']
  const moved = await runMayfly(
    ['pipeline', 'migrate', '--write', '--server', stage.server, ...ids],
    stage.jobEnvironment(),
    { cwd: stage.workspace },
  )
  assert.equal(moved.exitCode, 0, moved.stderr)
  const policy = join(stage.folder, 'moved.yaml')
  writeFileSync(policy, withPeers(readFileSync(join(stage.workspace, 'mayfly.yaml'), 'utf8')))
  for (const told of [
    await stage.operate(['secret', 'set', 'npm'], registry.credential),
    await stage.operate(['apply', policy]),
  ])
    assert.equal(told.exitCode, 0, told.stderr)

  const text = readFileSync(join(stage.workspace, '.github/workflows/release.yml'), 'utf8')
  const scripts = (of: string) =>
    (parse(of) as { jobs: { release: { steps: Step[] } } }).jobs.release.steps.filter(
      ({ run }) => run !== undefined,
    )
  assert.equal(scripts(text)[0]?.run, scripts(workflow)[0]?.run)
  assert.doesNotMatch(text, /secrets\./)

  for (const step of scripts(text)) {
    const ran = await runStep(stage, step, { MAYFLY_SERVER: stage.server }, {})
    assert.equal(ran.exitCode, 0, `${step.run}\n${ran.stdout}\n${ran.stderr}`)
    for (const credential of [registry.credential, stage.git.credential])
      assert.equal(`${ran.stdout}${ran.stderr}`.includes(credential.split(':')[1] ?? ''), false)
  }
  const published = (await registry.packument('@octo-org/links')) as { versions: object } | undefined
  assert.deepEqual(Object.keys(published?.versions ?? {}), ['1.0.0'])
  const upstream = join(stage.git.root, 'octo-org/links.git')
  assert.equal(git(upstream, 'rev-parse', 'v1.0.0'), git(upstream, 'rev-parse', 'main'))
})

/** The policy that was written, with where today's peers are, and how this registry wants its account. */
function withPeers(text: string): string {
  const json = JSON.stringify
  const swaps: [string, string][] = [
    ['"https://git.example.com/_services/token"', json(stage.issuer.url)],
    [
      'url: "https://git.example.com"',
      `url: "https://git.example.com", dial: ${json(stage.git.dial)}, ca: ${json(stage.git.ca)}`,
    ],
    [
      'url: "https://registry.npmjs.org", credential: { bearer: secret:npm }',
      `url: "https://registry.npmjs.org", dial: ${json(registry.dial)}, ca: ${json(registry.ca)}, credential: { basic: secret:npm }`,
    ],
  ]
  for (const [from] of swaps) assert.ok(text.includes(from), `${from} is not in\n${text}`)
  return swaps.reduce((filled, [from, to]) => filled.replace(from, to), text)
}
