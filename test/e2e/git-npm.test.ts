import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { npmRegistry, projectFolder, setStage, type Ran, type Stage } from '../../demo/stage.ts'

let stage: Stage
before(async () => {
  stage = await setStage()
})
after(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
})

let runs = 0
/** Each a job of its own: in one and the same, a role that writes does not follow others in a workspace. */
const inStep = (role: string, script: string): Promise<Ran> =>
  stage.runJob(
    ['run', '--role', role, '--', 'bash', '-c', script],
    stage.jobEnvironment({ run_id: `90000${runs++}` }),
  )
const repositoryUrl = 'https://git.example.com/octo-org/links'
const upstream = (...args: string[]) =>
  execFileSync('git', ['-c', 'safe.directory=*', '-C', join(stage.git.root, 'octo-org/links.git'), ...args], {
    encoding: 'utf8',
  }).trim()
const identity = '-c user.name=ci -c user.email=ci@example.com'

test('git clone, commit, push of a granted tag: as without us, byte for byte', async () => {
  const ran = await inStep(
    'release',
    `git clone -q ${repositoryUrl} . && git ${identity} tag -a v7.0.0 -m seven && git push -q origin v7.0.0`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.equal(
    execFileSync('git', ['-c', 'safe.directory=*', '-C', stage.workspace, 'rev-parse', 'main'], {
      encoding: 'utf8',
    }).trim(),
    upstream('rev-parse', 'main'),
  )
  assert.equal(upstream('cat-file', '-t', 'v7.0.0'), 'tag')
})

test('a shallow clone, a fetch of more, and protocol version 0 work too', async () => {
  const ran = await inStep(
    'build',
    `git clone -q --depth 1 ${repositoryUrl} . && git fetch -q --unshallow && git -c protocol.version=0 ls-remote origin && git -c protocol.version=0 clone -q ${repositoryUrl} /tmp/zero`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
})

test('a push outside the granted refs is refused before the server sees it, with a message that git shows', async () => {
  const before = stage.git.seen.filter(({ path }) => path.endsWith('/git-receive-pack')).length
  const ran = await inStep(
    'release',
    `git clone -q ${repositoryUrl} . && head -c 3000000 /dev/urandom > big && git add big && git ${identity} commit -q -m big && git push origin HEAD:refs/heads/main`,
  )
  assert.notEqual(ran.exitCode, 0)
  assert.match(
    ran.stderr,
    /remote: mayfly: refused: git:push git\/octo-org\/links@refs\/heads\/main: role "release" does not grant it/,
  )
  assert.match(ran.stderr, /"git:push git\/octo-org\/links@refs\/heads\/main"/)
  assert.match(ran.stderr, /\[remote rejected\] HEAD -> main \(not granted\)/)
  const posts = stage.git.seen.filter(({ path }) => path.endsWith('/git-receive-pack'))
  // git first asks with an empty push whether it may; the push itself never arrives.
  assert.ok(posts.length - before <= 1)
  assert.doesNotMatch(upstream('log', '--format=%s', 'main'), /big/)
})

test('npm shows a bare 403, and the job’s output the reason, the request and the grant to add', async () => {
  cpSync(join(projectFolder, 'examples/app'), stage.workspace, { recursive: true })
  rmSync(join(stage.workspace, 'node_modules'), { recursive: true, force: true })
  const ran = await inStep('release', 'npm ci > npm.out 2>&1')
  assert.notEqual(ran.exitCode, 0)
  assert.match(readFileSync(join(stage.workspace, 'npm.out'), 'utf8'), /E403/)
  const told = ran.stderr.split('\n').filter((line) => line.startsWith('mayfly: refused: npm:install npm/'))
  assert.ok(told.length > 0 && told.length <= 5, ran.stderr)
  for (const line of told)
    assert.match(
      line,
      /^mayfly: refused: npm:install npm\/[a-z0-9-]+: role "release" does not grant it.*"npm:install npm".*\(req_\w+\)$/,
    )
  // npm asks for many packages at once, and is refused each for the same reason.
  assert.match(
    ran.stderr,
    /^mayfly: \d+ more refusals, for the reasons above or beyond the first 200: mayfly audit show/m,
  )
})

test('of a push with a granted and another ref, nothing is pushed', async () => {
  const ran = await inStep(
    'release',
    `git clone -q ${repositoryUrl} . && git tag v8.0.0 && git push origin v8.0.0 HEAD:refs/heads/other`,
  )
  assert.notEqual(ran.exitCode, 0)
  assert.match(ran.stderr, /another ref of this push was refused/)
  assert.equal(upstream('tag', '-l', 'v8.0.0'), '')
  assert.equal(upstream('branch', '--list', 'other'), '')
})

test('a large push (chunked) of a granted ref comes through', async () => {
  const ran = await inStep(
    'release',
    `git clone -q ${repositoryUrl} . && head -c 5000000 /dev/urandom > big && git add big && git ${identity} commit -q -m big && git tag v9.0.0 && git push -q origin v9.0.0`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.equal(upstream('cat-file', '-s', 'v9.0.0:big'), '5000000')
})

test('another repository, another spelling of this one, the dumb protocol: refused; only our credential is ever seen', async () => {
  const paths = [
    'octo-org/payroll',
    'octo-org/links/../payroll',
    'octo-org//links',
    'octo-org/%70ayroll',
    'OCTO-ORG/links',
  ]
  for (const path of paths) {
    const ran = await inStep(
      'build',
      `curl -sS -f --path-as-is -H 'Authorization: Basic YTpi' "https://git.example.com/${path}.git/info/refs?service=git-upload-pack"`,
    )
    assert.equal(ran.exitCode, 22, path)
  }
  const dumb = await inStep(
    'build',
    'curl -sS https://git.example.com/octo-org/links.git/HEAD; curl -sS https://git.example.com/octo-org/links.git/info/refs; curl -sS "https://git.example.com/octo-org/links.git/info/refs?service=git-upload-archive"',
  )
  assert.equal(
    dumb.stdout.match(/only git fetch and push over smart HTTP pass here/g)?.length,
    3,
    dumb.stdout,
  )
  const own = await inStep(
    'build',
    `git -c http.extraHeader='Authorization: Bearer ghp_mine' -c http.extraHeader='Cookie: a=b' ls-remote https://me:mine@git.example.com/octo-org/links`,
  )
  assert.equal(own.exitCode, 0, own.stderr)
  const ours = `Basic ${Buffer.from(stage.git.credential).toString('base64')}`
  assert.ok(stage.git.seen.length > 0)
  assert.deepEqual([...new Set(stage.git.seen.map(({ authorization }) => authorization))], [ours])
})

test('a secret that is missing, and one that the server refuses, are clear answers', async () => {
  await using bare = await setStage({ withoutSecret: true })
  const clone = () =>
    bare.runJob(['run', '--role', 'build', '--', 'git', 'clone', repositoryUrl, '.'], bare.jobEnvironment())
  const missing = await clone()
  assert.notEqual(missing.exitCode, 0)
  assert.match(missing.stderr, /secret "git" is not in the vault: mayfly secret set git/)
  await bare.operate(['secret', 'set', 'git'], 'ci-bot:wrong')
  const wrong = await clone()
  assert.match(
    wrong.stderr,
    /the Git server refused the credential of connection "git" \(401\): an operator must renew its secret/,
  )
  await bare.operate(['secret', 'set', 'git'], 'no colon in it')
  assert.match((await clone()).stderr, /secret "git" is not user:password, as basic needs/)
})

test('an upstream that does not answer is named', async () => {
  await using bare = await setStage()
  await bare.git.close()
  const ran = await bare.runJob(
    ['run', '--role', 'build', '--', 'git', 'ls-remote', repositoryUrl],
    bare.jobEnvironment(),
  )
  assert.notEqual(ran.exitCode, 0)
  assert.match(ran.stderr, /git\.example\.com:443 \(connection "git"\) cannot be reached|502/)
})

/** What npm put there is what the bill of materials of its run says, with the lockfile's own digests. */
async function assertBill(run: string): Promise<void> {
  const { stdout, stderr, exitCode } = await stage.operate(['sbom', run, '--data', stage.dataFolder])
  assert.equal(exitCode, 0, stderr)
  const { components } = JSON.parse(stdout) as {
    components: { purl: string; hashes: { alg: string; content: string }[] }[]
  }
  const hashes = new Map(components.map((one) => [one.purl, one.hashes]))
  const installed = JSON.parse(
    readFileSync(join(stage.workspace, 'node_modules/.package-lock.json'), 'utf8'),
  ) as { packages: Record<string, { version: string; integrity: string }> }
  const packages = Object.entries(installed.packages)
  assert.ok(packages.length > 20)
  for (const [folder, { version, integrity }] of packages) {
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const sha512 = hashes
      .get(`pkg:npm/${name.replace('@', '%40')}@${version}`)
      ?.find(({ alg }) => alg === 'SHA-512')
    assert.equal(Buffer.from(sha512?.content ?? '', 'hex').toString('base64'), integrity.slice(7), name)
  }
}

test('npm ci installs what the lockfile pins, and nothing that is not what it pins', async () => {
  const app = join(projectFolder, 'examples/app')
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    cpSync(join(app, name), join(stage.workspace, name))
  const good = await inStep('build', 'npm ci --ignore-scripts && test -d node_modules/fastify')
  assert.equal(good.exitCode, 0, good.stderr)
  await assertBill(/run_\w+/.exec(good.stderr)?.[0] ?? '')
  rmSync(join(stage.workspace, 'node_modules'), { recursive: true })
  const lockfile = join(stage.workspace, 'package-lock.json')
  const lock = JSON.parse(readFileSync(lockfile, 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string }>
  }
  const victim = lock.packages['node_modules/fastify']
  assert.ok(victim?.integrity !== undefined)
  victim.integrity = `sha512-${Buffer.alloc(64, 1).toString('base64')}`
  writeFileSync(lockfile, JSON.stringify(lock))
  const { version } = lock.packages['node_modules/fastify'] ?? {}
  // npm compares for itself before it asks for the tarball; curl does not, and gets all but the last byte.
  const { registry } = npmRegistry()
  const bad = await stage.runJob(
    [
      'run',
      '--json',
      '--role',
      'build',
      '--',
      'curl',
      '-sS',
      '-f',
      '-o',
      'got.tgz',
      `${registry}/fastify/-/fastify-${version}.tgz`,
    ],
    stage.jobEnvironment(),
  )
  const report = JSON.parse(bad.stdout) as { exitCode: number; steps: { activity: { denied: unknown[] } }[] }
  assert.notEqual(report.exitCode, 0)
  assert.match(
    JSON.stringify(report.steps[0]?.activity.denied),
    /fastify@[0-9.]+ is not what the lockfile pins \(sha512 differs\)/,
  )
})

test('an install script cannot widen its own lockfile, and without a lockfile nothing is installed', async () => {
  const none = await inStep('build', 'npm view fastify version')
  assert.match(none.stderr, /no package-lock\.json|403/)
  writeFileSync(join(stage.workspace, 'package.json'), '{"name":"x","version":"1.0.0"}')
  writeFileSync(
    join(stage.workspace, 'package-lock.json'),
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': {},
        'node_modules/is-number': {
          version: '7.0.0',
          integrity:
            'sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng==',
        },
      },
    }),
  )
  const widen = await inStep(
    'build',
    `npm view is-number name && sed -i 's/is-number/left-pad/' package-lock.json && npm view left-pad name`,
  )
  assert.match(widen.stdout, /is-number/)
  assert.doesNotMatch(widen.stdout, /left-pad/)
  assert.notEqual(widen.exitCode, 0)
})

test('what a step leaves in .git cannot run in the next one', async () => {
  mkdirSync(join(stage.workspace, 'sub'))
  assert.equal((await inStep('build', `git clone -q ${repositoryUrl} .`)).exitCode, 128)
  rmSync(join(stage.workspace, 'sub'), { recursive: true })
  assert.equal((await inStep('build', `git clone -q ${repositoryUrl} .`)).exitCode, 0)
  const plant = await inStep(
    'build',
    'echo "touch pwned" > .git/hooks/pre-push; chmod +x .git/hooks/pre-push; git config core.fsmonitor "touch pwned"; ls .git/hooks/pre-push',
  )
  assert.match(plant.stderr, /Read-only file system/)
  assert.ok(!existsSync(join(stage.workspace, '.git/hooks/pre-push')))
})
