import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createShelf } from './aside.ts'
import { createFormReader } from './form-reader.ts'
import { hex } from './pypi.fixture.ts'
import { openUploadBody } from './upload-body.ts'

test('a body that could not be put aside as a whole is not sent without what was taken of it', async () => {
  const file = Buffer.from('the file')
  const head = '--b\r\nContent-Disposition: form-data; name="content"; filename="a-1.tar.gz"\r\n\r\n'
  async function* rest() {
    yield file
    yield Buffer.from('\r\n--b--\r\n')
  }
  const openOn = async (maxBytes: number) => {
    const reader = createFormReader('b', 1_000)
    reader.push(Buffer.from(head))
    const chunks = rest()[Symbol.asyncIterator]()
    const publication = { file: 'a-1.tar.gz', sha256: hex(file) }
    return openUploadBody({ head: [Buffer.from(head)], chunks, reader, publication }, createShelf(maxBytes))
  }
  await using cut = await openOn(head.length)
  assert.match((await cut.beside()) ?? '', /has at most \d+ bytes/)
  // Another grant of the step may ask nothing of the file.
  assert.throws(() => cut.stream(), { code: 'limit_exceeded' })
  await using whole = await openOn(1_000)
  assert.match((await whole.beside()) ?? '', /its file is not read/)
  const sent = await whole.stream().toArray()
  assert.equal(Buffer.concat(sent as Buffer[]).toString(), `${head}the file\r\n--b--\r\n`)
})
