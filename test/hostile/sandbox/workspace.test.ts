import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { readEnvironment } from '../../../src/config/environment.ts'
import { openBench, temporaryFolder } from '../../../src/runner/sandbox/sandbox.fixture.ts'

const rounds = Number(readEnvironment().variables['MAYFLY_HOSTILE_ROUNDS'] ?? 1)

let stage: Stage
before(async () => {
  stage = await setStage()
})
after(() => stage[Symbol.asyncDispose]())

const run = (args: readonly string[]) =>
  stage.runJob(['run', '--role', 'build', ...args], stage.jobEnvironment())

test('a step swaps .mayfly by a link while another step starts', async () => {
  const outside = join(stage.folder, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'a file of the machine')
  symlinkSync(outside, join(stage.workspace, 'link'))
  // renameat2(2) with RENAME_EXCHANGE, until both others have come and wait, or have run.
  const call = process.arch === 'arm64' ? 276 : 316
  const swap = `[ -e .mayfly ] || mkdir .mayfly; exec perl -e 'my ($a, $b) = (".mayfly", "link"); my $end = time + 40; print STDERR "up\\n"; syscall(${call}, -100, $a, -100, $b, 2) until -e "stop" || time > $end'`
  const stop = join(stage.workspace, 'stop')
  for (let round = 0; round < rounds; round++) {
    rmSync(stop, { force: true })
    let waiting = 0
    const other = () =>
      stage.runJob(
        ['run', '--role', 'build', '--', 'sh', '-c', 'cat .mayfly/secret link/secret; echo ran'],
        stage.jobEnvironment(),
        (text) => {
          if (/another step runs in .*: waiting for it to end/.test(text) && ++waiting === 2)
            writeFileSync(stop, '')
        },
      )
    let others: Promise<{ stdout: string }[]> | undefined
    await stage.runJob(['run', '--role', 'build', '--', 'sh', '-c', swap], stage.jobEnvironment(), (text) => {
      if (text.includes('up'))
        others ??= Promise.all([other(), other()]).finally(() => writeFileSync(stop, ''))
    })
    const ran = (await others) ?? []
    assert.deepEqual([ran.map(({ stdout }) => stdout), waiting], [['ran\n', 'ran\n'], 2])
  }
})

test('a step makes Mayfly delete a file of the machine, by .git as a link', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const outside = temporaryFolder(t)
  await bench.sh(`ln -s ${outside} .git`)
  writeFileSync(join(outside, 'commondir'), 'of the machine')
  await bench.sh('rm -rf .git; ln -s elsewhere .git')
  const other = await openBench(t)
  if (other === undefined) return
  // The folder is there only once the step has begun, so that nothing has been seen in it before.
  const ran = await other.sh(`ln -s ${outside} .git; exit 4`)
  assert.equal(ran.code, 4)
  assert.equal(readFileSync(join(outside, 'commondir'), 'utf8'), 'of the machine')
})

test('what a step puts in the place of files that Mayfly looks at does not keep the next step from running', async (t) => {
  const layouts = {
    'commondir as a folder': 'mkdir -p .git/commondir/full',
    'commondir in a folder that cannot be written': 'mkdir -p .git; echo x > .git/commondir; chmod 500 .git',
    pipes:
      'mkdir -p .git .github; mkfifo .git/config .git/hooks .gitlab-ci.yml .mayfly .github/workflows .npmrc .netrc package-lock.json',
    folders:
      'mkdir -p .git/config .gitlab-ci.yml .npmrc .netrc .docker/config.json package-lock.json .git/modules/a/HEAD',
    files:
      'echo "gitdir: elsewhere" > .git; echo x > .mayfly; echo x > .github; echo x > .ssh; echo x > .config',
    loops: 'ln -s .git .git; ln -s .mayfly .mayfly; ln -s . .ssh; ln -s .npmrc .npmrc; ln -s .. .aws',
    'links out':
      'ln -s /etc .ssh; ln -s /etc/passwd .netrc; ln -s /proc/self/root .kube; ln -s /dev/zero .npmrc',
    'modules without end': `mkdir -p .git/modules/${'a/'.repeat(40)}; touch .git/HEAD`,
  }
  for (const [name, script] of Object.entries(layouts)) {
    const bench = await openBench(t)
    if (bench === undefined) return
    assert.equal((await bench.sh(`${script}; exit 3`)).code, 3, name)
    const next = await bench.sh('echo ran; exit 5')
    assert.deepEqual([next.code, next.stdout], [5, 'ran\n'], `${name}: ${next.stderr}`)
    if (name.startsWith('commondir'))
      assert.ok(!readdirSync(join(bench.workspace, '.git')).includes('commondir'), name)
  }
})

