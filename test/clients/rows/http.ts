import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { extendPolicy, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly seen: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[]
}

const host = 'api.example.com'

/** An HTTP API of ours behind TLS, as a connection of kind http. */
async function open(): Promise<World> {
  const seen: World['seen'] = []
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"answer":42}')
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          api: { kind: 'http', url: `https://${host}`, dial, ca, credential: { bearer: 'secret:api' } },
        },
        grants: { build: ['http:get api/v1/*', 'http:post api/v1/deployments'] },
      }),
  })
  await stage.operate(['secret', 'set', 'api'], 'token-of-the-api')
  return {
    stage,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await stage[Symbol.asyncDispose]()
    },
  }
}

async function inStep({ stage }: World, script: string): Promise<{ stdout: string; stderr: string }> {
  const ran = await stage.runJob(
    ['run', '--role', 'build', '--', 'bash', '-c', script],
    stage.jobEnvironment(),
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  return ran
}

function lastSeen({ seen }: World): World['seen'][number] {
  const last = seen.at(-1)
  assert.ok(last, 'nothing came')
  assert.equal(last.headers.authorization, 'Bearer token-of-the-api')
  return last
}

export default suite<World>({
  name: 'http',
  needs: [],
  slow: true,
  open,
  rows: [
    {
      name: 'curl',
      needs: ['curl'],
      async run(world) {
        const { stdout } = await inStep(
          world,
          `curl -fsS 'https://${host}/v1/items?page=2' -H 'Authorization: Bearer mine'`,
        )
        assert.equal(stdout, '{"answer":42}')
        assert.equal(lastSeen(world).url, '/v1/items?page=2')
        await inStep(
          world,
          `curl -fsS https://${host}/v1/deployments -d '{"a":1}' -H 'Content-Type: application/json'`,
        )
        assert.deepEqual([lastSeen(world).method, lastSeen(world).body], ['POST', '{"a":1}'])
        const before = world.seen.length
        await inStep(world, `! curl -fsS -X DELETE https://${host}/v1/items`)
        assert.equal(world.seen.length, before)
      },
    },
    {
      name: 'curl by HTTP/2',
      needs: ['curl'],
      async run(world) {
        const { stdout } = await inStep(
          world,
          `curl -fsS --http2 -w ' %{http_version}' https://${host}/v1/items`,
        )
        assert.equal(stdout, '{"answer":42} 2')
        // A body of some length, which is asked for first; then one that nobody asks for.
        await inStep(
          world,
          `head -c 3000000 /dev/zero | tr '\\0' a | curl -fsS --http2 -H 'Expect: 100-continue' --data-binary @- https://${host}/v1/deployments`,
        )
        assert.equal(lastSeen(world).body.length, 3_000_000)
        const before = world.seen.length
        const refused = await inStep(
          world,
          `head -c 3000000 /dev/zero | curl -sS --http2 -w ' %{http_code}' -H Expect: -T - https://${host}/v1/items`,
        )
        assert.match(refused.stdout, /mayfly: refused: http:put api\/v1\/items.* 403$/s)
        assert.equal(world.seen.length, before)
      },
    },
    {
      name: 'wget',
      needs: ['wget'],
      async run(world) {
        const { stdout } = await inStep(world, `wget -qO- https://${host}/v1/items`)
        assert.equal(stdout, '{"answer":42}')
        assert.equal(lastSeen(world).url, '/v1/items')
      },
    },
    {
      name: 'node fetch',
      needs: ['node'],
      async run(world) {
        const { stdout } = await inStep(
          world,
          `node -e "fetch('https://${host}/v1/items').then((a) => a.text()).then((text) => process.stdout.write(text))"`,
        )
        assert.equal(stdout, '{"answer":42}')
      },
    },
    {
      name: 'python urllib',
      needs: ['python3'],
      async run(world) {
        const { stdout } = await inStep(
          world,
          `python3 -c "import urllib.request; print(urllib.request.urlopen('https://${host}/v1/items').read().decode(), end='')"`,
        )
        assert.equal(stdout, '{"answer":42}')
      },
    },
  ],
})
