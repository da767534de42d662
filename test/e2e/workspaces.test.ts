import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { projectFolder, setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

const upstream = (...args: string[]) =>
  execFileSync('git', ['-c', 'safe.directory=*', '-C', join(stage.git.root, 'octo-org/links.git'), ...args], {
    encoding: 'utf8',
  }).trim()

let stage: Stage
let temporary: string
let commit: string
before(async () => {
  stage = await setStage({
    policy: (text) =>
      text.replace(
        '    description: May push version tags',
        '    allow: [shared-workspace]\n    description: May push version tags',
      ) +
      `  strict:
    trust: { issuer: ci, repository_id: "1296269", event: push, ref: refs/heads/main, ref_protected: true }
    grants: [ "git:read git/octo-org/links", "git:push git/octo-org/links@refs/tags/s*" ]
  modules:
    trust: { issuer: ci, repository_id: "1296269", event: push }
    grants: [ "git:read git/octo-org/links", "git:read git/octo-org/links-lib" ]
  blind:
    trust: { issuer: ci, repository_id: "1296269", event: push, ref: refs/heads/main, ref_protected: true }
    grants: [ "git:push git/octo-org/links@refs/tags/s*" ]
`,
  })
  temporary = join(stage.folder, 'runner-temp')
  mkdirSync(temporary)
  commit = upstream('rev-parse', 'main')
})
after(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
})

let runs = 0
/** A job of its own: the claims say another run each time. */
const newJob = (claims: Record<string, unknown> = {}) => ({
  ...stage.jobEnvironment({ run_id: `77${runs++}`, ...claims }),
  RUNNER_TEMP: temporary,
})

const pipeline = (text: string, env: Record<string, string> = newJob()): Promise<Ran> => {
  const file = join(stage.folder, 'pipeline.yaml')
  writeFileSync(file, text)
  return stage.runJob(['run', '-f', file], env)
}

const clone = 'git clone -q https://git.example.com/octo-org/links .'

interface Entry {
  readonly type: string
  readonly data: Record<string, unknown>
}

/** The data of the entries of this type in the run. */
async function entriesOf(ran: Ran, type: string): Promise<Record<string, unknown>[]> {
  const run = /run (run_\w+):/.exec(ran.stderr)?.[1] ?? ''
  for (let tries = 0; ; tries++) {
    const shown = await stage.operate(['audit', 'show', '--data', stage.dataFolder, '--run', run, '--json'])
    const { entries } = JSON.parse(shown.stdout) as { entries: Entry[] }
    const found = entries.filter((entry) => entry.type === type)
    if (found.length > 0 || tries > 60) return found.map(({ data }) => data)
    await new Promise((next) => setTimeout(next, 100))
  }
}

const reported = (data: Record<string, unknown>) => data['reported'] as Record<string, unknown>

test('a role that writes starts in a workspace of its own, with a clean checkout and what was handed on; "tag and push" is one line', async () => {
  const ran = await pipeline(`steps:
  - name: build
    role: build
    run: |
      ${clone}
      mkdir -p dist; echo built > dist/app.tgz; echo evil > dist/Makefile; echo evil > dist/.npmrc; echo kept > state
      git config --local alias.tag '!echo pwned' || true; echo 'touch pwned' > .git/hooks/pre-push || true
    artifacts: [dist, state]
  - name: release
    role: release
    checkout: true
    run: |
      pwd; ls -A dist; cat state; git status --short; git log --format=%H; git remote get-url origin
      git config user.name ci
      git tag v1.0.1 && git push -q origin v1.0.1
  - { name: look, role: build, run: "ls state; git tag" }
`)
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stderr, /not handed on: "dist\/Makefile" would run where it is taken: name it in full/)
  assert.deepEqual(ran.stdout.trim().split('\n'), [
    ...[stage.workspace, 'app.tgz', 'kept', '?? state', commit],
    ...['https://git.example.com/octo-org/links', 'state'],
  ])
  assert.equal(upstream('rev-parse', 'v1.0.1'), commit)
  // Nothing is left of the workspace, nor of what was handed on.
  assert.deepEqual(readdirSync(temporary), [])
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const files = [
    { path: 'dist/app.tgz', sha256: sha256('built\n'), bytes: 6 },
    { path: 'state', sha256: sha256('kept\n'), bytes: 5 },
  ]
  const list = {
    files,
    count: 2,
    bytes: 11,
    sha256: sha256(files.map((f) => `${f.sha256}  ${f.path}\n`).join('')),
  }
  const ends = (await entriesOf(ran, 'step.finished')).map(reported)
  assert.deepEqual(
    ends.map(({ artifacts, inputs }) => ({ artifacts, inputs })),
    [
      { artifacts: list, inputs: undefined },
      { artifacts: undefined, inputs: list },
      // They come from where it runs: nothing is taken.
      { artifacts: undefined, inputs: undefined },
    ],
  )
  const kinds = (await entriesOf(ran, 'step.started')).map(
    (data) => (reported(data)['workspace'] as { kind: string }).kind,
  )
  assert.deepEqual(kinds, ['job', 'fresh', 'job'])
})

