import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gcp } from './gcp.ts'

const at = (name: string, url = 'https://storage.googleapis.com') => ({
  ...{ name, url, authority: new URL(url).host },
  settings: { project: `octo-${name}` },
})
const inside = { ca: '/run/ca.pem', settings: '/run/settings' }

test('a login and a token for each connection, which open nothing; the first is what tools take', () => {
  const files = gcp.settingsFiles([at('prod'), at('lab')])
  assert.deepEqual(
    files.map(({ name, variable }) => [name, variable]),
    [
      ['gcp-prod.json', 'GOOGLE_APPLICATION_CREDENTIALS'],
      ['gcp-prod-token', 'CLOUDSDK_AUTH_ACCESS_TOKEN_FILE'],
      ['gcp-lab.json', undefined],
      ['gcp-lab-token', undefined],
    ],
  )
  assert.match(files[0]?.text ?? '', /"refresh_token": "mayfly-stand-in-prod"/)
  assert.equal(gcp.variables([at('prod'), at('lab')], inside)['GOOGLE_CLOUD_PROJECT'], 'octo-prod')
  assert.equal(
    gcp.variables([at('x', 'https://gcs.test')], inside)['STORAGE_EMULATOR_HOST'],
    'https://gcs.test',
  )
  assert.deepEqual(gcp.variables([], inside), {})
})

test('doors: the token endpoint, and the hosts of the services that grants name', () => {
  const grants = ['gcp:read prod/storage.objects.get/x/*', 'gcp:call prod/run:POST/x', 'gcp:call lab/iam.*']
  assert.deepEqual(gcp.doors(at('prod'), grants), [
    'oauth2.googleapis.com',
    'www.googleapis.com',
    'storage.googleapis.com',
    'run.googleapis.com',
  ])
  assert.deepEqual(gcp.doors(at('x', 'https://gcs.test'), grants), [])
})

test('grants: a service is written out', () => {
  const { form } = gcp.path
  for (const good of [
    'storage.*',
    'storage.objects.*',
    'storage.objects.get',
    'run:*',
    'compute:POST',
    'iam.*.get',
  ])
    assert.ok(form.possible(good), good)
  for (const bad of ['*', '*.objects.get', 'sto*', 'storage', 'storage.', 'storage.objects.get x', 'run:get'])
    assert.ok(!form.possible(bad), bad)
})
