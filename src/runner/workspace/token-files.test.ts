import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanTokenFile, isTokenFile } from './token-files.ts'

const basic = Buffer.from('x-access-token:ghs_0123456789').toString('base64')

/** File, its text, what is secret in it, and what a step sees. */
const cases: readonly [path: string, text: string, secrets: string[], seen: string][] = [
  [
    '.git/config',
    `[core]\n\tbare = false\n[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic ${basic}\n[remote "origin"]\n\turl = https://github.com/o/r\n`,
    [basic, 'x-access-token:ghs_0123456789', 'ghs_0123456789'],
    '[core]\n\tbare = false\n[http "https://github.com/"]\n\n[remote "origin"]\n\turl = https://github.com/o/r\n',
  ],
  [
    'sub/.git/modules/a/b/config',
    '[http "https://h/"] extraHeader="Authorization: Bearer abcdef123456"\n[url "https://oauth2:glpat-12345@gitlab.test/"]\n\tinsteadOf = https://gitlab.test/\n',
    ['abcdef123456', 'glpat-12345'],
    '[http "https://h/"]\n[url "https://gitlab.test/"]\n\tinsteadOf = https://gitlab.test/\n',
  ],
  [
    '.git/config',
    '[remote "origin"]\n\turl = https://gitlab-ci-token:glcbt-64%2Babc@gitlab.test/g/p.git\n',
    ['glcbt-64%2Babc', 'glcbt-64+abc'],
    '[remote "origin"]\n\turl = https://gitlab.test/g/p.git\n',
  ],
  [
    '.git/config',
    '[credential]\n\thelper = !f() { echo username=x; echo password=s3cret-9; }; f\n',
    ['s3cret-9'],
    '[credential]\n\n',
  ],
  [
    'packages/a/.npmrc',
    `registry=https://r.test\n//r.test/:_authToken=npm_abcdef\n//s.test/:_auth=${Buffer.from('me:hunter22').toString('base64')}\n`,
    ['npm_abcdef', Buffer.from('me:hunter22').toString('base64'), 'me:hunter22', 'hunter22'],
    'registry=https://r.test\n\n\n',
  ],
  [
    '.yarnrc.yml',
    'npmRegistryServer: "https://r"\nnpmAuthToken: "abcdef-1"\n',
    ['abcdef-1'],
    'npmRegistryServer: "https://r"\nnpmAuthToken: ""\n',
  ],
  [
    'pip.conf',
    '[global]\nindex-url = https://__token__:pypi-AAAA@p.test/simple\n',
    ['pypi-AAAA'],
    '[global]\nindex-url = https://p.test/simple\n',
  ],
  ['.netrc', 'machine h login me password hunter22\n', ['hunter22'], ''],
  [
    '.docker/config.json',
    `{"auths":{"r":{"auth":"${Buffer.from('u:hunter22').toString('base64')}"}}}`,
    [Buffer.from('u:hunter22').toString('base64'), 'u:hunter22', 'hunter22'],
    '',
  ],
  ['.git-credentials', 'https://me:hunter22@h.test\n', ['hunter22'], ''],
  [
    'NuGet.Config',
    '<add key="ClearTextPassword" value="hunter22" />',
    ['hunter22'],
    '<add key="ClearTextPassword" value="" />',
  ],
  [
    '.m2/settings.xml',
    '<server><password>hunter22</password></server>',
    ['hunter22'],
    '<server><password></password></server>',
  ],
  ['gradle.properties', 'a=b\nnexusPassword=hunter22\n', ['hunter22'], 'a=b\n\n'],
  ['.cargo/credentials.toml', '[registry]\ntoken = "hunter22"\n', ['hunter22'], '[registry]\ntoken = ""\n'],
  // Forms that a checkout, a login or a person writes now and then.
  [
    '.git/config',
    '[http]\n\textraheader = "AUTHORIZATION: basic \\\ndTpodW50ZXIyMg=="\n',
    ['dTpodW50ZXIyMg==', 'u:hunter22', 'hunter22'],
    '[http]\n\n',
  ],
  ['.git/config', '[http]\n\textraheader = PRIVATE-TOKEN : glpat-12345\n', ['glpat-12345'], '[http]\n\n'],
  [
    '.git/config',
    '[remote "o"]\n\turl = https://ghp_0123456789abcdef:@github.com/a/b\n\turl = https://ghs_0123456789abcdef:x@h/a\n',
    ['ghp_0123456789abcdef', 'ghs_0123456789abcdef'],
    '[remote "o"]\n\turl = https://github.com/a/b\n\turl = https://h/a\n',
  ],
  [
    '.gitmodules',
    '[submodule "x"]\n\turl = https://x:hunter22@h/a\n',
    ['hunter22'],
    '[submodule "x"]\n\turl = https://h/a\n',
  ],
  [
    '.npmrc',
    '"//r.test/:_authToken"="npm_abcdef"\n//s/:_authToken[]=npm_ghijkl\n',
    ['npm_abcdef', 'npm_ghijkl'],
    '\n\n',
  ],
  ['.npmrc', 'a=b\r//r.test/x#y/:_AUTHTOKEN=npm_abcdef\r\n', ['npm_abcdef'], 'a=b\n\n'],
  [
    '.yarnrc.yml',
    'npmScopes: { a: { "npmAuthToken": "abcdef-1" } }\n',
    ['abcdef-1'],
    'npmScopes: { a: { "npmAuthToken": "" } }\n',
  ],
  [
    'bunfig.toml',
    '[install.registry]\nurl="https://r"\ntoken = "abcdef-1"\n',
    ['abcdef-1'],
    '[install.registry]\nurl="https://r"\ntoken = ""\n',
  ],
  ['sub/.netrc', 'machine h login me\npassword\n  "hunter 22x"\n', ['hunter', 'hunter 22x'], ''],
  ['auth.json', '{"github-oauth":{"github.com":"ghp_abcdef"}}', ['ghp_abcdef'], ''],
  [
    '.dockercfg',
    '{"r":{"au\\u0074h":"dTpodW50ZXIyMg=="}}',
    ['dTpodW50ZXIyMg==', 'u:hunter22', 'hunter22'],
    '',
  ],
  ['.bundle/config', '---\nBUNDLE_GEMS__EXAMPLE__COM: "u:hunter22"\n', ['u:hunter22', 'hunter22'], ''],
  [
    'gha-creds-0123456789abcdef.json',
    '{"type":"external_account","credential_source":{"url":"https://pipelines.test/","headers":{"Authorization":"Bearer abcdefgh"}}}',
    ['Bearer abcdefgh', 'abcdefgh'],
    '',
  ],
]

