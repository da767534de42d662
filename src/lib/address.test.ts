import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from './any-character.fixture.ts'
import { canonicalHost, classifyAddress, type AddressClass } from './index.ts'

// First and last address of each range, and the neighbours that are outside it.
const edges: readonly (readonly [AddressClass, readonly string[]])[] = [
  ['local', ['0.0.0.0', '0.255.255.255', '127.0.0.0', '127.0.0.1', '127.255.255.255']],
  ['public', ['1.0.0.0', '126.255.255.255', '128.0.0.0']],
  [
    'local',
    ['169.254.0.0', '169.254.255.255', '224.0.0.0', '239.255.255.255', '240.0.0.0', '255.255.255.255'],
  ],
  ['public', ['169.253.255.255', '169.255.0.0', '223.255.255.255']],
  [
    'private',
    ['10.0.0.0', '10.255.255.255', '100.64.0.0', '100.127.255.255', '172.16.0.0', '172.31.255.255'],
  ],
  ['public', ['9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0']],
  ['private', ['192.0.0.0', '192.0.0.255', '192.0.2.0', '192.0.2.255', '192.168.0.0', '192.168.255.255']],
  ['public', ['191.255.255.255', '192.0.1.0', '192.0.1.255', '192.0.3.0', '192.167.255.255', '192.169.0.0']],
  [
    'private',
    ['198.18.0.0', '198.19.255.255', '198.51.100.0', '198.51.100.255', '203.0.113.0', '203.0.113.255'],
  ],
  [
    'public',
    ['198.17.255.255', '198.20.0.0', '198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0'],
  ],
  ['local', ['::', '::1', '::2', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ff00::', 'ff02::1']],
  ['local', ['1fff:ffff::', '4000::', 'fe7f:ffff::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']],
  [
    'private',
    [
      'fc00::',
      'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
      'fec0::',
      'feff:ffff::',
      '100::',
      '100::ffff:ffff:ffff:ffff',
    ],
  ],
  ['local', ['fbff:ffff::', '100:0:0:1::']],
  ['private', ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff']],
  ['public', ['2000::', '2001:db7:ffff::', '2001:db9::', '2606:4700:4700::1111', '3ffe:ffff::1']],
]

for (const [verdict, addresses] of edges) {
  test(`${verdict}: ${addresses.join(' ')}`, () => {
    for (const address of addresses) assert.equal(classifyAddress(address), verdict, address)
  })
}

test('the metadata services of the clouds are local, however they are written', () => {
  const addresses = [
    ['AWS, GCP, Azure, OpenStack', '169.254.169.254'],
    ['AWS ECS', '169.254.170.2'],
    ['AWS EKS', '169.254.170.23'],
    ['AWS', 'fd00:ec2::254'],
    ['AWS, upper case', 'FD00:EC2:0:0:0:0:0:254'],
    ['GCP', 'fd20:ce::254'],
    ['Azure', '168.63.129.16'],
    ['Alibaba', '100.100.100.200'],
    ['Oracle', '192.0.0.192'],
    ['OpenStack', 'fe80::a9fe:a9fe'],
  ] as const
  for (const [cloud, address] of addresses) assert.equal(classifyAddress(address), 'local', cloud)
})

// Sources: amazon EKS "Pod Identity agent setup"; oracle oci-python-sdk instance_principals; Scaleway metadata API.
test('metadata services in unique local IPv6 addresses are local', () => {
  const addresses = [
    ['AWS EKS Pod Identity', 'fd00:ec2::23'],
    ['Oracle', 'fd00:c1::a9fe:a9fe'],
    ['Alibaba', 'fd00:100::100:200'],
    ['Scaleway', 'fd00:42::42'],
  ] as const
  for (const [cloud, address] of addresses) assert.equal(classifyAddress(address), 'local', cloud)
})

test('neighbours of the single metadata addresses keep their own class', () => {
  for (const address of ['168.63.129.15', '168.63.129.17']) assert.equal(classifyAddress(address), 'public')
  for (const address of ['100.100.100.199', '100.100.100.201', '192.0.0.191', '192.0.0.193']) {
    assert.equal(classifyAddress(address), 'private')
  }
})

test('documentation IPv6 (RFC 9637) is not public', () => {
  assert.notEqual(classifyAddress('3fff::1'), 'public')
})

test('property: IPv4 in IPv6 clothes has the class of the IPv4 address', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
      const high = ((a << 8) | b).toString(16)
      const low = ((c << 8) | d).toString(16)
      const clothes = [
        `::ffff:${address}`,
        `::FFFF:${high}:${low}`,
        `0:0:0:0:0:ffff:${high}:${low}`,
        `64:ff9b::${address}`,
        `64:ff9b::${high}:${low}`,
        `2002:${high}:${low}::`,
        `2002:${high}:${low}:1:2:3:4:5`,
      ]
      for (const one of clothes) assert.equal(classifyAddress(one), classifyAddress(address), one)
    }),
  )
})

test('property: embeddings that are not global unicast are refused as local', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      // IPv4-compatible (deprecated), IPv4-translated (RFC 2765), local-use NAT64 (RFC 8215).
      for (const prefix of ['::', '::ffff:0:', '64:ff9b:1::']) {
        assert.equal(classifyAddress(`${prefix}${address}`), 'local', `${prefix}${address}`)
      }
    }),
  )
})

test('property: an IPv6 address has one class, compressed or in full', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
      const full = groups.map((group) => group.toString(16).padStart(4, '0')).join(':')
      const short = new URL(`http://[${full}]`).hostname.slice(1, -1)
      assert.equal(classifyAddress(full), classifyAddress(short), full)
      assert.equal(classifyAddress(full.toUpperCase()), classifyAddress(full))
    }),
  )
})

