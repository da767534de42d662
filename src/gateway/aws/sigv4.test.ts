import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { failsWith, signerOf } from './aws.fixture.ts'
import { resignedChunks } from './chunks.ts'
import { emptyHash, hashOf, signatureOf, signed } from './sigv4.ts'
import { readTarget, writeQuery } from './target.ts'

// AWS, "Signature Version 4 test suite".
const suite = {
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  scope: { date: '20150830', region: 'us-east-1', service: 'service' },
  time: '20150830T123600Z',
}
const suiteHeaders = { host: 'example.amazonaws.com', 'x-amz-date': suite.time }

test('the vectors of AWS’s own test suite', () => {
  for (const [name, method, url, expected] of [
    ['get-vanilla', 'GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', 'POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'get-vanilla-query-unreserved',
      'GET',
      '/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
      '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
    ],
  ] as const) {
    const [path = '', query = ''] = url.split('?')
    const target = readTarget(path, query, false)
    assert.ok(typeof target !== 'string')
    const request = { method, path, query: target.query, headers: suiteHeaders, payload: emptyHash }
    assert.equal(signatureOf(request, ['host', 'x-amz-date'], suite), expected, name)
  }
})

// Amazon S3, "Authenticating requests: examples".
const s3 = {
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  scope: { date: '20130524', region: 'us-east-1', service: 's3' },
  time: '20130524T000000Z',
}

