import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatProblem, parseConfig, policySchema } from '../config/index.ts'
import { MayflyError, Secret } from '../lib/index.ts'
import { allFields, compileTargets, renderDelivery } from './index.ts'

const postgres = '{ postgres-role: { admin: secret:orders } }'

/** Why a connection with this `deliver` is refused when it is loaded; empty if it is not. */
function refusals(
  deliver: unknown,
  credential = postgres,
  connection = `  orders: { kind: tcp, url: tcp://db.internal:5432, credential: ${credential}, deliver: ${JSON.stringify(deliver)} }`,
): string {
  const text = `issuers:
  mine: { kind: oidc, url: https://ci.example.com }
connections:
${connection}
roles:
  build: { trust: { issuer: mine, subject: a }, grants: [${/kind: (\w+)/.exec(connection)?.[1] === 'git' ? 'git:read orders/a/b' : 'tcp:connect orders'}] }
`
  const parsed = parseConfig(text, 'mayfly.yaml', policySchema)
  if (!parsed.ok) return parsed.problems.map(formatProblem).join('\n')
  const compiled = compileTargets(parsed.value, parsed.locate)
  return compiled.ok ? '' : compiled.problems.map(formatProblem).join('\n')
}

test('variables as tools name credentials are taken; what starts programs, or is ours or the CI’s, is refused when loaded', () => {
  const env = (name: string) => refusals({ env: { [name]: '{password}' } })
  for (const name of [
    ...['PGPASSWORD', 'PGUSER', 'PGPASSFILE', 'MYSQL_PWD', 'GH_TOKEN', 'GITHUB_TOKEN', 'NODE_AUTH_TOKEN'],
    ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'DOCKER_AUTH_CONFIG', 'API_KEY'],
    ...['TWINE_PASSWORD', 'CARGO_REGISTRIES_OCTO_TOKEN', 'VAULT_TOKEN', 'DATABASE_URL', 'KUBECONFIG'],
  ])
    assert.equal(env(name), '', name)
  for (const name of [
    ...['PATH', 'HOME', 'USER', 'PWD', 'LD_PRELOAD', 'LD_TOKEN', 'NODE_OPTIONS', 'GIT_PASSWORD', 'GIT_DIR'],
    ...[
      'GIT_CONFIG_COUNT',
      'BASH_ENV',
      'BASH_FUNC_TOKEN',
      'ENV',
      'SHELL',
      'TMPDIR',
      'HTTPS_PROXY',
      'no_proxy',
    ],
    ...['SSL_CERT_FILE', 'PYTHONPATH', 'PERL5OPT', 'AWS_CONFIG_FILE', 'PGSERVICEFILE', 'GIT_ASKPASS'],
    ...['MAYFLY_TOKEN', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'RUNNER_TOKEN', 'CI', 'GITHUB_REF', 'git_user'],
  ])
    assert.match(env(name), /decides how its programs start or what Mayfly has set up/, name)
})

test('files: places of credentials and plain names are taken; ways out, code and settings are refused when loaded', () => {
  const file = (path: string) => refusals({ files: { [path]: '{password}' } })
  for (const path of [
    ...[
      '.pgpass',
      '.netrc',
      '.npmrc',
      '.aws/credentials',
      '.docker/config.json',
      '.ssh/id_ed25519',
      'keys/db',
    ],
    ...['.ssh/id_ed25519-cert.pub', '.kube/config', '.config/gcloud/application_default_credentials.json'],
  ])
    assert.equal(file(path), '', path)
  for (const path of [
    ...['../x', 'a/../../x', '/etc/x', 'a//b', './x', 'a/.', 'a/', '', '..'],
    ...['.bashrc', '.profile', '.bash_profile', '.zshenv', '.gitconfig', '.config/git/config', '.ssh/config'],
    ...['.ssh/rc', '.ssh/authorized_keys', '.vimrc', '.config/fish/config.fish', '.local/bin/git', '.psqlrc'],
    ...['.cargo/config.toml', '.gradle/init.gradle', '.pam_environment', 'a/.envrc', '.docker/cli-plugins/x'],
  ])
    assert.notEqual(file(path), '', path)
  assert.match(refusals({ files: { a: 'x', 'a/b': 'x' } }), /a is a folder of another file/)
})

test('a field that the issuer does not give is refused when loaded, and so is a kept credential', () => {
  assert.match(
    refusals({ env: { DB_TOKEN: '{token}' } }),
    /gives no \{token\}; it gives \{username\}, \{pass/,
  )
  assert.equal(refusals({ env: { DB_URL: 'postgres://{username}:{password}@h/{home}' } }), '')
  assert.equal(refusals({ files: { 'x.json': '{ "auth": "{basic}" }' } }), '')
  const http =
    '{ http-issuer: { mint: { method: POST, url: "https://x.example.com/t" }, extract: { token: $.token, expires_in: $.expires_in } } }'
  assert.equal(refusals({ env: { X_TOKEN: '{token}' } }, http), '')
  assert.match(refusals({ env: { X_TOKEN: '{basic}' } }, http), /gives no \{basic\}/)
  const git =
    '  orders: { kind: git, url: https://git.example.com, credential: { basic: secret:git }, deliver: {} }'
  assert.match(
    refusals({}, postgres, git),
    /deliver hands a minted credential to steps: a kept one never leaves/,
  )
})

const deliver = {
  env: { DATABASE_URL: 'postgres://{username}:{password}@db/orders', PGPASSFILE: '{home}/.pgpass' },
  files: {
    '.pgpass': '*:*:*:{username}:{password}\n',
    'docker.json': '{"auth":"{password}","home":"{home}"}',
  },
}
const render = (fields: Record<string, string>) =>
  renderDelivery(
    { name: 'orders', deliver },
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, new Secret(value)])),
    '/home/step',
  )

