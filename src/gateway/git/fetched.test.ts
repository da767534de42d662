import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWorld, request } from '../gateway.fixture.ts'
import { packetLine } from './pkt-line.ts'

const commit = 'c0ffee5a4323abafb10abb68657d9d39f1a77505'
const line = (text: string) => packetLine(Buffer.from(text))
const fetchOf = (id: string) =>
  Buffer.concat([
    line('command=fetch\n'),
    Buffer.from('0001'),
    line(`want ${id}\n`),
    line('done\n'),
    Buffer.from('0000'),
  ])

test('a commit that a Git server gave stands among the step’s materials, and one that it did not give does not', async (t) => {
  const world = await openWorld(t)
  const path = '/octo/app.git/git-upload-pack'
  const ask = async (status: number, body: Buffer) => {
    world.upstream.handle = (_request, response) => response.writeHead(status).end('0000')
    const answer = await world.ask(request('POST', path, { body }))
    assert.equal(answer.status, status)
    await world.gateway.recordDownloads(world.step)
  }
  await ask(404, fetchOf(commit))
  await ask(200, Buffer.concat([line('command=ls-refs\n'), Buffer.from('0000')]))
  assert.deepEqual(world.materials.materials, [])
  await ask(200, fetchOf(commit))
  assert.deepEqual(world.materials.materials, [
    {
      uri: 'git+https://git.test/octo/app',
      integrity: `gitCommit:${commit}`,
      by: 'digest',
      connection: 'git',
    },
  ])
  assert.deepEqual(world.audit.ofType('git.fetched'), [])
})