test('the examples of S3’s documentation', () => {
  const host = 'examplebucket.s3.amazonaws.com'
  const get = {
    ...{ method: 'GET', path: '/test.txt', query: [], payload: emptyHash },
    headers: { host, range: 'bytes=0-9', 'x-amz-content-sha256': emptyHash, 'x-amz-date': s3.time },
  }
  assert.equal(
    signatureOf(get, ['host', 'range', 'x-amz-content-sha256', 'x-amz-date'], s3),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
  const payload = hashOf('Welcome to Amazon S3.')
  const put = {
    ...{ method: 'PUT', path: '/test%24file.text', query: [], payload },
    headers: {
      ...{ host, date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      ...{ 'x-amz-content-sha256': payload, 'x-amz-date': s3.time },
    },
  }
  assert.equal(
    signatureOf(put, ['date', 'host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-storage-class'], s3),
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  )
  const lifecycle = {
    ...{ method: 'GET', path: '/', query: [['lifecycle', undefined]] as const, payload: emptyHash },
    headers: { host, 'x-amz-content-sha256': emptyHash, 'x-amz-date': s3.time },
  }
  assert.equal(
    signatureOf(lifecycle, ['host', 'x-amz-content-sha256', 'x-amz-date'], s3),
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  )
})

/** Amazon S3, "Transferring a payload in multiple chunks": 65 KB of `a`, in two chunks. */
const seed = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9'
const documented: readonly (readonly [number, string])[] = [
  [65_536, 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648'],
  [1_024, '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497'],
  [0, 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'],
]
const chunked = Buffer.from(
  documented
    .map(
      ([bytes, signature]) =>
        `${bytes.toString(16)};chunk-signature=${signature}\r\n${'a'.repeat(bytes)}\r\n`,
    )
    .join(''),
)
const ours = { ...s3, secretAccessKey: 'another', seed: 'f'.repeat(64) }

test('chunks: the documented ones are right, and signed anew they are right again, whatever pieces they come in', async () => {
  const again = await all(resignedChunks(Readable.from([chunked]), { ...s3, seed }, ours))
  assert.equal(again.length, chunked.length)
  assert.notDeepEqual(again, chunked)
  const pieces: Buffer[] = []
  for (let at = 0; at < again.length; at += 777) pieces.push(again.subarray(at, at + 777))
  assert.deepEqual(await all(resignedChunks(Readable.from(pieces), ours, { ...s3, seed })), chunked)
})

test('chunks: trailers are signed, too', async () => {
  const signer = { ...s3, seed }
  const text = 'x-amz-checksum-crc32c:sOO8/Q==\n'
  const chain = [seed]
  const key = ['20130524', 'us-east-1', 's3', 'aws4_request'].reduce<Buffer | string>(
    (one, part) => createHmac('sha256', one).update(part).digest(),
    `AWS4${s3.secretAccessKey}`,
  )
  const sign = (...lines: string[]) => {
    const parts = [lines[0], s3.time, '20130524/us-east-1/s3/aws4_request', chain.at(-1), ...lines.slice(1)]
    chain.push(createHmac('sha256', key).update(parts.join('\n')).digest('hex'))
    return chain.at(-1) ?? ''
  }
  const sha = (data: string) => createHash('sha256').update(data).digest('hex')
  const whole = [
    `5;chunk-signature=${sign('AWS4-HMAC-SHA256-PAYLOAD', sha(''), sha('hello'))}\r\nhello\r\n`,
    `0;chunk-signature=${sign('AWS4-HMAC-SHA256-PAYLOAD', sha(''), sha(''))}\r\n`,
    `x-amz-checksum-crc32c:sOO8/Q==\r\n`,
    `x-amz-trailer-signature:${sign('AWS4-HMAC-SHA256-TRAILER', sha(text))}\r\n\r\n`,
  ].join('')
  const again = await all(resignedChunks(Readable.from([Buffer.from(whole)]), signer, ours))
  assert.deepEqual(String(await all(resignedChunks(Readable.from([again]), ours, signer))), whole)
  const changed = Buffer.from(whole.replace('sOO8', 'sOO9'))
  await assert.rejects(
    all(resignedChunks(Readable.from([changed]), signer, ours)),
    failsWith(/trailers is wrong/),
  )
})

test('chunks: one that is changed, cut, too long or unsigned ends the body before it passes', async () => {
  const text = chunked.toString('latin1')
  for (const [body, reason] of [
    [text.replace(/aaa\r\n0;/, 'aab\r\n0;'), /signature of a chunk/],
    [text.slice(0, 60_000), /breaks off|not in chunks/],
    [text.replace('10000;', '8000001;'), /over/],
    [text.replace(/;chunk-signature=\w+/, ''), /no signature/],
    [text.replace('10000;', 'ffff;'), /longer|signature/],
    [`${text}x`, /follows/],
    ['', /not in chunks/],
    ['x'.repeat(5_000), /not in chunks/],
  ] as const)
    await assert.rejects(
      all(resignedChunks(Readable.from([Buffer.from(body, 'latin1')]), { ...s3, seed }, ours)),
      failsWith(reason),
    )
})

test('whatever is signed, another implementation signs it so, too', async () => {
  const segment = fc
    .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    .filter((one) => !/^\.{1,2}$|[\u0000-\u001f\u007f/]/.test(one) && one.isWellFormed())
    // The other one keeps a query in an object, which loses it.
    .filter((one) => one !== '__proto__')
  const pairs = fc.uniqueArray(fc.tuple(segment, segment), { selector: ([name]) => name, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(segment, { minLength: 1, maxLength: 4 }),
      pairs,
      fc.constantFrom('s3', 'ecs'),
      fc.string(),
      async (parts, query, service, body) => {
        const path = `/${parts.map(encodeURIComponent).join('/')}`
        const target = readTarget(path, writeQuery(query), service === 's3')
        assert.ok(typeof target !== 'string', String(target))
        const payload = hashOf(body)
        const headers = { host: 'x.test', 'content-type': ' text/plain;   a=b ', 'x-amz-meta-a': 'b' }
        const nowMs = 1_795_867_200_000
        const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' }
        const own = signed(
          { method: 'PUT', path: target.path, query: target.query, headers, payload },
          keys,
          { region: 'eu-west-1', service, nowMs },
        )
        const signer = signerOf(service, 'eu-west-1', keys)
        const { headers: theirs } = await signer.sign(
          {
            ...{ method: 'PUT', protocol: 'https:', hostname: 'x.test', path: target.path, body },
            headers,
            query: Object.fromEntries(query),
          },
          { signingDate: new Date(nowMs) },
        )
        assert.equal(own.headers['authorization'], theirs['authorization'])
      },
    ),
    { numRuns: 150 },
  )
})

async function all(stream: Readable): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[])
}
