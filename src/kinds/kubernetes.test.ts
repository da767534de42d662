import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern } from '../lib/index.ts'
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

test('a name is found for every pattern that some name matches', () => {
  const word = fc.constantFrom('a', 'apps', 'x-y', '~', 'core', 'pods:log', 'secrets', 'a.b')
  const path = fc
    .oneof(fc.array(word, { minLength: 4, maxLength: 4 }), fc.array(word, { minLength: 3, maxLength: 3 }))
    .map((words) => words.join('/'))
  const holes = fc.array(fc.tuple(fc.nat(20), fc.nat(9)), { maxLength: 3 })
  const { form } = kubernetes.path
  fc.assert(
    fc.property(path, holes, (name, cuts) => {
      fc.pre(form.is(name))
      let pattern = name
      for (const [at, length] of cuts) {
        const from = Math.min(at, pattern.length)
        pattern = `${pattern.slice(0, from)}*${pattern.slice(from + length)}`
      }
      const found = form.witness(pattern)
      assert.ok(found !== undefined && form.is(found) && compilePattern(pattern).matches(found), pattern)
    }),
    { numRuns: 2_000 },
  )
})
