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
  const found = (host: string, port: number) => targets.at(host, port)[0]?.name
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
  const registry = targets.at('registry.example.com', 8443)[0]
  assert.equal(registry?.basePath, '/npm')
  assert.equal(registry?.tls, true)
  assert.deepEqual(registry?.credential, { scheme: 'basic', secret: 'registry' })
  assert.deepEqual(targets.at('git.internal', 80)[0]?.dial, { address: '::1', port: 8080 })
  assert.equal(targets.at('git.internal', 80)[0]?.tls, false)
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

test('two connections share a host where their paths tell them apart, the longer one first', () => {
  const targets = targetsOf(`
one: { kind: npm, url: https://a.example.com }
two: { kind: npm, url: https://a.example.com/npm/private/ }
`)
  assert.deepEqual(
    targets.at('a.example.com', 443).map(({ name, basePath }) => [name, basePath]),
    [
      ['two', '/npm/private'],
      ['one', ''],
    ],
  )
})

test('refused: two schemes on one port, and bytes beside anything', () => {
  assert.match(
    problemsOf(
      'one: { kind: git, url: "https://a.example.com:8080" }\ntwo: { kind: npm, url: "http://a.example.com:8080/x", dial: "127.0.0.1:80" }',
    ).join('\n'),
    /a\.example\.com:8080 is connection "one" already, with another scheme/,
  )
  assert.match(
    problemsOf(
      'one: { kind: git, url: "https://a.example.com:8080/x" }\ntwo: { kind: tcp, url: "tcp://a.example.com:8080" }',
    ).join('\n'),
    /a\.example\.com:8080 is connection "one" already/,
  )
})

test('storage hosts that tools go to themselves belong to their connection, and to no other', () => {
  const targets = targetsOf(
    'index: { kind: pypi, url: https://pypi.example.com, storage: [files.example.com], credential: { basic: secret:x } }',
  )
  const [found] = targets.at('files.example.com', 443)
  assert.equal(found?.storageOf, targets.connections[0])
  assert.deepEqual(
    targets.connections.map(({ name }) => name),
    ['index'],
  )
  const images = targetsOf('images: { kind: oci, url: https://a.example.com, storage: [cdn.example.com] }')
  assert.deepEqual(images.at('cdn.example.com', 443), [])
  assert.match(
    problemsOf(`
one: { kind: pypi, url: https://a.example.com, storage: [files.example.com] }
two: { kind: pypi, url: https://b.example.com, storage: [files.example.com] }
`).join('\n'),
    /connection "two": files\.example\.com:443 is of connection "one" already/,
  )
  assert.match(
    problemsOf('one: { kind: pypi, url: https://a.example.com, storage: [files.example.com] }', [
      'files.example.com:443',
    ]).join('\n'),
    /files\.example\.com/,
  )
})

test('the URL of a Python index may end in /simple, as tools take it', () => {
  for (const [url, basePath] of [
    ['https://pypi.example.com/simple/', ''],
    ['https://pypi.example.com/root/dev/+simple', '/root/dev'],
    ['https://pypi.example.com/api/simple/x', '/api/simple/x'],
  ])
    assert.equal(targetsOf(`a: { kind: pypi, url: "${url}" }`).connections[0]?.basePath, basePath)
})

test('tcp: a host and a port, and no credential', () => {
  const [cache] = targetsOf('cache: { kind: tcp, url: "tcp://Cache.internal:6379" }').connections
  assert.deepEqual([cache?.host, cache?.port, cache?.tls], ['cache.internal', 6379, false])
  assert.match(
    problemsOf(
      'cache: { kind: tcp, url: "tcp://cache.internal:6379", credential: { bearer: secret:x } }',
    ).join('\n'),
    /a connection of kind tcp takes no bearer credential/,
  )
  for (const url of [
    'tcp://cache.internal',
    'https://cache.internal:6379',
    'tcp://u:p@cache.internal:1',
    'tcp://c:1/x',
  ])
    assert.match(
      problemsOf(`cache: { kind: tcp, url: "${url}" }`).join('\n'),
      /tcp:\/\/ with a host and a port/,
      url,
    )
})

