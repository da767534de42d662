/** What a hostile server sends: `close` ends the connection behind it, else it stays open. */
export interface HostileAnswer {
  readonly bytes: string
  readonly close?: true
}

const close = true as const
const ok = 'HTTP/1.1 200 OK\r\n'
const whole = `${ok}Content-Length: 5\r\n\r\nhello`

/** Answers that HTTP does not know, or that end in the middle. Each asks for one clean error and nothing else. */
export const hostileAnswers: Readonly<Record<string, HostileAnswer>> = {
  'status 042': { bytes: 'HTTP/1.1 042 x\r\nContent-Length: 5\r\n\r\nhello' },
  'status 000': { bytes: 'HTTP/1.1 000 x\r\nContent-Length: 5\r\n\r\nhello' },
  'status 099': { bytes: 'HTTP/1.1 099 x\r\n\r\nhello', close },
  'status 600': { bytes: 'HTTP/1.1 600 x\r\nContent-Length: 5\r\n\r\nhello' },
  'status 999': { bytes: 'HTTP/1.1 999 x\r\nContent-Length: 5\r\n\r\nhello' },
  'status 1000': { bytes: 'HTTP/1.1 1000 x\r\nContent-Length: 5\r\n\r\nhello' },
  'status -1': { bytes: 'HTTP/1.1 -1 x\r\nContent-Length: 5\r\n\r\nhello' },
  'no status': { bytes: 'HTTP/1.1 \r\n\r\n', close },
  '101 with Upgrade': { bytes: 'HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello' },
  '101 alone': { bytes: 'HTTP/1.1 101 x\r\n\r\nhello' },
  '101 and the end': { bytes: 'HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n', close },
  '200 with Upgrade': {
    bytes: `${ok}Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 9\r\n\r\nhello`,
    close,
  },
  'a flood of 100s': { bytes: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(20_000) },
  'a flood of 103s': { bytes: 'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n'.repeat(10_000) },
  'a flood of headers': { bytes: `${ok}${'a: b\r\n'.repeat(4_000)}Content-Length: 5\r\n\r\nhello` },
  'a long header': { bytes: `${ok}a: ${'b'.repeat(200_000)}\r\n\r\n` },
  'a head without an end': { bytes: `${ok}a: b\r\n`, close },
  'no head': { bytes: '', close },
  'no HTTP': { bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', close },
  'HTTP/2': { bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', close },
  'HTTP/0.9': { bytes: '<html>hello</html>', close },
  'a NUL in a header': { bytes: `${ok}a: b\0c\r\nContent-Length: 5\r\n\r\nhello` },
  'a space in a name': { bytes: `${ok}a b: c\r\nContent-Length: 5\r\n\r\nhello` },
  'no name': { bytes: `${ok}: c\r\nContent-Length: 5\r\n\r\nhello` },
  'a bare CR': { bytes: `${ok}a: b\rc: d\r\nContent-Length: 5\r\n\r\nhello` },
  'two lengths': { bytes: `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello` },
  'a length that is none': { bytes: `${ok}Content-Length: five\r\n\r\nhello` },
  'a negative length': { bytes: `${ok}Content-Length: -5\r\n\r\nhello` },
  'a huge length': { bytes: `${ok}Content-Length: 99999999999999999999999\r\n\r\nhello`, close },
  'length and chunks': {
    bytes: `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  },
  'chunks of no length': { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n` },
  'a chunk too long': { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello` },
  'chunks without an end': { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, close },
  'a broken second chunk': { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello!!\r\n` },
  'a bad trailer': { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na b: c\r\n\r\n` },
  'less than it says': { bytes: `${ok}Content-Length: 50\r\n\r\nhello`, close },
}

/** Odd, and still an answer: what is forbidden in it must not break what is passed on. */
export const oddAnswers: Readonly<Record<string, HostileAnswer>> = {
  'status 299': { bytes: 'HTTP/1.1 299 x\r\nContent-Length: 5\r\n\r\nhello' },
  '204 with a body': { bytes: 'HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\nhello', close },
  '304 with a body': { bytes: 'HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\nhello', close },
  'more than it says': { bytes: `${ok}Content-Length: 5\r\n\r\nhello and goodbye` },
  'a second answer': { bytes: `${whole}${whole}` },
  'latin1 in a header': { bytes: `${ok}a: caf\xe9\r\nContent-Length: 5\r\n\r\nhello` },
  'headers of the process': {
    bytes: `${ok}__proto__: x\r\nconstructor: y\r\nhasOwnProperty: z\r\nContent-Length: 5\r\n\r\nhello`,
  },
  'a header twice': {
    bytes: `${ok}Content-Type: a/b\r\nContent-Type: c/d\r\nETag: x\r\nETag: y\r\nContent-Length: 5\r\n\r\nhello`,
  },
  'hop-by-hop headers': {
    bytes: `${ok}Connection: close, a\r\na: b\r\nKeep-Alive: x\r\nTE: x\r\nTrailer: a\r\nContent-Length: 5\r\n\r\nhello`,
  },
  'a named trailer': {
    bytes: `${ok}Trailer: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\n\r\n`,
  },
  'a flood of trailers': {
    bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${'a: b\r\n'.repeat(10_000)}\r\n`,
  },
  'another transfer encoding': { bytes: `${ok}Transfer-Encoding: gzip\r\n\r\nhello`, close },
  'a few 103s': { bytes: `${'HTTP/1.1 103 Early\r\n\r\n'.repeat(3)}${whole}` },
}
