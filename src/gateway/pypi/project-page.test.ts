import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { linksOf } from './html-links.ts'
import { readPage } from './project-page.ts'
import { releasesOf, versionOf } from './release-file.ts'
import { routeOf } from './route.ts'
import { writePage } from './write-page.ts'

const at = new URL('https://pypi.test/simple/octo-core/')
const wheel = 'octo_core-1.0-py3-none-any.whl'

test('what a file is of', () => {
  assert.deepEqual(releasesOf(wheel), [{ project: 'octo-core', version: '1.0' }])
  assert.deepEqual(releasesOf('Octo.Core-1.0-2build-cp311-cp311-manylinux_2_17_x86_64.whl'), [
    { project: 'octo-core', version: '1.0' },
  ])
  assert.equal(versionOf('octo-core-1.0.tar.gz', 'octo-core'), '1.0')
  assert.equal(versionOf('octo-core-1.0-beta.tar.gz', 'octo-core'), '1.0-beta')
  assert.equal(versionOf('octo-core-1.0.tar.gz', 'octo'), undefined)
  for (const file of [
    'octo_core-1.0-py3-none.whl',
    'octo_core.whl',
    '-1.0-py3-none-any.whl',
    'a-1-b-c-d-e-f.whl',
    'octo.tar.gz',
    `${wheel}/x`,
    `${wheel}\0`,
    'ö-1.0.zip',
  ])
    assert.deepEqual(releasesOf(file), [], file)
})

test('what a path is', () => {
  assert.deepEqual(routeOf('GET', '/+simple/Octo_Core', false), { kind: 'index', project: 'octo-core' })
  assert.equal(routeOf('GET', '/integrity/octo/1.0/octo-1.0.zip/provenance', false)?.kind, 'about')
  assert.equal(routeOf('PUT', '/simple/octo/', false), undefined)
  assert.equal(routeOf('POST', '/legacy/', true), undefined)
  assert.equal(routeOf('DELETE', `/packages/${wheel}`, false), undefined)
})

test('property: links are found in any text without fault, and none of them is one of ours to follow blindly', () => {
  const piece = fc.constantFrom(
    ...[
      '<a href="',
      '<A HREF=',
      "<a href='",
      `${wheel}#sha256=${'a'.repeat(64)}`,
      '">',
      "'",
      '>',
      '</a>',
      '<!--',
      '-->',
      '<script>',
      '</script>',
    ],
    ...[
      '<base href="https://evil.test/">',
      '&#x0;',
      '&#99999999;',
      '&amp;',
      ' ',
      '\0',
      'javascript:',
      'https://evil.test/',
      '../',
      '<',
      '/',
    ],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const page = readPage('octo-core', pieces.join(''), 'text/html', at)
      assert.ok(page)
      for (const { url, filename, version } of page.files) {
        assert.ok(['http:', 'https:'].includes(url.protocol))
        assert.equal(versionOf(filename, 'octo-core'), version)
      }
      // What we write is read as the same.
      const { body, type } = writePage(page, 'text/html')
      const again = readPage('octo-core', body, type, at)
      assert.deepEqual(
        again?.files.map(({ url, sha256 }) => [url.href, sha256]),
        page.files.map(({ url, sha256 }) => [url.href, sha256]),
      )
    }),
    { numRuns: 3_000 },
  )
})

test('property: whatever stands in JSON, a page is read from it or not', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const files = `{"meta":{"api-version":"1.1"},"files":[${text},{"url":"${wheel}","hashes":${text},"yanked":${text}}]}`
      assert.equal(readPage('octo-core', text, 'application/json', at), undefined)
      assert.ok((readPage('octo-core', files, 'application/json', at)?.files.length ?? 0) <= 2)
    }),
    { numRuns: 1_000 },
  )
})

test('pages of many megabytes are read in the time that their length takes', () => {
  const big = 4_000_000
  for (const text of [
    '<a href="',
    '<a ',
    '<script>',
    '<!--',
    '<',
    '<a href=x',
    '<a x',
    `<a href='"`,
    '<a href="x" "',
    '&#',
  ])
    assert.ok(linksOf(text.repeat(big / text.length)).links.length <= 100_000, text)
})
