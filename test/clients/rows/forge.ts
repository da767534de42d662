import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { extendPolicy, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly seen: { method: string; url: string; authorization: string | undefined; body: string }[]
}

const host = 'api.github.com'
const token = 'token-of-the-api'

/**
 * What gh asks for, answered as GitHub's REST reference (docs.github.com/rest, API version 2022-11-28) says: GitHub itself can be had
 * on no machine of ours.
 */
async function open(): Promise<World> {
  const seen: World['seen'] = []
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const { method = '', url = '' } = request
      seen.push({ method, url, authorization: request.headers.authorization, body })
      const [status, answer] = answers(`${method} ${url}`)
      const link = url.endsWith('/issues?per_page=100')
        ? { link: `<https://${host}/repositories/7/issues?page=2>; rel="next"` }
        : {}
      response
        .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...link })
        .end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const dial = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          gh: { kind: 'github', url: `https://${host}`, dial, ca, credential: { bearer: 'secret:gh' } },
        },
        grants: { release: ['github:read gh/octo/app', 'github:release gh/octo/app'] },
      }),
  })
  await stage.operate(['secret', 'set', 'gh'], token)
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

function answers(asked: string): readonly [number, unknown] {
  const release = {
    tag_name: 'v1',
    html_url: 'https://github.com/octo/app/releases/tag/v1',
    id: 1,
    assets: [],
  }
  if (asked === 'POST /repos/octo/app/releases') return [201, release]
  if (/^GET \/repos\/octo\/app\/issues\?per_page=100$/.test(asked)) return [200, [{ title: 'first' }]]
  if (asked === 'GET /repos/octo/app/issues?page=2') return [200, [{ title: 'second' }]]
  return [404, { message: 'Not Found' }]
}

function inStep({ stage }: World, script: string): Promise<Ran> {
  const env = stage.jobEnvironment()
  return stage.runJob(['run', '--role', 'release', '--', 'bash', '-c', script], env)
}

export default suite<World>({
  name: 'forge',
  needs: ['gh'],
  slow: true,
  open,
  rows: [
    {
      name: 'gh api --paginate',
      needs: [],
      async run(world) {
        const { exitCode, stdout, stderr } = await inStep(
          world,
          `gh api --paginate 'repos/octo/app/issues?per_page=100' --jq '.[].title'`,
        )
        assert.equal(exitCode, 0, stderr)
        assert.equal(stdout, 'first\nsecond\n')
        assert.deepEqual(
          [...new Set(world.seen.map(({ authorization }) => authorization))],
          [`Bearer ${token}`],
        )
      },
    },
    {
      name: 'gh api: creating a release',
      needs: [],
      async run(world) {
        const { exitCode, stdout, stderr } = await inStep(
          world,
          `gh api repos/octo/app/releases -f tag_name=v1 --jq .html_url`,
        )
        assert.equal(exitCode, 0, stderr)
        assert.equal(stdout, 'https://github.com/octo/app/releases/tag/v1\n')
        assert.equal(world.seen.at(-1)?.body, '{"tag_name":"v1"}')
      },
    },
    {
      name: 'gh api: a deploy key, which is a grant of its own',
      needs: [],
      async run(world) {
        const before = world.seen.length
        const { exitCode, stderr } = await inStep(world, `gh api repos/octo/app/keys -f title=x -f key=y`)
        assert.notEqual(exitCode, 0)
        assert.match(stderr, /github:deploy-key gh\/octo\/app/)
        assert.equal(world.seen.length, before)
      },
    },
  ],
})