test('what a step declares and does not leave fails it, and the steps that would take it do not run', async () => {
  const ran = await pipeline(`steps:
  - { name: pack, role: build, run: "echo ran; mkfifo app.tgz; ln -s /etc/passwd list", artifacts: ["*.tgz", list, gone] }
  - { name: release, role: release, run: echo released }
`)
  assert.equal(ran.exitCode, 1)
  assert.equal(ran.stdout, 'ran\n')
  for (const line of [
    'not handed on: "app.tgz" is no plain file',
    'not handed on: "list" is no plain file',
    '"*.tgz" gives no file',
    '"list" gives no file',
    '"gone" is not there',
  ])
    assert.ok(ran.stderr.includes(`mayfly: artifacts of step "pack": ${line}\n`), `${line}: ${ran.stderr}`)
})

test('a secret of the job is handed on in no artifact: masked in text, and a program that holds it fails the step', async () => {
  const job = { ...newJob(), NPM_TOKEN: 'hunter22-hunter22' }
  const steps = (files: string) => `steps:
  - { name: pack, role: build, run: "echo at hunter22-hunter22 > log; printf 'hunter22-hunter22\\\\000' > app", artifacts: [${files}] }
  - { name: release, role: release, run: cat log }
`
  const ran = await pipeline(steps('log'), job)
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stderr, /^mayfly: artifacts of step "pack": masked: "log" held NPM_TOKEN \(once\)$/m)
  assert.equal(ran.stdout, 'at ***\n')
  const [end] = await entriesOf(ran, 'step.finished')
  const said = reported(end ?? {})
  assert.deepEqual(said['secrets_seen'], [{ name: 'NPM_TOKEN', count: 1 }])
  const digest = createHash('sha256').update('at ***\n').digest('hex')
  assert.deepEqual((said['artifacts'] as { files: unknown }).files, [
    { path: 'log', sha256: digest, bytes: 7 },
  ])
  const failed = await pipeline(steps('log, app'), { ...newJob(), NPM_TOKEN: 'hunter22-hunter22' })
  assert.equal(failed.exitCode, 1)
  assert.match(failed.stderr, /not handed on: "app" holds NPM_TOKEN \(once\), .* it is no UTF-8 text/)
  assert.equal(failed.stdout, '')
})

test('what was handed on takes no place of the checkout’s files, unless it is named in full; and none of a link', async () => {
  const steps = (artifacts: string, build = 'echo mine > README.md') => `steps:
  - { name: build, role: build, run: "${build}", artifacts: [${artifacts}] }
  - { name: release, role: release, checkout: true, run: head -1 README.md }
`
  const refused = await pipeline(steps('"*.md"'))
  assert.equal(refused.exitCode, 125)
  assert.match(
    refused.stderr,
    /the artifact "README\.md" of step "build" is in the checkout, too: hand it on under another path, or name it in full/,
  )
  const named = await pipeline(steps('README.md'))
  assert.equal(named.stdout, 'mine\n', named.stderr)
  const asFolder = await pipeline(
    steps('README.md', 'rm -rf README.md; mkdir README.md; echo x > README.md/file'),
  )
  assert.equal(asFolder.exitCode, 125)
  assert.match(
    asFolder.stderr,
    /"README\.md\/file" of step "build" cannot be put into the workspace: a link, a file or a folder/,
  )
})

