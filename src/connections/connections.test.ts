import assert from 'node:assert/strict'
import { rootCertificates } from 'node:tls'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatProblem, parseConfig, policySchema } from '../config/index.ts'
import { compileTargets, type Targets } from './index.ts'

const document = (connections: string, egress: readonly string[] = []) => `issuers:
  mine: { kind: oidc, url: https://ci.example.com }
connections:
${connections.trimEnd().replaceAll(/^/gm, '  ')}
roles:
  build: { trust: { issuer: mine, subject: a }, grants: [git:read a/b] }
egress: ${JSON.stringify(egress)}
`

function compile(text: string): Targets | string[] {
  const parsed = parseConfig(text, 'mayfly.yaml', policySchema)
  if (!parsed.ok) return parsed.problems.map(formatProblem)
  const compiled = compileTargets(parsed.value, parsed.locate)
  return compiled.ok ? compiled.targets : compiled.problems.map(formatProblem)
}

function targetsOf(connections: string, egress: readonly string[] = []): Targets {
  const targets = compile(document(connections, egress))
  assert.ok(!Array.isArray(targets), String(targets))
  return targets
}

function problemsOf(connections: string, egress: readonly string[] = []): string[] {
  const compiled = compile(document(connections, egress))
  return Array.isArray(compiled) ? compiled : []
}

test('connections are found by host and port, and by nothing else', () => {
  const targets = targetsOf(`
github: { kind: git, url: https://GitHub.com }
registry: { kind: npm, url: "https://registry.example.com:8443/npm/", credential: { basic: secret:registry } }
inner: { kind: git, url: http://git.internal, dial: "[::1]:8080" }
v6: { kind: git, url: "https://[2001:DB8::1]/" }
`)
  const found = (host: string, port: number) => targets.find(host, port)?.name
  assert.equal(found('github.com', 443), 'github')
  assert.equal(found('registry.example.com', 8443), 'registry')
  assert.equal(found('git.internal', 80), 'inner')
  assert.equal(found('2001:db8::1', 443), 'v6')
  for (const [host, port] of [
    ['github.com', 80],
    ['GitHub.com', 443],
    ['github.com.', 443],
    ['evil.github.com', 443],
    ['com', 443],
    ['', 443],
  ] as const) {
    assert.equal(found(host, port), undefined, `${host}:${port}`)
  }
  const registry = targets.find('registry.example.com', 8443)
  assert.equal(registry?.basePath, '/npm')
  assert.equal(registry?.tls, true)
  assert.deepEqual(registry?.credential, { scheme: 'basic', secret: 'registry' })
  assert.deepEqual(targets.find('git.internal', 80)?.dial, { address: '::1', port: 8080 })
  assert.equal(targets.find('git.internal', 80)?.tls, false)
})

test('a bearer credential', () => {
  const targets = targetsOf(
    'a: { kind: git, url: https://a.example.com, credential: { bearer: secret:deploy.key_1 } }',
  )
  assert.deepEqual(targets.connections[0]?.credential, { scheme: 'bearer', secret: 'deploy.key_1' })
})

const clashes: readonly (readonly [string, string])[] = [
  ['the same URL', 'https://github.com'],
  ['another case', 'https://GITHUB.com'],
  ['the port said', 'https://github.com:443'],
  ['another path', 'https://github.com/other'],
  ['a trailing dot', 'https://github.com.'],
]
for (const [what, url] of clashes) {
  test(`refused: two connections to one host and port, ${what}`, () => {
    const problems = problemsOf(
      `one: { kind: git, url: https://github.com }\ntwo: { kind: npm, url: "${url}" }`,
    )
    assert.deepEqual(problems, [
      'mayfly.yaml:5:21: connection "two": github.com:443 is connection "one" already',
    ])
  })
}

test('two ports of one host are two connections', () => {
  assert.equal(
    targetsOf(
      'one: { kind: git, url: https://a.example.com }\ntwo: { kind: git, url: "https://a.example.com:444" }',
    ).connections.length,
    2,
  )
})

