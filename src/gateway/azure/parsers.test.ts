import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { kinds } from '../../kinds/index.ts'
import { readTarget, writeTarget, type Target } from '../raw-target.ts'
import { readArm } from './arm.ts'
import { readBlob } from './blob.ts'
import type { Called } from './called.ts'
import { problemOf } from './odd-request.ts'
import { connectionShown, standInToken } from './stand-in.ts'
import { readVault } from './vault.ts'

const subscription = '99999999-8888-7777-6666-555555555555'
const words = [
  ...[
    'subscriptions',
    subscription,
    'resourceGroups',
    'RG',
    'providers',
    'Microsoft.Web',
    'sites',
    'shop',
    'listKeys',
  ],
  ...[
    'secrets',
    'keys',
    'certificates',
    'versions',
    'sign',
    'app',
    'a b',
    'ü',
    '%2f',
    '%5C',
    '..',
    '',
    '$root',
    'x'.repeat(90),
  ],
]
const part = fc.oneof(fc.constantFrom(...words), fc.string({ unit: anyCharacter, maxLength: 8 }).map(encode))
const path = fc.array(part, { maxLength: 12 }).map((parts) => `/${parts.join('/')}`)
const pair = fc
  .tuple(
    fc.constantFrom('comp', 'COMP', 'restype', 'versionid', 'deletetype', 'api-version', 'sig', 'x'),
    fc.constantFrom(
      '',
      'list',
      'block',
      'acl',
      'metadata',
      'container',
      'service',
      'account',
      'PERMANENT',
      'query',
      'constructor',
      '%00',
    ),
  )
  .map((both) => both.join('='))
const query = fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join('&'))
const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'M-SEARCH')
const source = fc.option(
  fc.oneof(
    fc.tuple(path, query).map(([at, with_]) => `https://other.blob.core.windows.net${at}?${with_}`),
    fc.string(),
  ),
)

function encode(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

function assertNamed(all: readonly Called[]): void {
  for (const { action, resource } of all) {
    // What has no form is refused by whoever is asked; a form with `*` would be more than one.
    const isNamed = kinds.azure.path.form.is(action) || /^[a-z]+:/.test(action)
    assert.ok(isNamed, action)
    assert.match(resource, /^(?:[A-Za-z0-9._~!$&'()+,=:@/-]|%[0-9A-F]{2})+$/)
  }
}

const runs = { numRuns: 3_000 }

test('whatever a path, a query and a method are, they are read in one way, or refused', () => {
  fc.assert(
    fc.property(path, query, method, source, (at, with_, how, from) => {
      const target = readTarget(at, with_)
      if (typeof target === 'string') return
      assert.deepEqual(readTarget(...split(writeTarget(target))), target)
      const headers = from === null ? {} : { 'x-ms-copy-source': from }
      for (const service of ['blob', 'arm', 'vault'] as const) problemOf(headers, target, service)
      const blob = readBlob({
        ...{ account: 'releases', method: how, target, headers },
        url: 'https://management.azure.com',
      })
      if (typeof blob !== 'string') assertNamed(blob.called)
      assertNamed([readVault('shop', how, target)])
      const arm = readArm(subscription, how, target)
      if (typeof arm !== 'string') assertNamed([arm])
    }),
    runs,
  )
})

test('Resource Manager takes names in any case, and so is what they are judged by', () => {
  const upper = ({ parts, query: pairs }: Target) => ({
    parts: parts.map((one) => one.toUpperCase().toLowerCase().toUpperCase()),
    query: pairs,
  })
  const plain = fc.array(fc.constantFrom(...words.slice(0, 16)), { maxLength: 12 })
  fc.assert(
    fc.property(plain, method, (parts, how) => {
      const target = { parts, query: [] }
      assert.deepEqual(readArm(subscription, how, upper(target)), readArm(subscription, how, target))
    }),
    runs,
  )
})

test('a stand-in is known again, and nothing else is one', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,40}$/), fc.string(), (name, audience) => {
      const of = { audience, tenant: 't', issuer: 'i', nowMs: 1e12 }
      const { token } = standInToken(name, of)
      assert.equal(connectionShown(`Bearer ${token}`), name)
      assert.equal(connectionShown(`Bearer ${token}x`), undefined)
      assert.equal(connectionShown(audience), undefined)
      assert.equal(
        connectionShown(`Bearer x.${Buffer.from(audience).toString('base64url')}.aGVsZC1ieS10aGUtZ2F0ZXdheQ`),
        undefined,
      )
    }),
    { numRuns: 300 },
  )
})

function split(target: string): [string, string] {
  const [at = '', ...rest] = target.split('?')
  return [at, rest.join('?')]
}
