import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  digest,
  indexType,
  manifestOf,
  manifestType,
  openRegistryWorld,
  registryHost,
} from './oci.fixture.ts'

const layer = 'layer'
const own = `https://${registryHost}`
/** What nobody who was told only what is right has. */
const secret = Buffer.from('injected:for-images').toString('base64')

const headers = fc.dictionary(
  fc.constantFrom(
    ...['location', 'www-authenticate', 'docker-content-digest', 'content-type', 'link', 'oci-subject'],
    ...['content-encoding', 'transfer-encoding', 'content-range', 'retry-after', 'set-cookie', 'range'],
  ),
  fc.constantFrom(
    ...[
      '',
      '/',
      '/v2/',
      '//evil.example/x',
      'https://evil.example/',
      `${own}/v2/octo/app/blobs/uploads/1`,
      `${own}/a?b=%00`,
    ],
    ...[
      'Bearer',
      'Bearer realm=""',
      `Bearer realm="${own}/token"`,
      'Bearer realm="https://evil.example/t"',
      'Basic realm="x"',
    ],
    ...[
      digest(layer),
      digest('x'),
      'sha256:',
      'sha512:x',
      manifestType,
      indexType,
      'text/html',
      'gzip',
      'chunked',
      'identity',
    ],
    ...[
      '<x>; rel="next"',
      `</v2/octo/app/tags/list?n=1>; rel="next"`,
      '0-4',
      'bytes 0-1/2',
      '99999999999',
      'a=b',
      '-1',
    ],
  ),
  { maxKeys: 4 },
)
const body = fc.constantFrom(
  ...[
    '',
    '{}',
    '[]',
    'null',
    '{"token":"t"}',
    '{"token":1}',
    '{"tags":{}}',
    '{"tags":["a",1]}',
    '{"errors":[null]}',
    '{"errors":{}}',
  ],
  ...[
    '{"errors":[{"code":"A"}]}',
    '{"repositories":["a"]}',
    '{"manifests":[{"digest":1}]}',
    layer,
    manifestOf(layer).toString(),
  ],
  `{"errors":[{"code":"DENIED","message":"${secret}"}]}`,
  '['.repeat(100_000),
)
const status = fc.constantFrom(
  200,
  200,
  200,
  201,
  202,
  204,
  206,
  301,
  304,
  307,
  400,
  401,
  403,
  404,
  416,
  429,
  500,
  503,
)
const reply = fc.record({ status, headers, body, cut: fc.boolean() })

const asked: readonly (readonly [method: string, path: string, body?: string | Buffer])[] = [
  ['GET', '/v2/octo/app/manifests/v1'],
  ['HEAD', '/v2/octo/app/manifests/v1'],
  ['GET', `/v2/octo/app/manifests/${digest(manifestOf(layer))}`],
  ['PUT', '/v2/octo/app/manifests/v1', manifestOf(layer)],
  ['DELETE', '/v2/octo/app/manifests/v1'],
  ['GET', `/v2/octo/app/blobs/${digest(layer)}`],
  ['HEAD', `/v2/octo/app/blobs/${digest(layer)}`],
  ['POST', '/v2/octo/app/blobs/uploads/'],
  ['POST', `/v2/octo/app/blobs/uploads/?digest=${digest(layer)}`, layer],
  ['POST', `/v2/octo/app/blobs/uploads/?mount=${digest(layer)}&from=octo/base`],
  ['GET', '/v2/octo/app/tags/list'],
  ['GET', '/v2/_catalog'],
  ['GET', `/v2/octo/app/referrers/${digest(layer)}`],
]

test('whatever a registry answers: the step gets one answer or a cut, no secret, and nobody else is asked', async (t) => {
  const { ask, world } = await openRegistryWorld(t, [
    ...['oci:pull images/octo/*', 'oci:force images/octo/app', 'oci:delete images/octo/app'],
    ...['oci:list images/octo/app', 'oci:catalog images'],
  ])
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...asked),
      fc.array(reply, { minLength: 1, maxLength: 4 }),
      async (what, replies) => {
        const [method, path, sent] = what
        const before = world.upstream.begun.length
        let n = 0
        world.upstream.handle = (_request, response) => {
          const {
            status: code,
            headers: named,
            body: text,
            cut,
          } = replies[n++ % replies.length] ?? replies[0]!
          response.writeHead(code, named)
          if (cut) response.write(text.slice(0, 3), () => response.destroy())
          else response.end(text)
        }
        const type = method === 'PUT' ? { 'content-type': manifestType } : {}
        const answer = await ask(method, path, {
          headers: type,
          ...(sent === undefined ? {} : { body: sent }),
        })
        assert.ok(answer.status === 0 || (answer.status >= 200 && answer.status < 600), String(answer.status))
        assert.ok(!`${answer.head}${answer.body}`.includes(secret))
        assert.doesNotMatch(answer.head, /set-cookie|www-authenticate|evil\.example/i)
        // Bytes that are not what their digest names never come whole.
        if (method === 'GET' && path.includes('/blobs/') && answer.status === 200 && isWhole(answer))
          assert.ok(answer.body.includes(layer), answer.body.slice(0, 200))
        assert.ok(world.upstream.begun.length - before <= 12)
        assert.equal((await ask('GET', '/v2/')).status, 200)
      },
    ),
    { numRuns: 60 },
  )
})

function isWhole({ head, body: came }: { head: string; body: string }): boolean {
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  return length === undefined ? came.endsWith('0\r\n\r\n') : came.length === Number(length)
}
