import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillTemplate, seededRandom } from '../index.ts'
import { findNamed } from './find.ts'

const random = seededRandom(4)
const fill = (template: string) => fillTemplate(template, random)

/** What is given to the last name of a text that says so. */
function foundIn(text: string, name: string): string | undefined {
  const bytes = Buffer.from(text)
  const at = text.lastIndexOf(name)
  const place = findNamed(bytes, at, at + name.length, 'secret')
  return place && text.slice(place.start, place.end)
}

const pods = (heading: string) =>
  `PODS:\n  - AppAuth (1.7.5)\n\n${heading}\n  Alamofire: ${fill('{hex:40}')}\n  GTMAppAuth: ${fill('{hex:40}')}\n`

test('a digest in a list of digests is none, whatever it is of; elsewhere it may be one', () => {
  for (const heading of ['SPEC CHECKSUMS:', 'checksums:', '"hashes": ', 'digests:\r'])
    assert.equal(foundIn(pods(heading), 'Auth'), undefined, heading)
  for (const heading of ['EXTERNAL SOURCES:', 'keys:', 'checksums: no', ''])
    assert.match(foundIn(pods(heading), 'Auth') ?? '', /^[0-9a-f]{40}$/, heading)
  const longer = `checksums:\n  all: yes\nkeys:\n  appAuth: ${fill('{hex:40}')}\n`
  assert.notEqual(foundIn(longer, 'Auth'), undefined)
  const token = `checksums:\n  appAuth: ${fill('{alnum:41}')}\n`
  assert.notEqual(foundIn(token, 'Auth'), undefined)
})

test('the list may be as long as that of a large app', () => {
  const long = `SPEC CHECKSUMS:\n${fill('  Alamofire: {hex:40}\n').repeat(250)}  FirebaseAuth: ${fill('{hex:40}')}\n`
  assert.equal(foundIn(long, 'Auth'), undefined)
})

/** As `kubeseal` writes it: the length of what RSA has encrypted, that, and what AES-GCM has with its tag of 16 bytes. */
function sealed(keyBytes: number, length = keyBytes, text = 12): string {
  const bytes = Buffer.alloc(2 + length + text + 16)
  for (let at = 2; at < bytes.length; at++) bytes[at] = Math.floor(random() * 256)
  bytes.writeUInt16BE(keyBytes)
  return bytes.toString('base64')
}

const manifest = (value: string) =>
  `kind: SealedSecret\nspec:\n  encryptedData:\n    user: ${sealed(512)}\n    api-token: ${value}\n`

test('what is sealed for a cluster is none, and what only begins so is one', () => {
  for (const bytes of [256, 512, 1024]) assert.equal(foundIn(manifest(sealed(bytes)), 'token'), undefined)
  for (const value of [sealed(512, 400, 0), sealed(513), sealed(64), fill('AgB{alnum:40}')])
    assert.notEqual(foundIn(manifest(value), 'token'), undefined, value)
})