test('a URL as tools of a database take it says what of it stands elsewhere, and nothing of its password', () => {
  const said = (connection: string) => problemsOf(`shop: { ${connection} }`).join('\n')
  for (const [connection, ...parts] of [
    ['kind: postgres, url: "postgresql://db.internal"', 'write postgres:// for postgresql://'],
    ['kind: postgres, url: "postgres://db.internal/orders"', 'the database is default_database: orders'],
    ['kind: postgres, url: "postgres://u:geheim@db.internal:5432"', 'the credential says the name'],
    ['kind: postgres, url: "postgres://u:ge@he/im@db.internal"', 'the credential says the name'],
    ['kind: postgres, url: "postgres://db.internal?sslmode=require"', 'parameters of the client'],
    ['kind: postgres, url: db.internal', 'write postgres:// before it'],
    [
      'kind: mysql, url: "mariadb://u:geheim@db.internal/orders"',
      'write mysql:// for mariadb://',
      'the credential says the name',
      'the database is default_database: orders',
    ],
    ['kind: redis, url: "redis://cache.internal/3"', 'the database is database: 3'],
    [
      'kind: redis, url: "rediss://cache.internal"',
      'write redis:// for rediss://',
      'for TLS write tls: verify',
    ],
    ['kind: postgres, url: "postgres://db.internal", database: shop', 'did you mean "default_database"?'],
    ['kind: redis, url: "redis://cache.internal", default_database: shop', 'did you mean "database"?'],
  ] as const) {
    for (const part of parts) assert.ok(said(connection).includes(part), said(connection))
    assert.doesNotMatch(said(connection), /geheim|im@/)
  }
})

test('oci: a whole host, whose paths begin with /v2 whatever is said; beside it another kind may be', () => {
  const targets = targetsOf(`
images: { kind: oci, url: https://a.example.com, storage: [CDN.example.net, "s3.example.net:8443"], token_host: auth.example.com, credential: { basic: secret:x } }
code: { kind: git, url: https://a.example.com }
written: { kind: oci, url: https://b.example.com/v2/ }
`)
  const [images, code] = targets.at('a.example.com', 443)
  assert.deepEqual([images?.name, images?.basePath, code?.name], ['images', '/v2', 'code'])
  assert.deepEqual(
    images?.storage?.map(({ host, port, tls, basePath }) => [host, port, tls, basePath]),
    [
      ['cdn.example.net', 443, true, ''],
      ['s3.example.net', 8443, true, ''],
    ],
  )
  assert.deepEqual(
    [images?.tokenHost?.host, images?.tokenHost?.credential],
    ['auth.example.com', { scheme: 'basic', secret: 'x' }],
  )
  assert.equal(targets.at('b.example.com', 443)[0]?.basePath, '/v2')
  assert.deepEqual(targets.at('cdn.example.net', 443), [])
})

for (const [what, connection, expected] of [
  [
    'a path',
    'a: { kind: oci, url: https://a.example.com/octo }',
    /is for the whole host: write https:\/\/a\.example\.com/,
  ],
  [
    'a storage URL',
    'a: { kind: oci, url: https://a.example.com, storage: ["https://b.example.com"] }',
    /a host, with a port unless it is 443/,
  ],
  [
    'a storage port',
    'a: { kind: oci, url: https://a.example.com, storage: ["b.example.com:0"] }',
    /are host names/,
  ],
  [
    'storage of a kind that has none',
    'a: { kind: tcp, url: "tcp://a.example.com:5432", storage: [b.example.com] }',
    /storage/,
  ],
  [
    'push options of a kind that takes no push',
    'a: { kind: npm, url: https://a.example.com, push_options: [ci.skip], push_size: 1GiB }',
    /push_options/,
  ],
] as const)
  test(`refused: ${what}`, () => assert.match(problemsOf(connection).join('\n'), expected))

test('git: what a push may bring and ask for', () => {
  const [git] = targetsOf(
    'a: { kind: git, url: https://a.example.com, push_options: [ci.skip, "title=*"], push_size: 2MiB, storage: [lfs.example.com] }',
  ).connections
  assert.deepEqual(
    [git?.pushOptions, git?.pushBytes, git?.storage?.[0]?.host],
    [['ci.skip', 'title=*'], 2 ** 21, 'lfs.example.com'],
  )
})

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
    egress.of('build').map(({ host, port }) => [host, port]),
    [
      ['deb.example.org', 443],
      ['.example.com', 443],
    ],
  )
})

