/**
 * The least that a durable exchange can be in one process of Node, to hold ours against: HTTP, the CI token's signature
 * and the proof's verified, an access token's made, and two fsyncs one after the other (the log's, then the store's). It
 * reads nothing, decides nothing, and keeps nothing that could be found again: `node least-server.ts FOLDER` prints its port.
 */
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const [folder = '.'] = process.argv.slice(2)
const text = Buffer.alloc(1000, 'x')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const tokenSignature = sign('sha256', text, rsa.privateKey)
const proofSignature = sign('sha256', text, ec.privateKey)
const files = await Promise.all(['log', 'store'].map((name) => open(join(folder, name), 'w')))

async function exchange(): Promise<Buffer> {
  const good =
    verify('sha256', text, rsa.publicKey, tokenSignature) &&
    verify('sha256', text, ec.publicKey, proofSignature)
  if (!good) throw new Error('a good signature was refused')
  const token = sign('sha256', text, ec.privateKey)
  for (const file of files) {
    await file.write(text)
    await file.datasync()
  }
  return token
}

const server = createServer((request, response) => {
  request.resume().on('end', async () => {
    const body = (await exchange()).toString('base64')
    response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body)
  })
})
server.keepAliveTimeout = 600_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
