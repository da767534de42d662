import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challengesIn, nextQuery } from './index.ts'

const here = new URL('https://r.test/v2/app/referrers/sha256:00')
const page = '/v2/app/referrers/sha256:00?last=a'

test('the next page is found among several links and parameters, quoted or not; what is elsewhere, or no link, is none', () => {
  for (const link of [
    `<${page}>; rel="next"`,
    `<${page}>;rel=next`,
    `<https://r.test${page}>; rel=next; title="x"`,
    `<${page}>; title="a, b; c \\" <d>"; REL="last next"; type=text/html`,
    `</other>; rel="prev", <${page}>; rel="next"`,
    `<${page}>; x; rel=next;`,
  ])
    assert.equal(nextQuery(link, here), '?last=a', link)
  for (const link of [
    undefined,
    '',
    `<${page}>`,
    `<${page}>; rel=prev; rel=next`,
    `<${page}>; title="rel=next"`,
    `<${page}>; rel="nextpage"`,
    `<https://other.test${page}>; rel=next`,
    `<https://r.test:444${page}>; rel=next`,
    `</v2/app/tags/list>; rel=next`,
    `${page}; rel=next`,
    `<${page}>; rel="next`,
  ])
    assert.equal(nextQuery(link, here), undefined, String(link))
})

test('a header that is made to be slow is read by one look at each of its characters: by more this would not end', () => {
  nextQuery(`<${page}>${'; a = b '.repeat(100_000)}"`, here)
  nextQuery(`<${page}>${'; a'.repeat(250_000)}${' '.repeat(250_000)}"`, here)
  challengesIn(`Bearer ${'a = '.repeat(1_000)}"`)
  challengesIn(`Bearer a="${'\\\\'.repeat(2_000)}`)
  challengesIn(`${'a '.repeat(2_000)}"`)
})

const realm = 'https://t.test/token'
const bearerIn = (header: string) => challengesIn(header).find(({ scheme }) => scheme === 'bearer')

test('of several challenges each is read with its own parameters, in one header or in several', () => {
  for (const header of [
    `Bearer realm="${realm}",service="r"`,
    `bearer realm=${realm},service=r`,
    `Bearer realm = "${realm}" , service = "r"`,
    `Negotiate, Bearer realm="${realm}",service="r"`,
    `Negotiate YII=, Bearer service="r",realm="${realm}"`,
    `Basic realm="x, Bearer realm=\\"https://evil.test\\"", Bearer realm="${realm}",service="r"`,
    `Bearer realm="${realm}",service="r", Basic realm="y"`,
    `Bearer realm="${realm}",service="r",realm="https://other.test"`,
  ])
    assert.deepEqual(
      [bearerIn(header)?.parameters.get('realm'), bearerIn(header)?.parameters.get('service')],
      [realm, 'r'],
      header,
    )
  assert.deepEqual(
    challengesIn('Basic realm="x", Bearer, NTLM').map(({ scheme }) => scheme),
    ['basic', 'bearer', 'ntlm'],
  )
  for (const header of [undefined, null, '', 'realm="x"', `"Bearer realm=x"`, ' '.repeat(5_000)])
    assert.deepEqual(challengesIn(header), [])
})