test('a step changes where the repository of a worktree is, and what a submodule runs', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const inside = (path: string) => join(bench.workspace, path)
  mkdirSync(inside('.git/modules/lib/a/hooks'), { recursive: true })
  for (const name of [
    '.git/HEAD',
    '.git/modules/lib/a/HEAD',
    '.git/modules/lib/a/config',
    '.git/config.worktree',
  ])
    writeFileSync(inside(name), 'as it was\n')
  await bench.sh(
    'for f in .git/modules/lib/a/config .git/config.worktree .git/modules/lib/a/hooks/post-checkout; do echo evil > $f; done; mv .git/modules/lib .git/modules/x; mkdir -p .git/modules/lib/a; echo evil > .git/modules/lib/a/config',
  )
  for (const name of ['.git/modules/lib/a/config', '.git/config.worktree'])
    assert.equal(readFileSync(inside(name), 'utf8'), 'as it was\n')
  assert.deepEqual(readdirSync(inside('.git/modules/lib/a/hooks')), [])
  const worktree = await openBench(t)
  if (worktree === undefined) return
  writeFileSync(join(worktree.workspace, '.git'), 'gitdir: /somewhere\n')
  await worktree.sh('echo "gitdir: evil" > .git; rm -f .git; mv .git g; ln -sf evil .git')
  assert.equal(readFileSync(join(worktree.workspace, '.git'), 'utf8'), 'gitdir: /somewhere\n')
})

test('a step reads the token that the checkout left', async () => {
  const token = 'ghs_left-by-the-checkout-1'
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64')
  execFileSync('git', ['init', '-q'], { cwd: stage.workspace })
  for (const [key, value] of [
    ['http.https://github.com/.extraheader', `AUTHORIZATION: basic ${basic}`],
    ['remote.origin.url', `https://gitlab-ci-token:${token}@gitlab.test/o/r.git`],
    ['mayfly.test', 'still here'],
  ] as const)
    execFileSync('git', ['config', key, value], { cwd: stage.workspace })
  writeFileSync(join(stage.workspace, '.npmrc'), `registry=https://r.test/\n//r.test/:_authToken=${token}\n`)
  mkdirSync(join(stage.workspace, '.aws'))
  writeFileSync(join(stage.workspace, '.aws/credentials'), token)
  const attack = `cat .git/config .npmrc .aws/*; tr a-z b-za < .git/config; git config mayfly.test; echo ${basic} | base64 -d`
  const ran = await run(['--', 'sh', '-c', attack])
  assert.match(ran.stdout, /^still here$/m)
  assert.match(ran.stdout, /url = https:\/\/gitlab\.test\/o\/r\.git/)
  assert.match(ran.stdout, /^registry=https:\/\/r\.test\/$/m)
  const rot = (text: string) =>
    text.replaceAll(/[a-z]/g, (letter) =>
      letter === 'z' ? 'a' : String.fromCharCode(letter.charCodeAt(0) + 1),
    )
  for (const form of [token, basic, rot(token), rot(basic)]) assert.ok(!ran.stdout.includes(form), form)
  assert.match(
    ran.stderr,
    /^mayfly: credentials are left in the workspace, in \.git\/config, \.npmrc, \.aws: they are masked, and the step sees the files without them: .+$/m,
  )
  assert.match(readFileSync(join(stage.workspace, '.git/config'), 'utf8'), new RegExp(basic))
})