test('a zone does not make a link-local address reachable', () => {
  for (const address of ['fe80::1%eth0', '::1%lo', '::ffff:127.0.0.1%lo'])
    assert.equal(classifyAddress(address), 'local')
})

test('text that is no address is local, the most refused', () => {
  const texts = [
    '',
    ' ',
    'localhost',
    '8.8.8',
    '8.8.8.8.8',
    '8.8.8.8 ',
    '08.8.8.8',
    '0x8.8.8.8',
    '134744072',
    '8.8.8.8/32',
  ]
  const more = [
    '[::1]',
    ':::',
    '2606:4700',
    '::ffff:8.8.8',
    '8.8.8.8\0',
    '８.８.８.８',
    '2606:4700::g',
    '8.8.8.256',
  ]
  for (const text of [...texts, ...more]) assert.equal(classifyAddress(text), 'local', JSON.stringify(text))
})

const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`

const canonical: readonly (readonly [string, string, string])[] = [
  ['case', 'GitHub.COM', 'github.com'],
  ['one trailing dot', 'github.com.', 'github.com'],
  ['a single label', 'localhost', 'localhost'],
  ['digits and hyphens', '1-a.2b', '1-a.2b'],
  ['punycode, as it is', 'xn--mnchen-3ya.de', 'xn--mnchen-3ya.de'],
  ['IPv4', '127.0.0.1', '127.0.0.1'],
  ['IPv6 in brackets', '[::1]', '::1'],
  ['IPv6, case', '2001:DB8::A', '2001:db8::a'],
  ['253 characters', longest, longest],
  ['253 characters and a dot', `${longest}.`, longest],
]
for (const [what, text, host] of canonical) {
  test(`host: ${what}`, () => assert.equal(canonicalHost(text), host))
}

const refused: readonly (readonly [string, readonly string[]])[] = [
  ['nothing', ['', '.', '..', '[]']],
  ['NUL', ['evil.com\0.github.com', '\0', '127.0.0.1\0', 'github.com\0', '::1\0']],
  ['CR and LF', ['github.com\r\nhost: evil.com', 'github.com\n', '\ngithub.com', '127.0.0.1\n', '[::1]\r\n']],
  ['space and tab', [' github.com', 'github.com ', 'git hub.com', 'github.com\t']],
  ['two trailing dots, empty labels', ['github.com..', '.github.com', 'git..hub.com']],
  [
    'IDNA',
    ['münchen.de', 'ｇithub.com', 'github。com', 'gıthub.com', 'github.com\u00ad', 'github\u200d.com'],
  ],
  ['percent', ['%67ithub.com', 'github.com%00', 'github%2ecom', '127.0.0.1%25']],
  [
    'what inet_aton reads as an address',
    ['2130706433', '0x7f000001', '0X7F.1', '127.1', '127.0.1', '017700000001', '0x', '1.2.3.0x1f'],
  ],
  ['a bad IPv4 address', ['256.1.1.1', '1.2.3.4.5', '01.2.3.4', '127.0.0.1.', '١.١.١.١']],
  ['brackets out of place', ['[::1', '::1]', '[[::1]]', '[]::1', 'a[b].com', '[::1].com']],
  [
    'a port, a user, a path',
    [
      'github.com:443',
      '[::1]:443',
      'me@github.com',
      'github.com/x',
      'https://github.com',
      'a\\b',
      'a?b',
      'a#b',
    ],
  ],
  ['a hyphen at an edge of a label', ['-github.com', 'github-.com', 'git.-hub.com']],
  ['a label of 64 characters', [`${'a'.repeat(64)}.com`]],
  ['over 254 characters', ['a.'.repeat(127) + 'bcd']],
]
for (const [what, texts] of refused) {
  test(`no host: ${what}`, () => {
    for (const text of texts) assert.equal(canonicalHost(text), undefined, JSON.stringify(text))
  })
}

test('no host: IDNA look-alikes that lower-casing turns into ASCII (Kelvin sign)', () => {
  assert.equal(canonicalHost('git\u212araken.com'), undefined)
})

test('no host: a name in brackets', () => {
  for (const text of ['[github.com]', '[cafe]', '[127.0.0.1]'])
    assert.equal(canonicalHost(text), undefined, text)
})

test('no host: an address with a zone (percent sign)', () => {
  for (const text of ['fe80::1%eth0', '[fe80::1%eth0]', '2606:4700::1%x'])
    assert.equal(canonicalHost(text), undefined, text)
})

test('no host: a name of 254 characters', () => {
  assert.equal(canonicalHost(`${longest}d`), undefined)
})

test('one IPv6 address is one host, however it is written', () => {
  for (const text of ['0:0:0:0:0:0:0:1', '::0:1', '0000::0001'])
    assert.equal(canonicalHost(text), '::1', text)
})

test('property: what is canonical stays as it is, is plain ASCII, and is no address in disguise', () => {
  const text = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 40 }),
    fc.domain(),
    fc.ipV4(),
    fc.ipV6(),
    fc.string({
      unit: fc.constantFrom('a', 'B', '0', 'x', '.', '-', ':', '[', ']', '%', '1'),
      maxLength: 12,
    }),
  )
  fc.assert(
    fc.property(text, (candidate) => {
      const host = canonicalHost(candidate)
      if (host === undefined) return
      assert.equal(canonicalHost(host), host)
      assert.match(host, /^[a-z0-9_.:-]+$/)
      // The URL parser is what clients read hosts with: it must not see an address where we see a name.
      const seen = new URL(`http://${host.includes(':') ? `[${host}]` : host}`).hostname
      if (!host.includes(':')) assert.equal(seen, host)
    }),
    { numRuns: 2000 },
  )
})
