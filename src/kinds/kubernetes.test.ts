import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kubernetes } from './kubernetes.ts'

test('a kubeconfig has a context for each connection, the first is the current one, and its token opens nothing', () => {
  const inside = { ca: '/run/ca.pem', settings: '/run/settings' }
  const of = (names: readonly string[]) =>
    kubernetes.settingsFiles(
      names.map((name) => ({ name, url: `https://${name}.test:6443/k8s`, authority: `${name}.test:6443` })),
      inside,
    )
  assert.deepEqual(of([]), [])
  const [file] = of(['prod', 'two'])
  assert.equal(file?.variable, 'KUBECONFIG')
  const config = JSON.parse(file?.text ?? '') as Record<string, unknown[]>
  assert.equal(config['current-context'], 'prod')
  assert.deepEqual(config['clusters']?.[1], {
    name: 'two',
    cluster: { server: 'https://two.test:6443/k8s', 'certificate-authority': '/run/ca.pem' },
  })
  assert.deepEqual(config['contexts']?.length, 2)
  assert.deepEqual(config['users'], [{ name: 'mayfly', user: { token: 'held-by-the-gateway' } }])
})