test('a job runs where the server keeps its data, or in a home', async () => {
  const refused = await run(['--workspace', stage.folder, '--', 'cat', 'data/keys/vault.key'])
  assert.equal(refused.exitCode, 2)
  assert.match(refused.stderr, /cannot be the workspace: the data of mayfly up is in /)
  const tools = await run(['--tools', join(stage.folder, 'data'), '--', 'true'])
  assert.match(tools.stderr, /cannot be the tools folder/)
  const home = await stage.runJob(['run', '--role', 'build', '--', 'true'], {
    ...stage.jobEnvironment(),
    HOME: stage.workspace,
  })
  assert.match(home.stderr, /cannot be the workspace: it is a home/)
})

test('a step writes what git runs in a later step: in a repository below, a submodule, one without hooks, a worktree’s pointer', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { workspace } = bench
  const git = (...args: string[]) =>
    execFileSync(
      'git',
      ['-c', 'protocol.file.allow=always', '-c', 'user.name=x', '-c', 'user.email=x@x', ...args],
      {
        cwd: workspace,
        stdio: 'ignore',
      },
    )
  git('init', '-q', '--template=', 'a/app')
  git('-C', 'a/app', 'commit', '-q', '--allow-empty', '-m', 'one')
  git('init', '-q', '.')
  git('commit', '-q', '--allow-empty', '-m', 'one')
  git('submodule', 'add', '-q', './a/app', 'lib')
  git('worktree', 'add', '-q', 'w')
  const { stdout } = await bench.sh(
    `for f in a/app/.git/config a/app/.git/hooks/post-checkout .git/modules/lib/config .git/modules/lib/hooks/x lib/.git w/.git .git/hooks/pre-push; do
       (echo '[core]' >> $f) 2>/dev/null && echo "wrote $f"; done
     mv a/app/.git/hooks a/app/.git/h 2>/dev/null && echo moved; mkdir a/app/.git/hooks 2>/dev/null && echo made
     rm -f lib/.git w/.git; for f in lib/.git w/.git; do [ -e $f ] || echo "took away $f"; done
     git -C a/app status -s >/dev/null && git -C lib status -s >/dev/null && git -C w status -s && echo works
     echo /tmp/x > .git/modules/lib/commondir`,
  )
  assert.equal(stdout, 'works\n')
  const left = await bench.sh('ls .git/modules/lib/commondir 2>/dev/null; true')
  assert.equal(left.stdout, '')
})

test('a step writes what is not there yet: a worktree’s configuration, attributes, what a configuration includes, a folder of hooks', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { workspace } = bench
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
      cwd: workspace,
      stdio: 'ignore',
    })
  const deep = 'a/b/c/d/e/app'
  for (const folder of ['.', deep]) {
    git('init', '-q', folder)
    git('-C', folder, 'commit', '-q', '--allow-empty', '-m', 'one')
  }
  git('init', '-q', '--bare', 'mirrors/one.git')
  git('worktree', 'add', '-q', 'w')
  git('config', 'include.path', '../more.gitconfig')
  git('config', 'core.hooksPath', '.githooks')
  git('-C', deep, 'config', 'includeIf.gitdir:/.path', 'there')
  writeFileSync(join(workspace, deep, '.git/there'), '[core]\n')
  rmSync(join(workspace, '.git/info'), { recursive: true })
  const targets = [
    '.git/config.worktree .git/worktrees/w/config.worktree .git/worktrees/w/commondir .git/worktrees/w/gitdir w/.git',
    'more.gitconfig .githooks/pre-push mirrors/one.git/config mirrors/one.git/hooks/update mirrors/one.git/info/attributes',
    `${deep}/.git/config ${deep}/.git/hooks/pre-push ${deep}/.git/info/attributes ${deep}/.git/there`,
  ].join(' ')
  const { stdout, stderr } = await bench.sh(
    `for f in ${targets}; do
       (echo '[core]' >> $f) 2>/dev/null && echo "wrote $f"
       [ ! -e $f ] || { rm -rf $f 2>/dev/null && echo "removed $f"; }
       (echo x > new && mv -f new $f) 2>/dev/null && echo "replaced $f"; done
     mv a z 2>/dev/null && mkdir -p ${deep}/.git && echo 'moved the folders above'
     git status -s >/dev/null && git -C w status -s >/dev/null && git -C ${deep} log -1 --format=%s && git -C mirrors/one.git branch && git tag v1 && git -C w tag v2 && echo works`,
  )
  assert.equal(stdout, 'one\nworks\n', stderr)
})

