import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openCheckout } from '../read/checkout-files.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { migrateFile } from './migrate.ts'
import type { RegistryPlace } from './model.ts'
import { draftPolicyText } from './policy.ts'
import { registriesOf } from './registry-hosts.ts'

const project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: '1', ownerId: '2' },
  install: 'make mayfly',
  packages: {},
  pins: new Map(),
}

/** The policy that a step with this secret needs. */
function policyOf(variable: string, script: string, more = '', registries: readonly RegistryPlace[] = []) {
  const text = `on: { push: { branches: [main] } }
jobs:
  release:
    runs-on: ubuntu-latest
    steps:
      - run: ${JSON.stringify(script)}
        env:
          ${variable}: \${{ secrets.TOKEN }}
${more}`
  const moved = migrateFile(readPipeline('.github/workflows/a.yml', text, 'github'), {
    ...project,
    registries,
  })
  assert.equal(moved.moved.length, 1, JSON.stringify(moved.kept))
  return draftPolicyText([], moved.roles, [moved])
}

const corp = 'https://packages.corp.example'

test('who publishes elsewhere, by an option or a variable, does so afterwards, and not at everybody’s registry', () => {
  for (const [variable, script, more, connection] of [
    ['NODE_AUTH_TOKEN', `npm publish --registry ${corp}/npm/`, '', 'npm'],
    ['NODE_AUTH_TOKEN', 'npm publish', `          NPM_CONFIG_REGISTRY: ${corp}/npm/\n`, 'npm'],
    ['NODE_AUTH_TOKEN', `npm_config_registry=${corp}/npm npm publish`, '', 'npm'],
    ['TWINE_PASSWORD', `twine upload --repository-url ${corp}/pypi/ -u __token__ dist/*`, '', 'pypi-upload'],
    [
      'TWINE_PASSWORD',
      'twine upload dist/*',
      `          TWINE_REPOSITORY_URL: ${corp}/pypi\n`,
      'pypi-upload',
    ],
    ['UV_PUBLISH_TOKEN', `uv publish --publish-url ${corp}/pypi`, '', 'pypi-upload'],
    ['GEM_HOST_API_KEY', `gem push --host ${corp}/gems a.gem`, '', 'gems'],
    ['CARGO_REGISTRY_TOKEN', `cargo publish --index ${corp}/cargo`, '', 'crates'],
    ['NODE_AUTH_TOKEN', `npm config set registry ${corp}/npm && npm publish`, '', 'npm'],
    ['NODE_AUTH_TOKEN', `echo "registry=${corp}/npm" > .npmrc\nnpm publish`, '', 'npm'],
    ['NODE_AUTH_TOKEN', `npm publish --@acme:registry=${corp}/npm`, '', 'npm'],
  ] as const) {
    const { text } = policyOf(variable, script, more)
    const line = text.split('\n').find((one) => one.startsWith(`  ${connection}: `)) ?? ''
    assert.match(line, /url: "https:\/\/packages\.corp\.example\/\w+"/, `${script}\n${text}`)
    assert.doesNotMatch(line, /storage/)
  }
})

test('what nothing says where it is, is nowhere until somebody says it', () => {
  for (const [variable, script, more] of [
    ['NODE_AUTH_TOKEN', 'npm publish --registry $REGISTRY', ''],
    ['NODE_AUTH_TOKEN', 'npm publish', '          NPM_CONFIG_REGISTRY: ${{ vars.REGISTRY }}\n'],
    ['TWINE_PASSWORD', 'twine upload -r corp dist/*', ''],
    ['CARGO_REGISTRY_TOKEN', 'cargo publish --registry corp', ''],
    ['CARGO_REGISTRY_TOKEN', 'cargo publish', '          CARGO_REGISTRY_DEFAULT: corp\n'],
    ['GEM_HOST_API_KEY', 'gem push --host "$HOST" a.gem', ''],
    ['NODE_AUTH_TOKEN', 'npm config set registry "$REGISTRY" && npm publish', ''],
    ['TWINE_PASSWORD', 'twine upload --config-file .pypirc dist/*', ''],
    ['CARGO_REGISTRIES_CORP_TOKEN', 'cargo publish', ''],
    ['GH_ENTERPRISE_TOKEN', 'gh release create v1', ''],
  ] as const) {
    const { text, fillIn } = policyOf(variable, script, more)
    assert.match(text, /url: "https:\/\/replace-me\.invalid"/, `${script}\n${text}`)
    assert.ok(
      fillIn.some((one) => one.includes('.url: the one that the pipeline')),
      fillIn.join('\n'),
    )
  }
})

