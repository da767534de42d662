import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { compileRules, openWorld } from '../../src/gateway/gateway.fixture.ts'
import { startUpstream } from '../../src/gateway/upstream.fixture.ts'
import { pieces, seeded, spoilTarget } from './mutate.ts'

// oxlint-disable-next-line node/no-process-env -- how long, and from where, is said by who starts it
const { MAYFLY_FUZZ_SECONDS: seconds, MAYFLY_FUZZ_SEED: seedText } = process.env
const seed = Number(seedText ?? (seconds === undefined ? 1 : Date.now() % 1_000_000_000))
const usualCases = 400

/** A kind of connection, what its role may, and requests for what it may not: their names hold `forbidden`. */
interface Agreed {
  readonly kind: string
  readonly base?: string
  readonly more?: Readonly<Record<string, unknown>>
  readonly grants: readonly string[]
  readonly requests: readonly string[]
  /** What the role may, to be spoilt as well: it may come out as something else, and never as what is forbidden. */
  readonly beside: string
}

const agreed: readonly Agreed[] = [
  {
    kind: 'git',
    grants: ['git:read x/octo/app', 'git:push x/octo/app@refs/heads/dev'],
    requests: [
      'GET /octo/forbidden.git/info/refs?service=git-upload-pack',
      'GET /octo/forbidden/info/refs?service=git-receive-pack',
      'POST /octo/forbidden.git/git-upload-pack',
      'POST /octo/forbidden.git/info/lfs/objects/batch',
    ],
    beside: '/octo/app.git',
  },
  {
    kind: 'npm',
    grants: ['npm:resolve x/octo-app', 'npm:publish x/octo-app@1.*'],
    requests: [
      'GET /forbidden',
      'GET /forbidden/-/forbidden-1.0.0.tgz',
      'GET /@octo%2fforbidden',
      'PUT /forbidden',
    ],
    beside: '/octo-app',
  },
  {
    kind: 'pypi',
    grants: ['pypi:resolve x/octo-app'],
    requests: [
      'GET /simple/forbidden/',
      'GET /packages/forbidden-1.0-py3-none-any.whl',
      'GET /simple/Octo_Forbidden',
    ],
    beside: '/simple/octo-app/',
  },
  {
    kind: 'go',
    more: { sumdb: 'off' },
    grants: ['go:resolve x/example.com/octo'],
    requests: [
      'GET /example.com/forbidden/@v/list',
      'GET /example.com/!forbidden/@v/v1.0.0.zip',
      'GET /forbidden.com/@latest',
    ],
    beside: '/example.com/octo/@v/list',
  },
  {
    kind: 'cargo',
    grants: ['cargo:resolve x/octo-app'],
    requests: ['GET /fo/rb/forbidden', 'GET /api/v1/crates/forbidden/1.0.0/download'],
    beside: '/oc/to/octo-app',
  },
  {
    kind: 'maven',
    base: '/maven2',
    grants: ['maven:resolve x/com.octo:app'],
    requests: [
      'GET /maven2/com/forbidden/app/1.0/app-1.0.jar',
      'GET /maven2/com/octo/forbidden/maven-metadata.xml',
      'PUT /maven2/com/octo/forbidden/1.0/forbidden-1.0.pom',
    ],
    beside: '/maven2/com/octo/app/1.0/app-1.0.pom',
  },
  {
    kind: 'oci',
    grants: ['oci:pull x/octo/app', 'oci:push x/octo/app@v*'],
    requests: [
      'GET /v2/octo/forbidden/manifests/v1',
      'GET /v2/octo/forbidden/tags/list',
      'POST /v2/octo/forbidden/blobs/uploads/',
      'PUT /v2/octo/app/manifests/forbidden',
      'DELETE /v2/octo/forbidden/manifests/v1',
    ],
    beside: '/v2/octo/app/manifests/v1',
  },
  {
    kind: 'http',
    base: '/api',
    grants: ['http:get x/v1/items'],
    requests: [
      'GET /api/forbidden',
      'GET /forbidden',
      'POST /api/v1/forbidden',
      'GET /api/v2/forbidden/items',
    ],
    beside: '/api/v1/items',
  },
  {
    kind: 'github',
    grants: ['github:read x/octo/app'],
    requests: [
      'GET /repos/octo/forbidden/contents/a',
      'GET /orgs/forbidden/repos',
      'GET /search/code?q=forbidden',
    ],
    beside: '/repos/octo/app',
  },
  {
    kind: 'gitlab',
    grants: ['gitlab:read x/octo/app'],
    requests: [
      'GET /api/v4/projects/octo%2Fforbidden/issues',
      'GET /api/v4/groups/forbidden/projects',
      'GET /forbidden',
    ],
    beside: '/api/v4/projects/octo%2Fapp',
  },
  {
    kind: 'rubygems',
    grants: ['rubygems:resolve x/octo-app'],
    requests: ['GET /info/forbidden', 'GET /gems/forbidden-1.0.gem', 'GET /api/v1/gems/forbidden.json'],
    beside: '/info/octo-app',
  },
  {
    kind: 'debian',
    base: '/debian',
    more: {
      keyring: '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAA=\n-----END PGP PUBLIC KEY BLOCK-----\n',
    },
    grants: ['debian:download x/octo-app'],
    requests: [
      'GET /debian/pool/main/f/forbidden/forbidden_1.0_all.deb',
      'GET /forbidden/dists/stable/InRelease',
    ],
    beside: '/debian/pool/main/o/octo-app/octo-app_1.0_all.deb',
  },
]

