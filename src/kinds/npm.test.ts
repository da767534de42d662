import assert from 'node:assert/strict'
import { test } from 'node:test'
import { npm } from './npm.ts'

const at = (url: string, only?: readonly string[]) => ({
  ...{ name: 'n', url, authority: 'npm.test:443' },
  ...(only === undefined ? {} : { only }),
})
const registries = (...connections: Parameters<typeof npm.variables>[0]) =>
  Object.fromEntries(
    Object.entries(npm.variables(connections)).filter(([, value]) => value.startsWith('https:')),
  )
const all = (url: string) => ({
  NPM_CONFIG_REGISTRY: url,
  pnpm_config_registry: url,
  YARN_NPM_REGISTRY_SERVER: url,
  COREPACK_NPM_REGISTRY: url.replace(/\/$/, ''),
})

test('one registry is the default, whatever it serves; of several the one that does not say what', () => {
  const [open, own] = ['https://npm.test', 'https://npm.test/private/']
  assert.deepEqual(registries(), {})
  assert.deepEqual(registries(at(open)), all(open))
  assert.deepEqual(registries(at(own, ['left'])), all(own))
  assert.deepEqual(registries(at(open), at('https://other.test')), {})
  assert.deepEqual(registries(at(open), at(own, ['@octo/*', '@octo-labs/*', 'left', '@x/y*'])), {
    ...all(open),
    'npm_config_@octo:registry': own,
    'npm_config_@octo-labs:registry': own,
  })
})

test('each registry has a token that says nothing, at its own path', () => {
  const variables = npm.variables([at('https://npm.test'), at('https://npm.test/private', ['@octo/*'])])
  assert.deepEqual(
    Object.keys(variables).filter((name) => name.endsWith(':_authToken')),
    ['npm_config_//npm.test/:_authToken', 'npm_config_//npm.test/private/:_authToken'],
  )
})

test('what dash does not hand on stands in a file, too', () => {
  assert.deepEqual(npm.settingsFiles([]), [])
  const [file] = npm.settingsFiles([at('https://npm.test'), at('https://npm.test/own/', ['@octo/*'])])
  assert.deepEqual(file?.text.split('\n'), [
    '//npm.test/:_authToken=held-by-the-gateway',
    '//npm.test/own/:_authToken=held-by-the-gateway',
    '@octo:registry=https://npm.test/own/',
    '',
  ])
})
