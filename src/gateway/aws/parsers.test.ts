import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { MayflyError } from '../../lib/index.ts'
import { kinds } from '../../kinds/index.ts'
import { resignedChunks } from './chunks.ts'
import { readClaim } from './claim.ts'
import { endpointOf } from './endpoint.ts'
import { jsonMembers } from './members.ts'
import { readOperation } from './operation.ts'
import { readDeletes } from './s3-delete.ts'
import { readS3 } from './s3.ts'
import { takeSession, withoutRegistryToken } from './secret-answers.ts'
import { readTarget, writeQuery } from './target.ts'

const home = { account: '123456789012', regions: ['eu-west-1'] }
/** Pieces that mean something to one of the readers, mixed with what does not. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '/',
        '%2F',
        '%2e',
        '..',
        '?',
        '&',
        '=',
        'Action',
        'X-Amz-Signature',
        'acl',
        'uploads',
        '+',
        '%00',
        '%C3%A4',
        '%ff',
      ),
      fc.constantFrom(
        '<Object><Key>',
        '</Key></Object>',
        '<Object>',
        '<Key>',
        '</Key>',
        '</Object>',
        '&amp;',
        '&#x2f;',
        '"cluster"',
        ':',
        '{',
        '}',
        '[',
        ']',
        ',',
        '\\u0022',
      ),
      fc.constantFrom(
        'arn:aws:ecs:eu-west-1:123456789012:service/a/b',
        'arn:aws:iam::1:role/x',
        '5;chunk-signature=',
        '\r\n',
      ),
      fc.string({ maxLength: 6, unit: anyCharacter }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

test('whatever comes, each reader answers, and what it names a grant could name', async () => {
  const isNamed = ({ service, action, resource }: { service: string; action: string; resource: string }) => {
    assert.ok(kinds.aws.path.form.is(`${service}:${action}`), action)
    assert.ok(resource.length > 3_200 || kinds.aws.ref.form.is(resource), resource)
  }
  await fc.assert(
    fc.asyncProperty(text, text, text, fc.boolean(), async (path, query, body, asKey) => {
      const target = readTarget(`/${path}`, query, asKey)
      const method = body.length % 2 === 0 ? 'PUT' : 'POST'
      const headers = {
        'x-amz-copy-source': path,
        'x-amz-target': `AmazonEC2ContainerServiceV20141113.${query}`,
      }
      readClaim(
        { headers: { authorization: body } } as unknown as IncomingMessage,
        typeof target === 'string' ? [] : target.query,
      )
      endpointOf(
        path,
        { date: '', region: 'eu-west-1', service: 's3' },
        { own: 'sts.amazonaws.com', regions: home.regions },
      )
      const members = await jsonMembers(Buffer.from(body))
      if (typeof members !== 'string') for (const name of ['**a', 'a.*', 'a']) members(name)
      const keys = readDeletes({
        ...{
          target: { parts: ['bucket'], path: '/bucket', query: [['delete', '']] },
          headers: {},
          bucket: undefined,
        },
        body: Buffer.from(`<Delete>${body}</Delete>`),
      })
      if (typeof keys !== 'string') keys.forEach(isNamed)
      takeSession(body)
      withoutRegistryToken(body)
      if (typeof target !== 'string') {
        const inS3 = readS3({
          method,
          target,
          headers: path.length % 2 === 0 ? headers : {},
          bucket: undefined,
        })
        if (typeof inS3 !== 'string') inS3.called.forEach(isNamed)
        for (const service of ['ecs', 'lambda', 'sts', 'unknown']) {
          const endpoint = { service, isMain: true }
          const found = await readOperation({
            ...{ endpoint, method, target, headers, home },
            body: Buffer.from(body),
          })
          if (typeof found !== 'string') found.called.forEach(isNamed)
        }
      }
      const signer = {
        secretAccessKey: 'x',
        scope: { date: '', region: '', service: 's3' },
        time: '',
        seed: '',
      }
      const stream = resignedChunks(Readable.from([Buffer.from(body)]), signer, signer)
      await assert.rejects(stream.toArray(), MayflyError)
    }),
    { numRuns: 400 },
  )
})

test('what is sent says the same as what was judged, to whoever reads it', () => {
  fc.assert(
    fc.property(text, text, fc.boolean(), (path, query, asKey) => {
      const target = readTarget(`/${path}`, query, asKey)
      if (typeof target === 'string') return
      // A reader that takes `%2F` for a slash, and one that cleans paths, find nothing to clean.
      const url = new URL(`https://x.test${target.path}?${writeQuery(target.query)}`)
      assert.equal(url.pathname, target.path)
      assert.ok(
        !decodeURIComponent(url.pathname)
          .split('/')
          .some((part) => part === '.' || part === '..'),
      )
      const again = readTarget(target.path, writeQuery(target.query), asKey)
      assert.deepEqual(again, target)
    }),
    { numRuns: 1_000 },
  )
})
