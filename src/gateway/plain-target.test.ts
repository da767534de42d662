import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainTarget } from './plain-target.ts'

test('paths and queries that registries use are taken as they come', () => {
  for (const [url, path, query] of [
    ['/', '/', ''],
    ['/v2/octo/app/blobs/sha256:abc', '/v2/octo/app/blobs/sha256:abc', ''],
    [
      '/v2/a/blobs/uploads/?digest=sha256%3Aabc&mount=x',
      '/v2/a/blobs/uploads/',
      'digest=sha256%3Aabc&mount=x',
    ],
    [
      '/github.com/!azure/sdk/@v/v1.0.0+incompatible.zip',
      '/github.com/!azure/sdk/@v/v1.0.0+incompatible.zip',
      '',
    ],
    ['/github.com/%21azure/%21sdk', '/github.com/!azure/!sdk', ''],
    ['/@octo%2fcore', '/@octo%2fcore', ''],
    ['/a%20b/%C3%A4', '/a%20b/%C3%A4', ''],
    // Octokit and GitLab's own client escape whatever is no letter, and dots.
    ['/releases/tags/%40scope%2Fpkg%401.0.0', '/releases/tags/@scope%2Fpkg@1.0.0', ''],
    ['/labels/type%3A%20bug%23', '/labels/type:%20bug%23', ''],
    ['/releases/v1%2E0%2e0%2Bbuild', '/releases/v1.0.0+build', ''],
    ['/token?scope=repository:a/b:pull,push', '/token', 'scope=repository:a/b:pull,push'],
  ] as const)
    assert.deepEqual(plainTarget(url, ''), { path, query }, url)
  assert.deepEqual(plainTarget('/npm/x', '/npm'), { path: '/x', query: '' })
})

test('what tools of a kind write in a spelling of their own passes as it came, but for folders that are none', () => {
  const debian = { escapes: '+~:', dotFolders: true }
  const path = '/pool/a_1%2b2%7e3%3A4_all.deb'
  assert.deepEqual(plainTarget(`/debian${path}`, '/debian', debian), { path, query: '' })
  assert.deepEqual(plainTarget(`/debian${path}`, '/debian', { escapes: '+' }), {
    path: '/pool/a_1%2b2~3:4_all.deb',
    query: '',
  })
  assert.deepEqual(plainTarget('/flat/././a/./b', '/flat', debian), { path: '/a/b', query: '' })
  assert.equal(plainTarget('/flat/./a', '/flat'), undefined)
  for (const url of ['/.%2fa', '/%2e/a', '/../a', '/./../a', '/.//a', '/a/.', '/%25', '/%00'])
    assert.equal(plainTarget(url, '', debian), undefined, url)
})

test('what somebody could read in another way is refused', () => {
  const escapes = ['%5c', '%00', '%0a', '%0d', '%25', '%252e', '%7f', '%3b', '%2a', '%3f', '%zz', '%', '%2g']
  for (const path of [
    ...escapes.flatMap((escape) => [`/${escape}`, `/a${escape}b`, `/${escape}/x`]),
    ...[
      '/.',
      '/..',
      '/a/../b',
      '/a/.',
      '/./a',
      '//',
      '/a//b',
      '/a%2f..%2fb',
      '/a%2f.',
      '/..%2fa',
      '/a/..%2f',
      ...['/..%20/x', '/a/.%20%20', '/%c0%ae%c0%ae/x', '/%c0%af', '/%e0%80%af', '/%ff'],
      ...['/%2fa', '/a%2f', '/a%2f/b', '/a/%2fb', '/a%2f%2Fb'],
      ...['/%2e', '/%2E%2e/x', '/a/%2e./b', '/a%2f%2e%2e%2fb', '/a/%2e%2e', '/%2e%2f', '/..%2f%2e'],
    ],
    ...['/a;b', '/a\\b', '/a b', '/a\tb', '/ä', '/a*', '/a#b', '/a"b', 'a', '', '*', 'http://x/'],
    `/${'a'.repeat(2_048)}`,
  ])
    assert.equal(plainTarget(path, ''), undefined, path)
  for (const query of [
    '%00',
    '%0d%0a',
    '%1f',
    '%7F',
    'a b',
    'a#b',
    'a\\b',
    'ä',
    '%',
    '%4',
    'a;b',
    'a"b',
    'a[0]',
  ])
    assert.equal(plainTarget(`/x?${query}`, ''), undefined, query)
  assert.equal(plainTarget('/npmx/y', '/npm'), undefined)
  assert.equal(plainTarget('/npm', '/npm'), undefined)
})