const wrong: readonly (readonly [string, string, RegExp])[] = [
  [
    'a ca that is no PEM',
    'a: { kind: git, url: https://a.example.com, ca: nonsense }',
    /^mayfly\.yaml:4:\d+: connection "a": ca is neither a certificate in PEM nor the path of a \.pem, \.crt or \.cer file, seen from mayfly\.yaml$/,
  ],
  [
    'a credential over http',
    'a: { kind: git, url: http://a.example.com, credential: { bearer: secret:x } }',
    /^mayfly\.yaml:4:\d+: connection "a": (?:a credential is not sent in the clear|http:\/\/ only with)/,
  ],
  [
    'a credential over http to a public address',
    'a: { kind: git, url: http://a.example.com, dial: "8.8.8.8:80", credential: { bearer: secret:x } }',
    /in the clear/,
  ],
  [
    'http without a dial address',
    'a: { kind: git, url: http://a.example.com }',
    /http:\/\/ only with a `dial` address|in the clear/,
  ],
  [
    'a host that is no name',
    'a: { kind: git, url: "https://a_b-.example.com" }',
    /^mayfly\.yaml:4:\d+: connection "a": a_b-\.example\.com is no host name$/,
  ],
  [
    'a host with a percent sign',
    'a: { kind: git, url: "https://a%24b.example.com" }',
    /: connections\.a\.url: |is no host name/,
  ],
  [
    'dial to port 0',
    'a: { kind: git, url: https://a.example.com, dial: "127.0.0.1:0" }',
    /dial 127\.0\.0\.1:0 is no IP address and port/,
  ],
  [
    'dial to port 65536',
    'a: { kind: git, url: https://a.example.com, dial: "127.0.0.1:65536" }',
    /is no IP address and port/,
  ],
  [
    'dial to a bad IPv4 address',
    'a: { kind: git, url: https://a.example.com, dial: "127.1:80" }',
    /is no IP address and port/,
  ],
  [
    'dial to 256.1.1.1',
    'a: { kind: git, url: https://a.example.com, dial: "256.1.1.1:80" }',
    /is no IP address and port/,
  ],
  [
    'dial to a bad IPv6 address',
    'a: { kind: git, url: https://a.example.com, dial: "[:::1]:80" }',
    /is no IP address and port/,
  ],
  [
    'dial to a name in brackets',
    'a: { kind: git, url: https://a.example.com, dial: "[bad.cafe]:80" }',
    /is no IP address and port/,
  ],
  [
    'dial without a port',
    'a: { kind: git, url: https://a.example.com, dial: 127.0.0.1 }',
    /an IP address and a port/,
  ],
  [
    'dial to IPv6 without brackets',
    'a: { kind: git, url: https://a.example.com, dial: "::1:80" }',
    /an IP address and a port/,
  ],
]
for (const [what, connection, expected] of wrong) {
  test(`refused: ${what}`, () => {
    const problems = problemsOf(connection)
    assert.equal(problems.length, 1, problems.join('\n') || 'accepted')
    assert.match(problems[0] ?? '', expected)
  })
}

test('every problem of the connections is told', () => {
  assert.equal(
    problemsOf(
      'a: { kind: git, url: https://a.example.com, ca: x }\nb: { kind: git, url: https://a.example.com, ca: y }',
    ).length,
    3,
  )
})

test('a ca is kept as it is', () => {
  const ca = rootCertificates[0] ?? ''
  const targets = targetsOf(`a: { kind: git, url: https://a.example.com, ca: ${JSON.stringify(ca)} }`)
  assert.equal(targets.connections[0]?.ca, ca)
})

test('dial: IPv4 and IPv6', () => {
  for (const [dial, expected] of [
    ['127.0.0.1:8443', { address: '127.0.0.1', port: 8443 }],
    ['[::1]:1', { address: '::1', port: 1 }],
    ['[2001:DB8::1]:65535', { address: '2001:db8::1', port: 65_535 }],
  ] as const) {
    assert.deepEqual(
      targetsOf(`a: { kind: git, url: https://a.example.com, dial: "${dial}" }`).connections[0]?.dial,
      expected,
    )
  }
})

// --- Egress.

const one = 'a: { kind: git, url: https://a.example.com }'

test('egress: without a port it is 443', () => {
  const { egress } = targetsOf(one, ['deb.example.org', '*.example.com'])
  assert.deepEqual(
    egress.map(({ host, port }) => [host, port]),
    [
      ['deb.example.org', 443],
      ['.example.com', 443],
    ],
  )
})

test('egress: a name means that name on that port', () => {
  const targets = targetsOf(one, ['deb.example.org:443'])
  assert.equal(targets.allowsEgress('deb.example.org', 443)?.source, 'deb.example.org:443')
  for (const [host, port] of [
    ['deb.example.org', 80],
    ['x.deb.example.org', 443],
    ['example.org', 443],
    ['deb.example.org.evil.com', 443],
    ['debXexample.org', 443],
    ['', 443],
  ] as const) {
    assert.equal(targets.allowsEgress(host, port), undefined, `${host}:${port}`)
  }
})

test('egress: `*.` is one or more labels, never the apex nor a look-alike of it', () => {
  const targets = targetsOf(one, ['*.example.org:443'])
  for (const host of ['deb.example.org', 'a.b.example.org']) assert.ok(targets.allowsEgress(host, 443), host)
  for (const host of [
    'example.org',
    '.example.org',
    'evilexample.org',
    'deb.example.org.evil.com',
    'example.org.evil.com',
    'org',
    'xexample.org',
    '-example.org',
  ]) {
    assert.equal(targets.allowsEgress(host, 443), undefined, host)
  }
  assert.equal(targets.allowsEgress('deb.example.org', 80), undefined)
})

test('property: egress by a wildcard is exactly the names below it', () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,4}$/)
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => `${labels.join('.')}.example`)
  fc.assert(
    fc.property(name, fc.oneof(name, fc.string()), (apex, before) => {
      const targets = targetsOf(one, [`*.${apex}:443`])
      assert.equal(targets.allowsEgress(apex, 443), undefined)
      assert.equal(targets.allowsEgress(`x${apex}`, 443), undefined)
      assert.equal(targets.allowsEgress(`${before}.${apex}`, 443) !== undefined, before !== '')
      assert.equal(
        targets.allowsEgress(`${apex}.${before}`, 443) !== undefined,
        `${apex}.${before}`.endsWith(`.${apex}`),
      )
    }),
    { numRuns: 100 },
  )
})

test('no egress list, no egress', () => {
  assert.equal(targetsOf(one).allowsEgress('example.com', 443), undefined)
})

const deadRules = [
  'a.example.com:0',
  'a.example.com:65536',
  'a.example.com.:443',
  '.example.com:443',
  '*.:443',
  '-:443',
  '10.1:443',
]
for (const rule of deadRules) {
  test(`refused: the egress rule ${rule}, which could never match`, () => {
    assert.equal(problemsOf(one, [rule]).length, 1)
  })
}
