import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HandedCredential } from '../../runner/index.ts'
import { writeAwsAnswer } from './aws.ts'
import { readServerUrl, writeDockerAnswer, writeDockerList } from './docker.ts'
import { readGitQuestion, writeGitAnswer } from './git.ts'
import { readExecInfo, writeExecCredential } from './kubectl.ts'
import { writeNpmLine } from './npm.ts'
import { connectionAt, namedConnection, readPlace } from './place.ts'

const offered = [
  { name: 'code', kind: 'git', url: 'https://git.example.com' },
  { name: 'team', kind: 'git', url: 'https://forge.example.com:8443/team' },
  { name: 'clear', kind: 'git', url: 'http://10.0.0.7' },
  { name: 'images', kind: 'oci', url: 'https://registry.example.com:5000' },
]

const credential = (fields: Record<string, string>): HandedCredential => ({
  ...{ connection: 'code', kind: 'git', url: 'https://npm.example.com/team', env: {}, files: {} },
  ...{ expires_at: '2026-11-28T20:00:00.000Z', fields },
})

const gitFinds = (text: string) => {
  const question = readGitQuestion(text)
  return question === undefined ? undefined : connectionAt(question.place, offered, ['git'])?.name
}

test('git: only the connection’s own scheme, host and port, and what is below its path', () => {
  const asked = (protocol: string, host: string, path?: string) =>
    gitFinds(`protocol=${protocol}\nhost=${host}\n${path === undefined ? '' : `path=${path}\n`}\n`)
  assert.equal(asked('https', 'git.example.com'), 'code')
  assert.equal(asked('https', 'GIT.example.com:443', 'octo/app.git'), 'code')
  assert.equal(asked('https', 'forge.example.com:8443', 'team/app.git'), 'team')
  for (const [protocol, host, path] of [
    ...[
      ['http', 'git.example.com'],
      ['ssh', 'git.example.com'],
      ['https', 'git.example.com:444'],
    ],
    ...[
      ['https', 'evil.git.example.com'],
      ['https', 'git.example.com.evil.test'],
      ['https', 'git.example.co'],
    ],
    ...[
      ['https', 'git.example.com@evil.test'],
      ['https', 'evil.test/git.example.com'],
      ['https', 'git%2eexample.com'],
    ],
    ...[
      ['https', 'forge.example.com:8443'],
      ['https', 'forge.example.com:8443', 'teams/app'],
    ],
    ...[
      ['https', 'forge.example.com:8443', 'team/../other'],
      ['https', 'forge.example.com:8443', 'team/%2e%2e/x'],
    ],
    ...[
      ['http', '10.0.0.7'],
      ['https', 'registry.example.com:5000'],
      ['https', ''],
      ['https', 'git.example.com?'],
    ],
    ...[
      ['https', 'git.example.com#'],
      ['https', 'git.example.com\\'],
      ['https', 'git.example.com:0'],
    ],
  ])
    assert.equal(asked(protocol ?? '', host ?? '', path), undefined, `${protocol} ${host} ${path}`)
})

test('git: lines that two readers would take apart differently are no question (CVE-2020-5260, CVE-2024-50338)', () => {
  const good =
    'capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example.com\nwwwauth[]=Basic realm="x"\n'
  assert.equal(gitFinds(`${good}\n`), 'code')
  assert.equal(gitFinds(good), 'code')
  for (const odd of [
    'protocol=https\nhost=evil.test\rhost=git.example.com\n',
    'protocol=https\nhost=git.example.com\r\n',
    'protocol=https\nhost=evil.test\nhost=git.example.com\n',
    'protocol=https\nhost=git.example.com\nhost=evil.test\n',
    'protocol=https\nhost=git.example.com\0\n',
    'protocol=https\nhost=git.example.com\u0085host=x\n'.replace('=x', '=x\x7f'),
    'protocol=https\nhost=evil.test\n\nhost=git.example.com\n',
    'url=https://git.example.com\n',
    'protocol=https\n host=git.example.com\n',
    'protocol=https\nhost\n',
    'host=git.example.com\n',
    '',
  ])
    assert.equal(gitFinds(odd), undefined, JSON.stringify(odd))
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'\r\n\0\t @:/#?%\\.ahost=git.example.com') }),
      (host) => {
        const found = gitFinds(`protocol=https\nhost=${host}\n\n`)
        return (
          found === undefined ||
          readPlace(`https://${host.replace(/\n[^]*$/, '')}`)?.host === 'git.example.com'
        )
      },
    ),
    { numRuns: 500 },
  )
})

test('git is answered in lines, or in a scheme that no other helper keeps; a field that is more than a line is not given', () => {
  const plain = {
    place: { protocol: 'https', host: 'x', port: 443, path: '' },
    knowsAuthtype: false,
  } as const
  const expiry = 'password_expiry_utc=1795896000'
  assert.equal(
    writeGitAnswer(credential({ username: 'octo', password: 'pw' }), plain),
    `username=octo\npassword=pw\n${expiry}\n`,
  )
  const basic = Buffer.from('x-access-token:tok').toString('base64')
  assert.equal(
    writeGitAnswer(credential({ token: 'tok' }), { ...plain, knowsAuthtype: true }),
    `capability[]=authtype\nauthtype=Basic\ncredential=${basic}\nephemeral=1\n${expiry}\n`,
  )
  for (const fields of [{ token: 'a\nquit=1' }, { token: '' }, {}, { username: 'a\rb', password: 'x' }])
    assert.throws(() => writeGitAnswer(credential(fields), plain), /in one line/)
})

