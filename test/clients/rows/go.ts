import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { makeModule } from '../../../src/gateway/go/go.fixture.ts'
import { createTestSumdb, type TestSumdb } from '../../../src/gateway/go/sumdb.fixture.ts'
import { extendPolicy, suite, toolsFor } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  /** What the proxy serves, by path. */
  readonly files: Map<string, string | Buffer>
  readonly seen: string[]
  /** Its checksum database, as `world.sumdb` that answers: a test puts another one there. */
  sumdb: TestSumdb
  readonly keys: Parameters<typeof createTestSumdb>[1]
}

const host = 'goproxy.example.com'
const words = (version: string, text = 'hello from words') =>
  makeModule('example.com/Octo/words', version, {
    'words.go': `package words\n\nfunc Say() string { return "${text}" }\n`,
    'deep/deep.go': 'package deep\n',
  })

/** A folder of a module proxy behind TLS; `build` downloads what go.sum has, `add` may take new modules up. */
async function open(): Promise<World> {
  const files: World['files'] = new Map()
  const seen: string[] = []
  const put = (version: string, module = words(version)) => {
    const base = `/example.com/!octo/words/@v/${version}`
    files.set(`${base}.info`, JSON.stringify({ Version: version, Time: '2026-01-02T03:04:05Z' }))
    files.set(`${base}.mod`, module.mod).set(`${base}.zip`, module.zip)
  }
  for (const version of ['v1.0.0', 'v1.1.0']) put(version)
  files.set('/example.com/!octo/words/@v/list', 'v1.0.0\nv1.1.0\n')
  const keys = generateKeyPairSync('ed25519')
  const sumdb = createTestSumdb('sum.example.com', keys)
  sumdb.fill(300)
  for (const version of ['v1.0.0', 'v1.1.0'])
    sumdb.add(words(version).sum, `example.com/Octo/words@${version}`)
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, ({ url = '' }, response) => {
    seen.push(url)
    const ofSumdb = url.split(`/sumdb/${world.sumdb.name}/`)[1]
    const body = ofSumdb === undefined ? files.get(url) : world.sumdb.serve(ofSumdb)
    if (body === undefined) response.writeHead(404).end('not found')
    else response.writeHead(200).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stage = await setStage({
    policy(text) {
      const go = { kind: 'go', url: `https://${host}`, dial, ca, sumdb: sumdb.key }
      const more = { connections: { go }, grants: { build: ['go:download go'] } }
      const document = parseDocument(extendPolicy(text, more))
      const build = (document.toJS() as { roles: { build: object } }).roles.build
      document.setIn(['roles', 'add'], { ...build, grants: ['go:resolve go'] })
      return document.toString()
    },
  })
  const world: World = {
    ...{ stage, files, seen, sumdb, keys },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await stage[Symbol.asyncDispose]()
    },
  }
  return world
}

let jobs = 0
function inStep({ stage }: World, role: string, script: string): Promise<Ran> {
  const arguments_ = ['run', '--role', role, ...toolsFor(['go']), '--', 'bash', '-c', script]
  return stage.runJob(arguments_, stage.jobEnvironment({ run_id: `78000${jobs++}` }))
}

/** A program that says what its only module says. */
function writeProgram({ stage }: World, sum: string): void {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
  const put = (name: string, text: string) => writeFileSync(join(stage.workspace, name), text)
  put('go.mod', 'module example.com/app\n\ngo 1.21\n\nrequire example.com/Octo/words v1.0.0\n')
  put('go.sum', sum)
  put('main.go', 'package main\n\nimport "example.com/Octo/words"\n\nfunc main() { println(words.Say()) }\n')
}

export default suite<World>({
  name: 'go',
  slow: true,
  needs: ['go'],
  open,
  rows: [
    {
      name: 'go run: what go.sum has',
      needs: [],
      async run(world) {
        writeProgram(world, words('v1.0.0').sum)
        const ran = await inStep(world, 'build', 'go run . 2>&1 && go mod verify')
        assert.equal(ran.exitCode, 0, ran.stderr)
        assert.match(ran.stdout, /hello from words\nall modules verified/)
      },
    },
    {
      name: 'go: a tampered zip file',
      needs: [],
      async run(world) {
        writeProgram(world, words('v1.0.0').sum)
        const path = '/example.com/!octo/words/@v/v1.0.0.zip'
        const good = world.files.get(path) ?? ''
        world.files.set(path, words('v1.0.0', 'evil').zip)
        const ran = await inStep(world, 'build', 'go mod download')
        world.files.set(path, good)
        assert.notEqual(ran.exitCode, 0)
        assert.doesNotMatch(ran.stderr, /SECURITY ERROR/, 'go saw it whole')
        assert.match(ran.stderr, /example\.com\/Octo\/words@v1\.0\.0 is not what go\.sum has/)
      },
    },
    {
      name: 'go get: another version, which go.sum does not have',
      needs: [],
      async run(world) {
        writeProgram(world, words('v1.0.0').sum)
        const before = world.seen.length
        const ran = await inStep(world, 'build', 'go get example.com/Octo/words@v1.1.0')
        assert.notEqual(ran.exitCode, 0)
        assert.match(
          ran.stderr,
          /server response: mayfly: refused.*go\.sum does not have example\.com\/Octo\/words v1\.1\.0/s,
        )
        assert.doesNotMatch(world.seen.slice(before).join(' '), /v1\.1\.0/)
      },
    },
    {
      name: 'go get: a role that may add modules, which the checksum database has',
      needs: [],
      async run(world) {
        writeProgram(world, words('v1.0.0').sum)
        const script = 'go get example.com/Octo/words@latest && go mod tidy && cat go.sum'
        const ran = await inStep(world, 'add', script)
        assert.equal(ran.exitCode, 0, ran.stderr)
        assert.equal(ran.stdout, words('v1.1.0').sum)
        assert.match(world.seen.join(' '), /\/sumdb\/sum\.example\.com\/tile\/8\/0\//)
      },
    },
    {
      name: 'go get: a module that is not what the checksum database has, with go told not to look',
      needs: [],
      async run(world) {
        writeProgram(world, words('v1.0.0').sum)
        const path = '/example.com/!octo/words/@v/v1.1.0.zip'
        const good = world.files.get(path) ?? ''
        world.files.set(path, words('v1.1.0', 'evil').zip)
        const ran = await inStep(
          world,
          'add',
          'GONOSUMDB="*" GONOSUMCHECK=1 GOSUMDB=off go get example.com/Octo/words@v1.1.0',
        )
        world.files.set(path, good)
        assert.notEqual(ran.exitCode, 0)
        assert.match(ran.stderr, /words@v1\.1\.0 is not what the checksum database has/)
      },
    },
    {
      name: 'go get: a checksum database that shows this client another tree',
      needs: [],
      async run(world) {
        writeProgram(world, words('v1.0.0').sum)
        const good = world.sumdb
        const fork = createTestSumdb(good.name, world.keys)
        fork.fill(500)
        fork.add(words('v1.1.0', 'evil').sum, 'example.com/Octo/words@v1.1.0')
        world.sumdb = fork
        const ran = await inStep(world, 'add', 'go get example.com/Octo/words@v1.1.0')
        world.sumdb = good
        assert.notEqual(ran.exitCode, 0)
        assert.match(
          ran.stderr,
          /checksum database sum\.example\.com, as the proxy has it, contradicts itself/,
        )
      },
    },
  ],
})
