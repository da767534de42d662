/** Random numbers that are the same for the same seed (mulberry32). */
export interface Random {
  /** From 0 up to, and without, `below`. */
  number(below: number): number
  pick<T>(items: readonly T[]): T
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const number = (below: number) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
  return { number, pick: (items) => items[number(items.length)] as never }
}

/** What breaks parsers, to be put anywhere. */
const tokens = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  '\r\n\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 99999999999\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  'Expect: 100-continue\r\n',
  'Trailer: x\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 042 x\r\n',
  'HTTP/1.1 101 x\r\n\r\n',
  'CONNECT egress.test:443 HTTP/1.1\r\n\r\n',
  '0\r\n\r\n',
  'ffffffffffffffff\r\n',
  '0000',
  '0001',
  'fff0',
  '\x16\x03\x01',
  '\xff\xfe',
  '__proto__: x\r\n',
]

const mostBytes = 100_000

/** Some of its bytes changed, left out, doubled, cut or put in. */
export function mutate(random: Random, text: string): Buffer {
  let bytes = Buffer.from(text, 'latin1')
  for (let rounds = random.number(5); rounds > 0; rounds--) {
    const at = random.number(bytes.length + 1)
    const to = Math.min(bytes.length, at + 1 + random.number(40))
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]
    const token = Buffer.from(random.pick(tokens), 'latin1')
    const changes = [
      () => [before, token, part, after],
      () => [before, after],
      () => [before],
      () => [before, part, part, after],
      () => [before, ...Array.from({ length: random.number(3_000) }, () => token), part, after],
      () => [before, Buffer.from(part.map((byte) => byte ^ (1 << random.number(8)))), after],
      () => [before, Buffer.from(part.map(() => random.number(256))), after],
    ]
    bytes = Buffer.concat(random.pick(changes)()).subarray(0, mostBytes)
  }
  return bytes
}

/** The same bytes in some pieces. */
export function pieces(random: Random, bytes: Buffer): Buffer[] {
  const cuts = Array.from({ length: random.number(4) }, () => random.number(bytes.length + 1)).sort(
    (a, b) => a - b,
  )
  return [0, ...cuts].map((from, i) => bytes.subarray(from, [...cuts, bytes.length][i]))
}

/** What servers read in more than one way, to be put into the path of a request. */
const pathTokens = [
  ...[
    '/../',
    '/./',
    '//',
    '..',
    '%2e%2e/',
    '/%2e%2e%2f',
    '..%2f',
    '%2f',
    '%2F',
    '%5c',
    '\\',
    '%252f',
    '%25',
    '%00',
  ],
  ...[
    ';',
    ';x=',
    '?',
    '#',
    '%3f',
    '%23',
    '@',
    '%40',
    ':',
    '*',
    '%20',
    '+',
    '%2b',
    '%c0%af',
    '%ef%bc%8f',
    '\xef\xbc\x8f',
  ],
  ...['\t', ' ', '%0d%0a', '\r\n X: y', '%E2%80%AE', '~', '!', '%21', '.git', '.json', '/'],
]

/**
 * A request line whose path is spoilt: tokens put in, cases changed, letters escaped, and the path of something else in front,
 * with as many steps up as lead out of it again.
 */
export function spoilTarget(random: Random, line: string, beside: string): string {
  const at = line.indexOf('/')
  const method = line.slice(0, at)
  let path = line.slice(at)
  for (let rounds = 1 + random.number(3); rounds > 0; rounds--) {
    const where = random.number(path.length + 1)
    const [before, after] = [path.slice(0, where), path.slice(where)]
    const up = random.pick(['/..', '/%2e%2e', '/.%2e', '%2f..', '\\..'])
    const changes = [
      () => `${before}${random.pick(pathTokens)}${after}`,
      () => `${before}${escaped(after.slice(0, 1))}${after.slice(1)}`,
      () => `${before}${after.slice(0, 1).toUpperCase()}${after.slice(1)}`,
      () => `${beside}${up.repeat(1 + random.number(8))}${path}`,
      () => `${beside}${random.pick(['?', '#', ';', '%3f', '%23', '%00'])}${path}`,
      () => `https://x.test${path}`,
      () => `//x.test${path}`,
    ]
    path = random.pick(changes)()
  }
  return `${method}${path}`
}

function escaped(character: string): string {
  return character === '' ? '' : `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}