const host = 'x.test'

async function openKind(t: TestContext, { kind, base = '', more = {}, grants }: Agreed) {
  const upstream = await startUpstream(t, host)
  upstream.handle = (_request, response) =>
    void response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 }).end('{}')
  const world = await openWorld(t)
  const at = { url: `https://${host}${base}`, dial: `127.0.0.1:${upstream.port}`, ca: upstream.ca }
  const rules = compileRules({ x: { kind, ...at, ...more } }, grants)
  world.setTargets(rules.targets, rules.policy)
  return { world, upstream }
}

/** Every way in which some server could read its path, in one text; a query is a query to all of them. */
function readings(url: string): string {
  let text = url.split('?')[0] ?? ''
  const all = [text]
  for (let depth = 0; depth < 3; depth++) {
    text = text.replaceAll(/%[0-9a-f]{2}/gi, (one) => String.fromCharCode(Number.parseInt(one.slice(1), 16)))
    all.push(text)
  }
  return all.join(' ').normalize('NFKC').toLowerCase()
}

test(
  `what the policy refuses reaches no upstream, however it is written (seed ${seed})`,
  { timeout: 3_600_000 },
  async (t) => {
    const opened = await Promise.all(agreed.map(async (one) => ({ one, ...(await openKind(t, one)) })))
    const untilMs = Date.now() + Number(seconds ?? 0) * 1_000
    for (let i = 0; seconds === undefined ? i < usualCases : Date.now() < untilMs; i++) {
      const random = seeded(seed + i)
      const { one, world, upstream } = random.pick(opened)
      const line = spoilTarget(random, random.pick(one.requests), one.beside)
      const head = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
      const before = upstream.begun.length
      const bytes = Buffer.concat(pieces(random, Buffer.from(head, 'latin1')))
      await world.ask(bytes, { authority: `${host}:443` })
      const reached = upstream.begun
        .slice(before)
        .map(({ method, url }) => `${method} ${url}`)
        .filter((asked) => readings(asked).includes('forbidden'))
      assert.deepEqual(reached, [], `${one.kind}: ${JSON.stringify(line)}: MAYFLY_FUZZ_SEED=${seed + i}`)
    }
  },
)
