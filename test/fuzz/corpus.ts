import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createTestSumdb } from '../../src/gateway/go/sumdb.fixture.ts'
import { pypiAttestations } from '../../src/provenance/index.ts'
import { hostileAnswers, oddAnswers } from '../../src/lib/hostile-answers.fixture.ts'

const hash = 'a'.repeat(40)
const ok = 'HTTP/1.1 200 OK\r\n'
const line = (text: string) => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`

const inRelease = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Suite: stable
Date: Sat, 11 Jul 2026 10:16:37 UTC
SHA256:
 ${'a'.repeat(64)} 5 main/binary-amd64/Packages.xz
-----BEGIN PGP SIGNATURE-----

iHUEARYIAB0WIQ==
=abcd
-----END PGP SIGNATURE-----
`

/** A database of one record, and a real attestation: answers that hold, for the fuzzer to spoil; the same each time. */
const seed = Buffer.from(`302e020100300506032b657004220420${'07'.repeat(32)}`, 'hex')
const privateKey = createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' })
export const sumdb = createTestSumdb('sum.go.test', { privateKey, publicKey: createPublicKey(privateKey) })
sumdb.add(`example.com/x v1.0.0 h1:${'A'.repeat(43)}=\n`, 'example.com/x@v1.0.0')
const provenance = new URL(
  '../fixtures/provenance/pypi_attestations-0.0.19.tar.gz.provenance.json',
  import.meta.url,
)
const attested = {
  attestations: (pypiAttestations(readFileSync(provenance, 'utf8')) ?? []).map(({ bundle }) => ({
    ...{ predicateType: 'https://slsa.dev/provenance/v1', bundle },
  })),
}

/** What an upstream may answer, before it is spoilt. */
export const answers: readonly string[] = [
  ...Object.values({ ...hostileAnswers, ...oddAnswers }).map(({ bytes }) => bytes),
  `${ok}Content-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 12\r\n\r\n${line('# x\n')}0000`,
  `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  `${ok}Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"name":"ms"}`,
  `${ok}Content-Length: ${inRelease.length}\r\n\r\n${inRelease}`,
  ...[sumdb.answer('example.com/x@v1.0.0'), sumdb.head(), JSON.stringify(attested)].map(
    (body) => `${ok}Content-Length: ${body.length}\r\n\r\n${body}`,
  ),
  'HTTP/1.1 401 no\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno',
  'HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n',
]

const head = (first: string, host: string, more = '') => `${first} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`
const post = (path: string, body: string, more = '') =>
  `${head(`POST ${path}`, 'git.test', `Content-Length: ${body.length}\r\n${more}`)}${body}`
const wants = `${line('command=fetch')}0001${line(`want ${hash}\n`)}${line('done\n')}0000`
const update = `${line(`${'0'.repeat(40)} ${hash} refs/heads/dev-1\0report-status side-band-64k\n`)}0000PACK`

/** What a step may send within a tunnel to a Git server, and to a registry. */
export const requests = {
  git: [
    head('GET /octo/app.git/info/refs?service=git-upload-pack', 'git.test'),
    head('GET /octo/app.git/info/refs?service=git-receive-pack', 'git.test'),
    post('/octo/app.git/git-upload-pack', wants),
    post('/octo/app.git/git-upload-pack', wants, 'Content-Encoding: gzip\r\n'),
    post('/octo/app.git/git-receive-pack', update),
    post('/octo/app.git/git-receive-pack', '0000'),
    post('/octo/app.git/git-receive-pack', update, 'Expect: 100-continue\r\n'),
  ],
  npm: [
    head('GET /ms', 'npm.test'),
    head('GET /ms/-/ms-1.0.0.tgz', 'npm.test'),
    head('GET /@scope%2fname', 'npm.test', 'If-None-Match: x\r\n'),
    `${head('PUT /ms', 'npm.test', 'Content-Length: 13\r\n')}{"name":"ms"}`,
    head('POST /-/npm/v1/oidc/token/exchange/package/ms', 'npm.test', 'Content-Length: 0\r\n'),
    `${head('POST /-/stage/package/ms', 'npm.test', 'Content-Length: 13\r\n')}{"name":"ms"}`,
  ],
  go: [
    head('GET /sumdb/sum.go.test/latest', 'go.test'),
    head('GET /sumdb/sum.go.test/lookup/example.com/x@v1.0.0', 'go.test'),
    head('GET /sumdb/sum.go.test/tile/8/0/000.p/1', 'go.test'),
    head('GET /example.com/x/@v/v1.0.0.zip', 'go.test'),
    head('GET /example.com/x/@v/v1.0.0.mod', 'go.test'),
    head('GET /example.com/x/@v/list', 'go.test'),
  ],
  deb: [
    head('GET /debian/dists/stable/InRelease', 'deb.test'),
    head('GET /debian/dists/stable/Release.gpg', 'deb.test'),
    head('GET /debian/./dists/stable/main/binary-amd64/Packages.xz', 'deb.test'),
    head('GET /debian/pool/main/a/a_1%2b2%7e3_all.deb', 'deb.test', 'Range: bytes=5-\r\n'),
  ],
} as const

/** What a step may send to its proxy. */
export const toProxy: readonly string[] = [
  head('CONNECT egress.test:443', 'egress.test:443'),
  head('CONNECT nobody.test:443', 'nobody.test:443'),
  head('CONNECT [::1]:443', 'x'),
  head('GET http://egress.test/', 'egress.test'),
  `${head('POST http://egress.test/a', 'egress.test', 'Content-Length: 5\r\n')}hello`,
  head('GET http://nobody.test/', 'nobody.test'),
  head('GET /', 'x'),
  `${head('CONNECT egress.test:443', 'x')}\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03`,
]

/** The beginning of a TLS ClientHello, with a server name (RFC 8446, section 4.1.2; RFC 6066, section 3). */
export const clientHello =
  `\x16\x03\x01\x00\x54\x01\x00\x00\x50\x03\x03${'r'.repeat(32)}\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00\x23` +
  '\x00\x00\x00\x0d\x00\x0b\x00\x00\x08git.test\x00\x2b\x00\x03\x02\x03\x04\x00\x0a\x00\x04\x00\x02\x00\x1d\x00\x0d\x00\x04\x00\x02\x04\x03'