test('credentials that a step did not see are not handed on, whatever it calls the folder that they are in', async () => {
  mkdirSync(join(stage.workspace, 'sub'))
  writeFileSync(
    join(stage.workspace, 'sub/pip.conf'),
    '[global]\nindex-url = https://me:left-behind-secret-1@pypi.test/simple\n',
  )
  const ran = await pipeline(`steps:
  - { name: build, role: build, run: "mv sub moved; echo fine > moved/file", artifacts: ["moved/*", moved/pip.conf] }
`)
  assert.equal(ran.exitCode, 1)
  assert.match(
    ran.stderr,
    /not handed on: "moved\/pip\.conf" holds credentials, and the step saw it without them/,
  )
})

test('a checkout says why there is none: no commit, no grant, a workspace that is not empty', async () => {
  const step = (role: string, more = '') =>
    `steps:\n  - { name: release, role: ${role}, checkout: true, run: echo ran${more} }\n`
  const wrongs: [string, Record<string, unknown>, RegExp][] = [
    [
      step('blind'),
      {},
      /role "blind" may not read octo-org\/links: add "git:read CONNECTION\/octo-org\/links" to its grants/,
    ],
    [
      step('release'),
      { sha: '1'.repeat(40) },
      /111111111111 of https:\/\/git\.example\.com\/octo-org\/links is not there: git ended with 128, see above/,
    ],
    [
      step('release', ', workspace: shared'),
      {},
      /is not empty, and a checkout fills an empty workspace: write `workspace: fresh`/,
    ],
  ]
  writeFileSync(join(stage.workspace, 'file'), '')
  for (const [text, claims, expected] of wrongs) {
    const ran = await pipeline(text, newJob(claims))
    assert.match(ran.stderr, expected)
    assert.deepEqual([ran.exitCode, ran.stdout], [125, ''])
  }
})

test('depth: one commit, or all of them with branches and tags', async () => {
  const count = async (checkout: string) => {
    const ran = await pipeline(`steps:
  - { name: release, role: release, checkout: ${checkout}, run: "git log --oneline | wc -l; git branch -r" }
`)
    assert.equal(ran.exitCode, 0, ran.stderr)
    return ran.stdout.trim().split(/\s+/)
  }
  const all = upstream('rev-list', '--count', 'main')
  assert.deepEqual(await count('true'), ['1'])
  assert.deepEqual(await count('{ depth: 2 }'), ['2'])
  assert.deepEqual(await count('{ depth: 0, connection: git }'), [all, 'origin/main'])
})

test('workspace: shared is for a role that allows it; the refusal is recorded', async () => {
  const text = (role: string) => `steps:
  - { name: build, role: build, run: echo built > file }
  - { name: release, role: ${role}, workspace: shared, run: cat file }
`
  assert.equal((await pipeline(text('release'))).stdout, 'built\n')
  const refused = await pipeline(text('strict'))
  assert.deepEqual([refused.exitCode, refused.stdout], [125, ''])
  assert.match(
    refused.stderr,
    /role "strict" writes, and does not allow a workspace that is shared.*allow: \[shared-workspace\]/,
  )
})

