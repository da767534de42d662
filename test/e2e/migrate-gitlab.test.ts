import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { projectFolder, runMayfly, setStage, type Stage } from '../../demo/stage.ts'
import { programOf } from '../clients/peers.ts'

/** As the project had it: a password among the variables of the project, which every job has. */
const pipeline = `stages: [test, release]

default:
  before_script:
    - greeting="a tag of $CI_PROJECT_NAME"   # a variable of this shell alone

test:
  stage: test
  script:
    - echo "no secret here"

tag:
  stage: release
  variables: { PREFIX: v }
  script:
    - version="$(node -p 'require("./package.json").version')"
    # What the shell knows, it knows to the end.
    - |
      cd . && test "$greeting" = "a tag of links"
    - 'git tag "$PREFIX$version"'
    - git push "https://ci-bot:\${GIT_TOKEN}@git.example.com/octo-org/links" "$PREFIX$version"
    - echo "pushed with \${#GIT_TOKEN} letters"
  rules:
    - if: $CI_COMMIT_BRANCH == "main"
`

/** GitLab documentation, "OpenID Connect (OIDC) Authentication Using ID Tokens", Token payload. */
const claims = {
  sub: 'project_path:octo-org/links:ref_type:branch:ref:main',
  project_id: '1296269',
  project_path: 'octo-org/links',
  namespace_id: '65781',
  namespace_path: 'octo-org',
  pipeline_id: '42',
  pipeline_source: 'push',
  job_id: '4242',
  ref: 'main',
  ref_type: 'branch',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
}

const gitlabCiLocal = programOf('gitlab-ci-local')
const skip = gitlabCiLocal === undefined ? 'gitlab-ci-local is not built: npm run peers' : false

let stage: Stage
before(async () => {
  if (skip !== false) return
  stage = await setStage()
  const root = join(stage.git.root, 'octo-org/links.git')
  git(stage.folder, 'clone', '-q', root, stage.workspace)
  git(stage.workspace, 'remote', 'set-url', 'origin', 'https://git.example.com/octo-org/links')
  writeFileSync(join(stage.workspace, '.gitlab-ci.yml'), pipeline)
})
after(() => stage?.[Symbol.asyncDispose]())

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'safe.directory=*', '-C', folder, ...args], { encoding: 'utf8' }).trim()
}

test(
  'a moved pipeline of GitLab runs: its scripts as they were, in one shell, without the secret',
  { skip },
  async () => {
    const moved = await runMayfly(
      [
        ...['pipeline', 'migrate', '--write', '--server', stage.server],
        ...['--repository-id', claims.project_id, '--owner-id', claims.namespace_id],
        ...['--issuer-url', 'https://gitlab.example.com'],
      ],
      stage.jobEnvironment(),
      { cwd: stage.workspace },
    )
    assert.equal(moved.exitCode, 0, moved.stderr)
    assert.match(moved.stdout, /GIT_TOKEN: in the settings of the project/)
    const policy = join(stage.folder, 'moved.yaml')
    writeFileSync(policy, withPeers(readFileSync(join(stage.workspace, 'mayfly.yaml'), 'utf8')))
    const applied = await stage.operate(['apply', policy])
    assert.equal(applied.exitCode, 0, applied.stderr)

    const password = stage.git.credential.split(':')[1] ?? ''
    const ran = await runJob('tag', { GIT_TOKEN: password })
    assert.equal(ran.exitCode, 0, ran.text)
    // It is still among the variables of the project, and no step has it.
    assert.match(ran.text, /pushed with 19 letters/)
    const upstream = join(stage.git.root, 'octo-org/links.git')
    assert.equal(git(upstream, 'rev-parse', 'v1.0.0'), git(upstream, 'rev-parse', 'main'))
  },
)

/** gitlab-ci-local runs a job by the shell, as GitLab's runner with the executor `shell` does; the token it would make is for nobody. */
async function runJob(
  job: string,
  secrets: Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number; readonly text: string }> {
  const token = await stage.issuer.sign(stage.server, {
    ...claims,
    sha: git(stage.workspace, 'rev-parse', 'HEAD'),
  })
  const bin = mkdtempSync(join(stage.folder, 'bin-'))
  symlinkSync(join(projectFolder, 'bin/mayfly'), join(bin, 'mayfly'))
  const home = join(bin, 'home')
  mkdirSync(home)
  const {
    ACTIONS_ID_TOKEN_REQUEST_URL: _,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: __,
    GITHUB_REPOSITORY: ___,
    ...environment
  } = stage.jobEnvironment()
  const variables = { ...secrets, MAYFLY_ID_TOKEN: token }
  const child = spawn(
    gitlabCiLocal ?? '',
    [
      ...['--home', home, '--shell-isolation=false', '--no-artifacts-to-source', '--force-shell-executor'],
      ...Object.entries(variables).flatMap(([name, value]) => ['--variable', `${name}=${value}`]),
      job,
    ],
    {
      cwd: stage.workspace,
      env: { ...environment, PATH: `${bin}:${environment['PATH'] ?? ''}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part))
  const exitCode = await new Promise<number>((done, fail) =>
    child.on('error', fail).on('close', (code) => done(code ?? 1)),
  )
  return { exitCode, text: Buffer.concat(parts).toString() }
}

/** The policy that was written, with where today's peers are. */
function withPeers(text: string): string {
  const json = JSON.stringify
  const filled = text
    .replace('"https://gitlab.example.com"', json(stage.issuer.url))
    .replace(
      'url: "https://git.example.com"',
      `url: "https://git.example.com", dial: ${json(stage.git.dial)}, ca: ${json(stage.git.ca)}`,
    )
  assert.notEqual(filled, text)
  return filled
}