for (const [path, text, secrets, seen] of cases)
  test(`${path}: ${secrets[0]} is found, and a step sees the rest`, () => {
    assert.ok(isTokenFile(path))
    const cleaned = cleanTokenFile(path, text)
    assert.deepEqual(new Set(cleaned?.secrets), new Set(secrets))
    assert.equal(cleaned?.text, seen)
  })

test('variables, placeholders and plain names are no secrets', () => {
  const plain: readonly [string, string][] = [
    ['.npmrc', '//r.test/:_authToken=${NPM_TOKEN}\n//s.test/:_authToken=$NPM_TOKEN\n'],
    [
      '.git/config',
      '[remote "o"]\n\turl = https://git@github.com/o/r\n\turl = ssh://git@h/r\n\turl = git@h:r\n',
    ],
    ['.git/config', '[http]\n\textraheader = X-Trace: ${TRACE_ID}\n'],
    ['NuGet.Config', '<add key="ClearTextPassword" value="%TOKEN_OF_JOB%" />'],
    ['.m2/settings.xml', '<password>${env.MAVEN_TOKEN}</password><password>{COQLCE6DU6GtcS5P=}</password>'],
    ['pip.conf', 'index-url = https://p.test/simple\n'],
    [
      '.bundle/config',
      '---\nBUNDLE_PATH: "vendor/bundle"\nBUNDLE_WITHOUT: "development:test"\nBUNDLE_BUILD__NOKOGIRI: "--use-system-libraries"\n',
    ],
  ]
  for (const [path, text] of plain) assert.equal(cleanTokenFile(path, text), undefined, text)
  for (const path of ['npmrc.md', 'src/config', 'config.json', 'a/netrc', '.git/refs/heads/config/x'])
    assert.equal(isTokenFile(path), false, path)
})

// Each would take minutes if a pattern went over the text once for each of its characters.
test('a file that was made to be slow is as fast as any', { timeout: 60_000 }, () => {
  const long = (text: string) => text.repeat(1_000_000 / text.length)
  const files = [
    '.git/config',
    '.npmrc',
    'gradle.properties',
    '.yarnrc.yml',
    '.netrc',
    'NuGet.Config',
    '.m2/settings.xml',
    '.docker/config.json',
    '.cargo/config.toml',
    '.pypirc',
    'pip.conf',
  ]
  const texts = [
    'token',
    'helper=',
    'extraheader=',
    '_auth ',
    'https://',
    'https://a:',
    ' ',
    '\t=',
    'password ',
    '"auth"',
    '<password>',
  ].map(long)
  for (const file of files) for (const text of texts) cleanTokenFile(file, text)
})