test('texts are filled in once, and what is filled in is not looked into again', () => {
  const { env, files } = render({ username: 'octo', password: '{username}"\\{home}' }).reveal()
  assert.deepEqual(env, {
    DATABASE_URL: 'postgres://octo:{username}"\\{home}@db/orders',
    PGPASSFILE: '/home/step/.pgpass',
  })
  assert.equal(files['.pgpass'], '*:*:*:octo:{username}"\\\\{home}\n')
  assert.equal((JSON.parse(files['docker.json'] ?? '') as { auth: string }).auth, '{username}"\\{home}')
  assert.doesNotMatch(JSON.stringify(render({ username: 'octo', password: 'hunter2x' })), /hunter2x/)
})

test('a value that would begin a line of its own is not handed on; a key in PEM or OpenSSH’s form is', () => {
  const failed = (password: string) => {
    try {
      render({ username: 'octo', password })
      return ''
    } catch (error) {
      assert.ok(error instanceof MayflyError && error.code === 'credential_failed')
      assert.ok(password === '' || !error.message.includes(password))
      return error.message
    }
  }
  for (const value of [
    'a\nb',
    'a\rb',
    'a\0b',
    '\n',
    '',
    '-----BEGIN X-----\nnot base64 $(x)\n-----END X-----',
  ])
    assert.match(failed(value), /is empty|has control characters/)
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
  assert.match(failed(pem), /several lines: give it a/)
  fc.assert(
    fc.property(fc.string(), (value) => {
      const lines = failed(value) === '' ? render({ username: 'octo', password: value }) : undefined
      return (lines?.reveal().files['.pgpass'] ?? '\n').split('\n').length === 2
    }),
    { numRuns: 200 },
  )
  // Blocks without an end take no longer for being many.
  assert.match(failed('-----BEGIN X-----\n-----END X-----\n'.repeat(2_000) + '$'), /control characters/)
})

test('a value begins no other setting in a file: quoted, escaped, or refused; a key is a whole file', () => {
  const pem = '-----BEGIN X-----\nregistry=https://evil.test\n-----END X-----\n'
  const put = (path: string, text: string, value: string) => {
    const named = { name: 'x', deliver: { env: {}, files: { [path]: text } } }
    return renderDelivery(named, { token: new Secret(value) }, '/h').reveal().files[path]
  }
  for (const [path, text, value] of [
    ['.npmrc', '//r.test/:_authToken={token}\n', '${HOME}'],
    ['.npmrc', '//r.test/:_authToken={token}\n', pem],
    ['.netrc', 'machine a.test login x password {token}\n', 'a machine b.test'],
    ['.m2/settings.xml', '<password>{token}</password>', 'a</password>'],
    ['.my.cnf', '[client]\npassword={token}\n', '"a'],
    ['.kube/config', 'token: "{token}"\n', 'a"'],
    ['x.toml', "t = '{token}'\n", "a'"],
    ['x.env', 'T={token}\n', 'a#b'],
    ['.git-credentials', 'https://x:{token}@git.test\n', 'a:b'],
  ] as const)
    assert.throws(() => put(path, text, value), { code: 'credential_failed' }, `${path} ${value}`)
  assert.equal(put('.npmrc', 't={token}\n', 'ghs_aB9-.~+/='), 't=ghs_aB9-.~+/=\n')
  assert.equal(put('.pgpass', '*:*:*:u:{token}\n', 'a:b\\c'), '*:*:*:u:a\\:b\\\\c\n')
  assert.equal(put('key.pem', '{token}', pem), pem)
  assert.equal(put('x.json', '{"k":"{token}"}', pem), JSON.stringify({ k: pem }))
  for (const name of [
    'PSQLRC',
    'INPUTRC',
    'PGSYSCONFDIR',
    'PGSERVICEFILE',
    'MYSQL_HOME',
    'KUBECTL_EXTERNAL_DIFF',
  ])
    assert.match(refusals({ env: { [name]: '{home}/x' } }), /decides how its programs start/, name)
  assert.match(refusals({ files: { 'a\0b': 'x' } }), /a path within the step’s home/)
})

test('user and password are masked as the pair, too, that Docker’s and HTTP’s forms have', () => {
  const all = allFields({ username: new Secret('octo'), password: new Secret('hunter2') })
  assert.equal(all['basic']?.reveal(), Buffer.from('octo:hunter2').toString('base64'))
  assert.deepEqual(Object.keys(allFields({ token: new Secret('t') })), ['token'])
})
