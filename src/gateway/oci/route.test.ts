import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { kinds } from '../../kinds/index.ts'
import { readManifest } from '../../images/index.ts'
import { routeOf } from './route.ts'

const digest = `sha256:${'a'.repeat(64)}`
const part = fc.constantFrom(
  'octo',
  'app',
  'blobs',
  'manifests',
  'uploads',
  'tags',
  'list',
  'referrers',
  'v1',
  digest,
  'A',
  '_',
  '..',
  '%2f',
  '',
)
const path = fc.array(part, { maxLength: 7 }).map((parts) => `/${parts.join('/')}`)
const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'constructor', '__proto__')
const query = fc.constantFrom('', 'digest=x', 'mount=a&from=b', 'n=1', 'n=1&n=2', '__proto__=1', 'x=%')

/** The path again, from what was read of it. */
function written(route: Exclude<ReturnType<typeof routeOf>, string>): string {
  switch (route.kind) {
    case 'ping':
      return '/'
    case 'catalog':
      return '/_catalog'
    case 'tags':
      return `/${route.repository}/tags/list`
    case 'referrers':
      return `/${route.repository}/referrers/${route.digest}`
    case 'manifest':
      return `/${route.repository}/manifests/${route.ref}`
    case 'blob':
      return `/${route.repository}/blobs/${route.digest}`
    case 'upload':
      return `/${route.repository}/blobs/uploads/${route.id}`
  }
}

test('a path that is read is read whole, and names what policy can be held against', () => {
  let read = 0
  fc.assert(
    fc.property(method, path, query, (verb, where, what) => {
      const route = routeOf(verb, where, what)
      if (typeof route === 'string') return
      read++
      assert.equal(written(route), where)
      if ('repository' in route)
        assert.ok(route.repository !== '' && kinds.oci.path.form.is(route.repository))
      if ('ref' in route) assert.ok(kinds.oci.ref.form.is(route.ref))
    }),
    { numRuns: 20_000 },
  )
  assert.ok(read > 50, String(read))
})

test('of any JSON a manifest is read, or it is said why not', () => {
  const value = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, 1, digest, 'sha256:x', {}),
      fc.array(tie('any')),
      fc.dictionary(
        fc.constantFrom('digest', 'layers', 'config', 'manifests', 'subject', 'mediaType', '__proto__'),
        tie('any'),
      ),
    ),
  })).any
  fc.assert(
    fc.property(value, (json) => {
      const manifest = readManifest(Buffer.from(JSON.stringify(json)), 'application/b')
      if (typeof manifest === 'string') return
      assert.ok([...manifest.children, manifest.subject ?? digest].every((one) => one === digest))
    }),
  )
})

test('a manifest in which other readers find other parts is none', () => {
  const [good, evil] = [digest, digest.replaceAll('a', 'b')].map((one) => `{"digest":"${one}"}`)
  const digestInOtherLetters = `{"digest":"${digest}","Digest":"sha256:${'c'.repeat(64)}"}`
  for (const body of [
    `{"manifests":[${good}],"Manifests":[${evil}]}`,
    `{"manifests":[${good}],"manife\u017fts":[${evil}]}`,
    `{"manifests":[${good}],"manifeſts":[${evil}]}`,
    `{"manifests":[${good},${evil}],"manifests":[${good},{"platform":{"os":"linux"}}]}`,
    `{"manifests":[${digestInOtherLetters}]}`,
    `{"manifests":[{"digest":"${digest}","Platform":{"os":"linux"}}]}`,
    `{"Subject":${good}}`,
    `{"Config":${good},"Layers":[${evil}]}`,
    `{"MediaType":"application/b"}`,
    `{"manifests":[${good},{"digest":"sha384:${'d'.repeat(96)}"}]}`,
    `{"manifests":${good}}`,
  ])
    assert.equal(typeof readManifest(Buffer.from(body), 'application/b'), 'string', body)
  const annotated = `{"manifests":[{"digest":"${digest}","annotations":{"Digest":"x","digest":"y"}}]}`
  assert.equal(typeof readManifest(Buffer.from(annotated), 'application/b'), 'object')
})

test('brackets in texts are no depth', () => {
  const text = JSON.stringify({ a: '[{'.repeat(500) + '\\"[' })
  assert.deepEqual(readManifest(Buffer.from(text), 'application/json'), {
    type: 'application/json',
    children: [],
    listed: [],
    subject: undefined,
    manifests: [],
    layers: [],
    isImage: false,
  })
})
