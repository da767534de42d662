import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { buildSync } from 'esbuild'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { extendPolicy, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  /** Method and credential of each call. */
  readonly seen: string[]
}

const host = 'grpc.example.com'

const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
}
const methods: grpc.ServiceDefinition = {
  talk: { path: '/octo.Echo/Talk', requestStream: true, responseStream: true, ...text },
  erase: { path: '/octo.Echo/Erase', requestStream: true, responseStream: true, ...text },
}

/** Says words one after the other, each when the last one came back; prints what it heard, and how the call ended. */
const client = `
import { Client, credentials } from '@grpc/grpc-js'
const client = new Client('${host}:443', credentials.createSsl())
const call = client.makeBidiStreamRequest(process.argv[2], Buffer.from, String)
const words = ['one', 'two', 'three']
const say = () => (words.length > 0 ? call.write(words.shift()) : call.end())
call.on('data', (word) => (console.log(word), say()))
call.on('error', () => undefined)
call.on('status', ({ code, details }) => (console.log(code, details), client.close()))
say()
`

/** A server of @grpc/grpc-js, as a connection of kind http. */
async function open(): Promise<World> {
  const seen: string[] = []
  const { ca, cert, key } = await makeCertificate(host)
  const server = new grpc.Server()
  const echo = (name: string) => (call: grpc.ServerDuplexStream<string, string>) => {
    seen.push(`${name} ${String(call.metadata.get('authorization')[0])}`)
    call.on('data', (word: string) => void call.write(word.toUpperCase()))
    call.on('end', () => call.end())
  }
  server.addService(methods, { talk: echo('talk'), erase: echo('erase') })
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }
  const port = await new Promise<number>((done, fail) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [pair]), (error, bound) =>
      error === null ? done(bound) : fail(error),
    ),
  )
  const api = {
    kind: 'http',
    url: `https://${host}`,
    dial: `127.0.0.1:${port}`,
    ca,
    credential: { bearer: 'secret:api' },
  }
  const stage = await setStage({
    policy: (policy) =>
      extendPolicy(policy, { connections: { api }, grants: { build: ['http:post api/octo.Echo/Talk'] } }),
  })
  await stage.operate(['secret', 'set', 'api'], 'token-of-the-api')
  const { outputFiles } = buildSync({
    stdin: { contents: client, resolveDir: import.meta.dirname },
    ...{ bundle: true, platform: 'node', write: false, logLevel: 'silent' },
  })
  writeFileSync(join(stage.workspace, 'client.cjs'), outputFiles[0]?.contents ?? '')
  return {
    stage,
    seen,
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
      await stage[Symbol.asyncDispose]()
    },
  }
}

function callInStep({ stage }: World, path: string): Promise<Ran> {
  return stage.runJob(['run', '--role', 'build', '--', 'node', 'client.cjs', path], stage.jobEnvironment())
}

export default suite<World>({
  name: 'grpc',
  slow: true,
  needs: ['node'],
  open,
  rows: [
    {
      name: '@grpc/grpc-js: both sides at once',
      needs: [],
      async run(world) {
        const { stdout, stderr } = await callInStep(world, '/octo.Echo/Talk')
        assert.equal(stdout, 'ONE\nTWO\nTHREE\n0 OK\n', stderr)
        assert.deepEqual(world.seen, ['talk Bearer token-of-the-api'])
      },
    },
    {
      name: '@grpc/grpc-js: a method that is not granted',
      needs: [],
      async run(world) {
        const before = world.seen.length
        const { stdout } = await callInStep(world, '/octo.Echo/Erase')
        assert.match(stdout, /^7 mayfly: refused: http:post api\/octo\.Echo\/Erase/)
        assert.equal(world.seen.length, before)
      },
    },
  ],
})