test('a step changes what a CI runs next, wherever that CI looks', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { workspace } = bench
  const folders =
    '.github/workflows .github/actions/x .circleci .buildkite .tekton .woodpecker .gitlab/ci .mayfly'
  const files =
    '.gitlab-ci.yml Jenkinsfile Jenkinsfile.release azure-pipelines.yml azure-pipelines-nightly.yml bitbucket-pipelines.yml .drone.yml .travis.yml cloudbuild.yaml action.yml'
  for (const top of ['.', 'below']) {
    execFileSync('git', ['init', '-q', top], { cwd: workspace })
    for (const folder of folders.split(' ')) mkdirSync(join(workspace, top, folder), { recursive: true })
    const all = [...files.split(' '), ...folders.split(' ').map((folder) => `${folder}/one.yml`)]
    for (const file of all) writeFileSync(join(workspace, top, file), 'as it was\n')
  }
  const { stdout } = await bench.sh(
    `for t in . below; do for f in ${files} $(for d in ${folders}; do echo $d/one.yml $d/two.yml; done); do
       (echo evil > $t/$f) 2>/dev/null && echo "wrote $t/$f"; rm -f $t/$f 2>/dev/null && [ ! -e $t/$f ] && case $f in */two.yml) ;; *) echo "removed $t/$f";; esac
     done; done; echo code > below/code.js; cat below/Jenkinsfile`,
  )
  assert.equal(stdout, 'as it was\n')
})

test('files where folders are expected, and the other way round: the next step runs', async (t) => {
  const layouts: string[] = [
    'git init -q .; rm -rf .git/hooks .git/info; touch .git/hooks .git/info',
    'git init -q .; rm -f .git/config; mkdir .git/config .git/config.worktree; git init -q --bare b; rm -rf b/hooks; ln -s /nowhere b/hooks',
    'touch .github .circleci; mkdir Jenkinsfile .gitlab-ci.yml',
    'echo "gitdir: nowhere" > .git; mkdir sub; echo "gitdir: ../.git" > sub/.git; mkdir -p x; echo "gitdir: ../x" > x/.git',
    'git init -q .; printf "[core]\\n hooksPath = .\\n[include]\\n path = ../\\n path = config\\n path = /etc/passwd\\n path = ../../../../x\\n" > .git/config',
    'mkdir -p d; cd d; for i in $(seq 40); do mkdir d && cd d; git init -q . ; done',
    'git init -q .; git config core.hooksPath .mayfly/hooks; mkdir -p .mayfly/hooks; git config include.path ../.mayfly/hooks/inc; touch .mayfly/hooks/inc',
  ]
  for (const lay of layouts) {
    const bench = await openBench(t)
    if (bench === undefined) return
    execFileSync('sh', ['-c', lay], { cwd: bench.workspace })
    for (let round = 0; round < 2; round++) {
      const ended: { code: number; stderr: string } = await bench.sh(
        'touch ran; (echo evil > .mayfly/hooks/pre-push) 2>/dev/null; true',
      )
      assert.deepEqual([ended.code, ended.stderr], [0, ''], lay)
    }
    assert.ok(!existsSync(join(bench.workspace, '.mayfly/hooks/pre-push')))
  }
})

test('more repositories than can be protected: the next step is refused, in words', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  for (let i = 0; i < 900; i++) {
    const folder = join(bench.workspace, `r${i}`)
    for (const name of ['objects', 'refs']) mkdirSync(join(folder, name), { recursive: true })
    for (const name of ['HEAD', 'config']) writeFileSync(join(folder, name), '')
  }
  await assert.rejects(bench.sh('true'), {
    code: 'limit_exceeded',
    message: /more repositories in .* than can be protected: .*workspace: fresh/,
  })
})
