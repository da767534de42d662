import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { gitHost, openWorld } from '../../../src/gateway/gateway.fixture.ts'

test('whether a step may read a repository is asked before its request is read or unpacked', async (t) => {
  const world = await openWorld(t)
  const within = await world.secure()
  // Only the head is sent: whoever waits for the body does not answer.
  within.write(
    `POST /octo/other.git/git-upload-pack HTTP/1.1\r\nhost: ${gitHost}\r\ncontent-encoding: gzip\r\ncontent-length: 23000\r\n\r\n`,
  )
  const [first] = (await once(within, 'data')) as [Buffer]
  assert.match(first.toString(), /^HTTP\/1\.1 403 /)
  assert.equal(world.audit.ofType('access.denied').length, 1)
})
