import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remoteFrom } from './remotes.ts'

test('an address of any protocol is its web host and path, without user and password', () => {
  const app = { host: 'https://git.example.com', path: 'octo/app' }
  for (const url of [
    'https://git.example.com/octo/app.git',
    'https://user:hunter2@git.example.com/octo/app/',
    'ssh://git@git.example.com:2222/octo/app.git',
    'git@git.example.com:octo/app.git',
    'git.example.com:/octo/app',
  ])
    assert.deepEqual(remoteFrom(url), app, url)
  assert.equal(remoteFrom('https://git.example.com:8443/a/b/c')?.host, 'https://git.example.com:8443')
  assert.equal(remoteFrom('https://git.example.com:8443/a/b/c')?.path, 'a/b/c')
})

test('what is no address of a host is none', () => {
  for (const url of [
    '/srv/git/app.git',
    '../app',
    'ext::sh -c touch% /tmp/pwned',
    'file:///srv/octo/app',
    'https://git.example.com/app',
    'https://git.example.com/octo/../app',
    'https://git.example.com/octo/a pp',
    'https://git.example.com/octo/app\u001b[2J',
    '-oProxyCommand=x:octo/app',
  ])
    assert.equal(remoteFrom(url), undefined, url)
})