test(
  'a lone run of a role that writes, where another role of the run has been: refused, by name allowed, in a checkout of its own it runs',
  slow,
  async () => {
    const env = newJob()
    const run = (role: string, ...args: string[]) => stage.runJob(['run', '--role', role, ...args], env)
    const script = ['--', 'sh', '-c', 'ls -A; git log -1 --format=%H']
    // Nobody has been there: the CI's own checkout, say.
    assert.equal((await run('strict', '--', 'true')).exitCode, 0)
    assert.equal((await run('strict', '--', 'true')).exitCode, 0, 'the same role wrote it')
    assert.equal((await run('build', '--', 'sh', '-c', clone)).exitCode, 0)
    for (const role of ['strict', 'release']) {
      const ran = await run(role, ...script)
      assert.deepEqual([ran.exitCode, ran.stdout], [125, ''], ran.stderr)
      assert.match(
        ran.stderr,
        /steps of this run have been in this workspace in role "build".*--checkout.*--shared-workspace/,
      )
    }
    const shared = await run('release', '--shared-workspace', ...script)
    assert.match(shared.stdout, new RegExp(`${commit}\n$`), shared.stderr)
    assert.match(
      (await run('strict', '--shared-workspace', ...script)).stderr,
      /does not allow a workspace that is shared/,
    )
    assert.match((await run('strict', '--checkout', ...script)).stdout, new RegExp(`${commit}\n$`))
    // Another job, and another folder of this one, are not concerned.
    mkdirSync(join(stage.workspace, 'other'))
    assert.equal((await run('strict', '--workspace', 'other', '--', 'true')).exitCode, 0)
    assert.equal((await stage.runJob(['run', '--role', 'strict', '--', 'true'], newJob())).exitCode, 0)
    const refusals = await entriesOf(shared, 'step.refused')
    assert.deepEqual(
      refusals.map(({ role, reason }) => [role, reason]),
      [
        ...[
          ['strict', 'workspace_shared'],
          ['release', 'workspace_shared'],
          ['strict', 'workspace_shared'],
        ],
      ],
    )
  },
)