test('egress: a name means that name on that port', () => {
  const targets = targetsOf(one, ['deb.example.org:443'])
  assert.equal(targets.egress.allows('deb.example.org', 443, 'build')?.source, 'deb.example.org:443')
  for (const [host, port] of [
    ['deb.example.org', 80],
    ['x.deb.example.org', 443],
    ['example.org', 443],
    ['deb.example.org.evil.com', 443],
    ['debXexample.org', 443],
    ['', 443],
  ] as const) {
    assert.equal(targets.egress.allows(host, port, 'build'), undefined, `${host}:${port}`)
  }
})

test('egress: `*.` is one or more labels, never the apex nor a look-alike of it', () => {
  const targets = targetsOf(one, ['*.example.org:443'])
  for (const host of ['deb.example.org', 'a.b.example.org'])
    assert.ok(targets.egress.allows(host, 443, 'build'), host)
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
    assert.equal(targets.egress.allows(host, 443, 'build'), undefined, host)
  }
  assert.equal(targets.egress.allows('deb.example.org', 80, 'build'), undefined)
})

test('property: egress by a wildcard is exactly the names below it', () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,4}$/)
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => `${labels.join('.')}.example`)
  fc.assert(
    fc.property(name, fc.oneof(name, fc.string()), (apex, before) => {
      const targets = targetsOf(one, [`*.${apex}:443`])
      assert.equal(targets.egress.allows(apex, 443, 'build'), undefined)
      assert.equal(targets.egress.allows(`x${apex}`, 443, 'build'), undefined)
      assert.equal(targets.egress.allows(`${before}.${apex}`, 443, 'build') !== undefined, before !== '')
      assert.equal(
        targets.egress.allows(`${apex}.${before}`, 443, 'build') !== undefined,
        `${apex}.${before}`.endsWith(`.${apex}`),
      )
    }),
    { numRuns: 100 },
  )
})

test('no egress list, no egress', () => {
  assert.equal(targetsOf(one).egress.allows('example.com', 443, 'build'), undefined)
})

const deadRules = [
  'a.example.com:0',
  'a.example.com:65536',
  'a.example.com.:443',
  '.example.com:443',
  '*.:443',
  '-:443',
  '10.1:443',
  '10.0.0.5:443',
  '127.0.0.1:443',
  '169.254.169.254:80',
  'localhost:443',
  '*.10.0.0.5:443',
  'a.example.com:443',
]
for (const rule of deadRules) {
  test(`refused: the egress rule ${rule}, which could never match`, () => {
    assert.equal(problemsOf(one, [rule]).length, 1)
  })
}

// --- Egress of a role.

function roleEgress(entries: string, everybody: readonly string[] = []): Targets | string[] {
  return compile(
    document(one, everybody).replace(
      'grants: [git:read a/b] }',
      `grants: [git:read a/b], egress: ${entries} }\n  other: { trust: { issuer: mine, subject: b }, grants: [git:read a/b] }`,
    ),
  )
}

test('egress: a role reaches what everybody may and what it names itself, and nobody else does', () => {
  const targets = roleEgress('["b.example.org:443", { host: "nexus.corp.internal:8443", private: true }]', [
    'deb.example.org:443',
  ])
  assert.ok(!Array.isArray(targets), String(targets))
  const { egress } = targets
  assert.equal(egress.allows('deb.example.org', 443, 'build')?.list, 'egress')
  assert.equal(egress.allows('deb.example.org', 443, 'other')?.list, 'egress')
  assert.equal(egress.allows('b.example.org', 443, 'build')?.list, 'roles.build.egress')
  assert.equal(egress.allows('b.example.org', 443, 'build')?.private, false)
  assert.equal(egress.allows('nexus.corp.internal', 8443, 'build')?.private, true)
  for (const role of ['other', 'constructor', ''])
    for (const [host, port] of [
      ['b.example.org', 443],
      ['nexus.corp.internal', 8443],
    ] as const)
      assert.equal(egress.allows(host, port, role), undefined, `${role} ${host}`)
  assert.deepEqual(
    egress.of('build').map(({ source }) => source),
    ['b.example.org:443', 'nexus.corp.internal:8443', 'deb.example.org:443'],
  )
})

test('egress: of two entries for a host the one that names it as private counts', () => {
  const targets = roleEgress('["*.corp.example:443", { host: "n.corp.example:443", private: true }]', [
    'n.corp.example:443',
  ])
  assert.ok(!Array.isArray(targets), String(targets))
  assert.equal(targets.egress.allows('n.corp.example', 443, 'build')?.private, true)
  assert.equal(targets.egress.allows('m.corp.example', 443, 'build')?.private, false)
  assert.equal(targets.egress.allows('n.corp.example', 443, 'other')?.private, false)
})