test('everybody’s registries stay, also where they are named', () => {
  for (const [variable, script, more, url] of [
    [
      'NODE_AUTH_TOKEN',
      'npm publish --registry https://registry.npmjs.org/',
      '',
      'https://registry.npmjs.org',
    ],
    [
      'NODE_AUTH_TOKEN',
      'npm publish',
      '          NPM_CONFIG_REGISTRY: "https://registry.npmjs.org"\n',
      'https://registry.npmjs.org',
    ],
    ['TWINE_PASSWORD', 'twine upload -r pypi dist/*', '', 'https://upload.pypi.org'],
    ['CARGO_REGISTRY_TOKEN', 'cargo publish --registry crates-io', '', 'https://index.crates.io'],
  ] as const) {
    const { text } = policyOf(variable, script, more)
    assert.ok(text.includes(`url: "${url}"`), `${script}\n${text}`)
    assert.doesNotMatch(text, /replace-me\.invalid/)
  }
})

const checkoutOf = (t: TestContext, files: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-registries-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return registriesOf(openCheckout(folder))
}

test('the files of the checkout say where its registries are', (t) => {
  for (const [name, text, expected] of [
    [
      '.npmrc',
      `//packages.corp.example/npm/:_authToken=\${T}\nregistry=${corp}/npm/\n`,
      { connection: 'npm', url: `${corp}/npm` },
    ],
    [
      '.npmrc',
      `@acme:registry=${corp}/npm/\n`,
      { connection: 'npm', url: `${corp}/npm`, isForPublishing: true },
    ],
    ['pkg/.npmrc', `registry=${corp}/npm/\n`, { connection: 'npm', url: `${corp}/npm` }],
    [
      '.yarnrc.yml',
      `npmScopes:\n  acme:\n    npmPublishRegistry: ${corp}/npm\n`,
      { connection: 'npm', url: `${corp}/npm`, isForPublishing: true },
    ],
    [
      'package.json',
      `{ "publishConfig": { "@acme:registry": "${corp}/npm" } }`,
      { connection: 'npm', url: `${corp}/npm`, isForPublishing: true },
    ],
    [
      'Cargo.toml',
      '[package]\nname = "a"\npublish = ["corp"]\n',
      { connection: 'crates', url: undefined, isForPublishing: true },
    ],
    ['.pypirc', `[corp]\nrepository: ${corp}/pypi\n`, { connection: 'pypi-upload', url: `${corp}/pypi` }],
    ['.yarnrc.yml', `npmRegistryServer: "${corp}/npm"\n`, { connection: 'npm', url: `${corp}/npm` }],
    [
      'packages/a/package.json',
      `{ "name": "a", "publishConfig": { "access": "public", "registry": "${corp}/npm" } }`,
      { connection: 'npm', url: `${corp}/npm`, isForPublishing: true },
    ],
    ['.cargo/config.toml', '[registry]\ndefault = "corp"\n', { connection: 'crates', url: undefined }],
    [
      'a.gemspec',
      `spec.metadata["allowed_push_host"] = "${corp}/gems"\n`,
      { connection: 'gems', url: `${corp}/gems`, isForPublishing: true },
    ],
    [
      'pyproject.toml',
      `[[tool.uv.index]]\nname = "corp"\npublish-url = "${corp}/pypi"\n`,
      { connection: 'pypi-upload', url: `${corp}/pypi` },
    ],
    ['.npmrc', 'registry=${REGISTRY}\n', { connection: 'npm', url: undefined }],
  ] as const)
    assert.deepEqual(checkoutOf(t, { [name]: text }), [expected], text)
  assert.deepEqual(
    checkoutOf(t, {
      '.npmrc': 'registry=https://registry.npmjs.org/\n',
      'package.json': '{ "publishConfig": { "access": "public" } }',
      'Cargo.toml': '[package]\npublish = ["crates-io"]\n',
      'a.gemspec': 'spec.metadata["allowed_push_host"] = "https://rubygems.org"\n',
    }),
    [],
  )
  // Files of nothing but lines, or blanks: each is gone through once.
  for (const filler of ['\n', ' ', '[registry]\n', '"publishConfig":{', '"registry" '])
    for (const name of [
      '.npmrc',
      '.yarnrc.yml',
      'package.json',
      '.cargo/config.toml',
      'Cargo.toml',
      'pyproject.toml',
      '.pypirc',
      'a.gemspec',
    ])
      assert.deepEqual(checkoutOf(t, { [name]: filler.repeat(900_000 / filler.length) }), [], name)
  const publishing = checkoutOf(t, { 'package.json': `{ "publishConfig": { "registry": "${corp}/npm" } }` })
  assert.match(
    policyOf('NODE_AUTH_TOKEN', 'npm publish', '', publishing).text,
    /packages\.corp\.example\/npm/,
  )
})