test('a job that is killed leaves a workspace behind, and the next one takes it away; of one that runs it leaves its own', async () => {
  const text =
    'steps:\n  - { name: release, role: release, run: "touch a; chmod 000 .; echo up; sleep 30" }\n'
  const file = join(stage.folder, 'slow.yaml')
  writeFileSync(file, text)
  const start = async () => {
    const child = spawn(join(projectFolder, 'bin/mayfly'), ['run', '-f', file], {
      cwd: stage.workspace,
      env: newJob(),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    for await (const chunk of child.stdout) if (String(chunk).includes('up')) break
    const ended = new Promise((done) => child.once('close', done))
    return { child, ended }
  }
  const jobs = () => readdirSync(temporary).flatMap((name) => readdirSync(join(temporary, name)))
  const killed = await start()
  killed.child.kill('SIGKILL')
  await killed.ended
  const [left] = jobs()
  const running = await start()
  assert.equal(jobs().length, 1)
  assert.notEqual(jobs()[0], left)
  assert.equal((await stage.runJob(['run', '--role', 'build', '--', 'true'], newJob())).exitCode, 0)
  assert.equal(jobs().length, 1)
  running.child.kill('SIGTERM')
  await running.ended
  assert.deepEqual(readdirSync(temporary), [])
})

test(
  'after its checkout a step has of npm’s cache what the lockfile pins, and npm finds it whole',
  slow,
  async () => {
    const env = { ...newJob(), XDG_CACHE_HOME: join(stage.folder, 'runner-cache') }
    const cached = (name: string, run: string) =>
      `  - { name: ${name}, role: build, workspace: fresh, checkout: true, cache: [npm], run: "${run}" }\n`
    const ran = await pipeline(
      `steps:\n${cached('install', 'npm ci --ignore-scripts >/dev/null')}${cached('verify', 'npm cache verify')}`,
      env,
    )
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.match(ran.stdout, /Content verified: [1-9]\d+ /)
    assert.match(ran.stdout, /Index entries: [1-9]\d+/)
    assert.doesNotMatch(ran.stdout, /Missing|garbage-collected: [1-9]/)
  },
)

test('a checkout brings its submodules if it is asked to, and goes with caches and artifacts into one workspace', async () => {
  const git = (folder: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', '-C', folder, ...args], {
      encoding: 'utf8',
    }).trim()
  const [lib, app] = [join(stage.folder, 'lib'), join(stage.folder, 'app')]
  execFileSync('git', ['init', '-q', lib])
  writeFileSync(join(lib, 'lib.txt'), 'of the library\n')
  git(lib, 'add', '.')
  git(lib, 'commit', '-q', '-m', 'one')
  execFileSync('git', ['clone', '-q', '--bare', lib, join(stage.git.root, 'octo-org/links-lib.git')])
  execFileSync('git', ['clone', '-q', join(stage.git.root, 'octo-org/links.git'), app])
  const modules = '[submodule "lib"]\n\tpath = lib\n\turl = ../links-lib\n'
  writeFileSync(join(app, '.gitmodules'), modules)
  git(app, 'add', '.gitmodules')
  git(app, 'update-index', '--add', '--cacheinfo', `160000,${git(lib, 'rev-parse', 'HEAD')},lib`)
  git(app, 'commit', '-q', '-m', 'with a submodule')
  git(app, 'push', '-q', 'origin', 'HEAD:refs/heads/modules')
  const ran = await pipeline(
    `steps:
  - { name: build, role: build, run: echo built > app.tgz, artifacts: [app.tgz] }
  - { name: look, role: modules, workspace: fresh, checkout: { submodules: true }, cache: [.cache/x], run: cat lib/lib.txt app.tgz; touch .cache/x/kept }
`,
    { ...newJob({ sha: git(app, 'rev-parse', 'HEAD') }), XDG_CACHE_HOME: join(stage.folder, 'caches') },
  )
  assert.equal(ran.stdout, 'of the library\nbuilt\n', ran.stderr)
})

test(
  'what one fresh workspace hands on is in the next one, however often folders are made and removed',
  slow,
  async () => {
    const rounds = [1, 2, 3, 4]
    const steps = rounds.map(
      (i) =>
        `  - { name: make${i}, role: build, workspace: fresh, run: "echo ${i} > f", artifacts: [f] }\n` +
        `  - { name: take${i}, role: build, workspace: fresh, needs: [make${i}], run: cat f }\n`,
    )
    const ran = await pipeline(`steps:\n${steps.join('')}`)
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.deepEqual(ran.stdout.trim().split('\n'), rounds.map(String))
    const ids = (await entriesOf(ran, 'step.started')).map((data) =>
      JSON.stringify(reported(data)?.['workspace']),
    )
    assert.equal(new Set(ids).size, 8, ids.join())
  },
)

test('a dotenv report is what was checked at the end of its step, whatever a later step writes there', async () => {
  const ran = await pipeline(
    `steps:
  - { name: version, role: build, dotenv: build.env, run: "echo VERSION=1 > build.env" }
  - { name: test, role: build, run: "echo NODE_OPTIONS=--require=/evil.js >> build.env" }
`,
    { ...newJob(), GITLAB_CI: 'true' },
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stderr, /build.env was written by a step that does not name it/)
  assert.equal(readFileSync(join(stage.workspace, 'build.env'), 'utf8'), 'VERSION=1\n')
})

test('what a step left in a repository for Git to run keeps a role that writes out of the shared workspace; the pipeline in use stays', async () => {
  const file = join(stage.workspace, 'ci.yaml')
  const text = `steps:
  - name: build
    role: build
    run: |
      git init -q sub; git -C sub config filter.x.clean ./evil
      echo '# evil' >> ci.yaml || true; rm -f ci.yaml || true
  - { name: release, role: release, workspace: shared, run: touch ran }
`
  writeFileSync(file, text)
  const ran = await stage.runJob(['run', '-f', file], newJob())
  assert.equal(ran.exitCode, 125, ran.stderr)
  assert.match(ran.stderr, /sub\/\.git\/config sets filter\.x\.clean, by which Git may run a program/)
  assert.ok(!readdirSync(stage.workspace).includes('ran'))
  assert.equal(readFileSync(file, 'utf8'), text)
})

test('a step that closes its workspace keeps no later step and no later job out of it', async () => {
  const steps =
    'steps:\n  - { name: a, role: build, run: chmod 000 . }\n  - { name: b, role: build, run: touch in }\n'
  const ran = await pipeline(steps)
  assert.equal(ran.exitCode, 0, ran.stderr)
  const closed = await pipeline('steps:\n  - { name: a, role: build, run: touch again; chmod 000 . }\n')
  assert.equal(closed.exitCode, 0, closed.stderr)
  const later = await pipeline('steps:\n  - { name: a, role: build, run: ls }\n')
  assert.deepEqual([later.exitCode, readdirSync(stage.workspace)], [0, ['again', 'in']], later.stderr)
})