const refusedPrivate: readonly (readonly [entry: string, said: RegExp])[] = [
  ['{ host: "*.corp.internal:443", private: true }', /one host, with a port/],
  ['{ host: "https://nexus.corp.internal", private: true }', /one host, with a port/],
  ['{ host: "nexus.corp.internal:443" }', /private/],
  ['{ host: "nexus.corp.internal:443", private: false }', /private/],
  ['{ host: "169.254.169.254:80", private: true }', /loopback, link-local or metadata address/],
  ['{ host: "127.0.0.1:80", private: true }', /loopback, link-local or metadata address/],
  ['{ host: "[::1]:80", private: true }', /loopback, link-local or metadata address/],
  ['{ host: "[fd00:ec2::254]:80", private: true }', /loopback, link-local or metadata address/],
  ['{ host: "localhost:80", private: true }', /loopback, link-local or metadata address/],
  ['{ host: "a.example.com:443", private: true }', /is connection "a", which is asked first/],
  ['"10.0.0.5:443"', /name it in the role that needs it, \{ host: "10\.0\.0\.5:443", private: true \}/],
  ['"Deb.Example.org:443"', /a host, with a port unless it is 443/],
]
for (const [entry, said] of refusedPrivate)
  test(`refused: the egress of a role ${entry}`, () => {
    const problems = roleEgress(`[${entry}]`)
    assert.ok(Array.isArray(problems))
    assert.match(problems.join('\n'), said)
  })

test('egress: a private address that is named is taken', () => {
  for (const host of ['10.0.0.5:443', '[fd12::5]:443', '192.168.1.1:80']) {
    const targets = roleEgress(`[{ host: "${host}", private: true }]`)
    assert.ok(!Array.isArray(targets), String(targets))
  }
})

test('a client certificate: PEM, with https://, and of no stream', () => {
  const pem = JSON.stringify(rootCertificates[0])
  const client = `client_certificate: { certificate: ${pem}, key: secret:tls }`
  const [connection] = targetsOf(`a: { kind: http, url: https://a.example.com, ${client} }`).connections
  assert.deepEqual(connection?.clientCertificate, { chain: rootCertificates[0], secret: 'tls' })
  for (const [line, said] of [
    [
      'a: { kind: http, url: https://a.example.com, client_certificate: { certificate: nonsense, key: secret:tls } }',
      /connection "a": client_certificate\.certificate is neither a certificate in PEM/,
    ],
    [`a: { kind: http, url: http://127.0.0.1, ${client} }`, /client_certificate is for https:\/\//],
    [`a: { kind: tcp, url: tcp://a.example.com:5432, ${client} }`, /client_certificate/],
  ] as const)
    assert.match(problemsOf(line).join('\n'), said)
})

const armoured =
  '-----BEGIN PGP PUBLIC KEY BLOCK-----\\nComment: x\\n\\nmDMEAAA=\\n=abcd\\n-----END PGP PUBLIC KEY BLOCK-----\\n'

test('a signed archive may be at http://, but not with a credential; its keyring is said, and is one', () => {
  const archive = (rest: string) => `deb: { kind: debian, url: "http://deb.example.com/debian"${rest} }`
  const [target] = targetsOf(archive(`, keyring: "${armoured}${armoured}"`)).at('deb.example.com', 80)
  assert.equal(target?.basePath, '/debian')
  const packets = Buffer.from('mDMEAAA=', 'base64')
  assert.deepEqual(target.keyring, Buffer.concat([packets, packets]))
  for (const [rest, problem] of [
    ['', /say which keys its archive is signed with \(keyring\)/],
    [', keyring: "keys.txt"', /keyring is neither OpenPGP public keys/],
    [`, keyring: "${armoured.replace('mDMEAAA=', '!')}"`, /keyring is neither/],
    [`, keyring: "${armoured}", credential: { basic: secret:x }`, /http:\/\/ only with a `dial`/],
  ] as const)
    assert.match(problemsOf(archive(rest)).join('\n'), problem, rest)
  assert.match(problemsOf('npm: { kind: npm, url: "http://npm.example.com" }').join('\n'), /use https/)
  assert.match(
    problemsOf(`npm: { kind: npm, url: "https://npm.example.com", keyring: "${armoured}" }`).join('\n'),
    /keyring/,
  )
})