test('docker: a host, a port, a URL with a path; never another host', () => {
  const finds = (text: string) =>
    readServerUrl(text)
      .map((place) => connectionAt(place, offered, ['oci'])?.name)
      .find((name) => name !== undefined)
  for (const text of [
    ...['registry.example.com:5000', 'registry.example.com:5000\n', 'https://registry.example.com:5000'],
    ...[
      'https://registry.example.com:5000/v2/',
      'registry.example.com:5000/octo/app',
      'REGISTRY.example.com:5000',
    ],
  ])
    assert.equal(finds(text), 'images', text)
  for (const text of [
    ...[
      'registry.example.com',
      'http://registry.example.com:5000',
      'registry.example.com:50000',
      'git.example.com',
    ],
    ...[
      'https://registry.example.com:5000@evil.test',
      'evil.test/registry.example.com:5000',
      'evil.test#registry.example.com:5000',
    ],
    ...[
      'registry.example.com:5000\nevil.test',
      'evil.test\nregistry.example.com:5000',
      ' registry.example.com:5000',
    ],
    ...[
      'registry.example.com:5000\r',
      'file:///etc/passwd',
      '',
      '\n',
      'registry.example.com:5000/%2e%2e',
      'x'.repeat(3_000),
    ],
  ])
    assert.equal(finds(text), undefined, JSON.stringify(text))
  assert.deepEqual(
    JSON.parse(writeDockerAnswer('r.example.com\n', credential({ username: 'u', password: 'p"\\' }))),
    {
      ...{ ServerURL: 'r.example.com', Username: 'u', Secret: 'p"\\' },
    },
  )
  assert.equal(writeDockerList(offered), '{"registry.example.com:5000":"mayfly"}\n')
})

test('docker: Docker Hub by each of the names that tools have for it, and by none that only looks like it', () => {
  const hub = [{ name: 'hub', kind: 'oci', url: 'https://registry-1.docker.io' }]
  const finds = (text: string) =>
    readServerUrl(text).some((place) => connectionAt(place, hub, ['oci']) !== undefined)
  for (const text of ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'])
    assert.equal(finds(text), true, text)
  for (const text of [
    'http://index.docker.io/v1/',
    'docker.io.evil.test',
    'evil.docker.io',
    'docker.io:8443',
  ])
    assert.equal(finds(text), false, text)
  assert.equal(writeDockerList(hub), '{"https://index.docker.io/v1/":"mayfly"}\n')
})

test('git: a project of Azure DevOps has a space in its name, which git has decoded', () => {
  const project = [{ name: 'azure', kind: 'git', url: 'https://dev.azure.com/acme/My%20Project' }]
  const finds = (path: string) => {
    const question = readGitQuestion(`protocol=https\nhost=dev.azure.com\npath=${path}\n\n`)
    return question === undefined ? undefined : connectionAt(question.place, project, ['git'])?.name
  }
  assert.equal(finds('acme/My Project/_git/app'), 'azure')
  assert.equal(finds('acme/My Projects/_git/app'), undefined)
  assert.equal(finds('acme/My%20Project/_git/app'), undefined)
})

test('aws, kubectl and npm: the forms that their documentation has', () => {
  const keys = { access_key_id: 'AKIA1', secret_access_key: 's/1', session_token: 't' }
  assert.deepEqual(JSON.parse(writeAwsAnswer(credential(keys))), {
    ...{ Version: 1, AccessKeyId: 'AKIA1', SecretAccessKey: 's/1', SessionToken: 't' },
    Expiration: '2026-11-28T20:00:00.000Z',
  })
  assert.throws(() => writeAwsAnswer(credential({ token: 't' })), /gives no access_key_id/)

  const apiVersion = 'client.authentication.k8s.io/v1'
  const info = (server?: string) =>
    JSON.stringify({
      apiVersion,
      kind: 'ExecCredential',
      spec: { interactive: false, ...(server === undefined ? {} : { cluster: { server } }) },
    })
  assert.deepEqual(readExecInfo(info('https://k8s.example.com:6443/x')).cluster, {
    ...{ protocol: 'https', host: 'k8s.example.com', port: 6443, path: 'x' },
  })
  const question = readExecInfo(info())
  assert.deepEqual(JSON.parse(writeExecCredential(credential({ token: 't' }), question)), {
    ...{ apiVersion, kind: 'ExecCredential' },
    status: { token: 't', expirationTimestamp: '2026-11-28T20:00:00Z' },
  })
  const pair = { certificate: 'CERT', private_key: 'KEY' }
  assert.match(
    writeExecCredential(credential(pair), question),
    /"clientCertificateData":"CERT","clientKeyData":"KEY"/,
  )
  for (const odd of [
    '{}',
    'null',
    '[]',
    'x',
    info('https://a@b'),
    info('https://a\nb'),
    info('').replace('ExecC', 'C'),
  ])
    assert.throws(() => readExecInfo(odd), /is no ExecCredential/, odd)

  assert.equal(writeNpmLine(credential({ token: 'npm_a=' })), '//npm.example.com/team/:_authToken=npm_a=\n')
  for (const token of ['a\nregistry=https://evil.test', '${HOME}', 'a;b', 'a#b', '"a"'])
    assert.throws(() => writeNpmLine(credential({ token })), /one line|reads as something else/)
})

test('a connection is named, or the only one', () => {
  assert.equal(namedConnection('team', offered).name, 'team')
  assert.equal(namedConnection(undefined, offered, ['oci']).name, 'images')
  assert.throws(
    () => namedConnection(undefined, offered),
    /say which with --connection: code, team, clear, images/,
  )
  assert.throws(() => namedConnection('nope', offered), /hands out no credential of "nope".*it has code/)
  assert.throws(() => namedConnection(undefined, [], ['npm']), /grant KIND:credential CONNECTION/)
})
