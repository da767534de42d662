import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { grantText } from '../policy.ts'
import { impossibleIn, reachOf } from './index.ts'
import { commandsOf } from './words.ts'

const facts = {
  repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main' },
  packages: { npm: [{ name: '@octo/app', versions: '2.*' }], pypi: [{ name: 'octo', versions: '1.*' }] },
}

const cases: readonly (readonly [string, readonly string[]])[] = [
  ['npm ci && npm test', ['npm:install npm']],
  ['npm publish --access public', ['npm:install npm', 'npm:publish npm/@octo/app']],
  ['python -m pip install -r requirements.txt --require-hashes', ['pypi:install pypi']],
  ['python3 -m twine upload dist/*', ['pypi:publish pypi-upload/octo@1.*']],
  ['git push origin v1.2.0', ['git:read git/octo/app', 'git:push git/octo/app@refs/tags/v1.2.0']],
  [
    'git push --force origin HEAD:gh-pages',
    ['git:read git/octo/app', 'git:force git/octo/app@refs/heads/gh-pages'],
  ],
  ['git push', ['git:read git/octo/app', 'git:push git/octo/app@refs/heads/main']],
  [
    'git checkout develop && git merge main && git push',
    ['git:read git/octo/app', 'git:push git/octo/app@refs/heads/develop'],
  ],
  ['git checkout HEAD && git push', ['git:read git/octo/app', 'git:push git/octo/app@refs/heads/main']],
  ['git checkout "$B"; git push', ['git:read git/octo/app', 'git:push git/octo/app@refs/heads/main']],
  ['gcloud auth configure-docker -q && gcloud config set project p', []],
  ['gcloud projects describe p', ['gcp:read gcp/resourcemanager.projects.get']],
  ['npx wrangler deploy', ['npm:install npm']],
  ['npx --no-install wrangler deploy', []],
  ['npm view @octo/app version', ['npm:install npm']],
  [
    'npx semantic-release',
    [
      'npm:install npm',
      'npm:publish npm/@octo/app',
      'git:read git/octo/app',
      'git:push git/octo/app@refs/tags/v*',
      'github:release github/octo/app',
    ],
  ],
  ['git push --tags', ['git:read git/octo/app', 'git:push git/octo/app@refs/tags/v*']],
  ['gh release create "$TAG" dist/*', ['github:release github/octo/app']],
  [
    'skopeo copy docker://node:24 docker://ghcr.io/octo/app:v1',
    ['oci:pull hub/library/node', 'oci:push ghcr/octo/app@v1'],
  ],
  ['crane push a.tar ghcr.io/octo/app:latest', ['oci:force ghcr/octo/app@latest']],
  ['aws ecs update-service --cluster web --service "api"', ['aws:call aws/ecs:UpdateService/web/api']],
  ['kubectl --context c -n web rollout restart deploy/app', ['k8s:write cluster/apps/deployments/web/*']],
  ['aws --region eu-west-1 lambda get-function --function-name f', ['aws:read aws/lambda:GetFunction/f']],
  ['gh -R octo/lib release create v1', ['github:release github/octo/lib']],
  ['gh -R ghe.example.com/octo/lib release create v1', ['github:release github/octo/lib']],
  // A bucket that a variable decides is not any bucket.
  [
    'aws s3 cp a "s3://$BUCKET/b"',
    ['aws:read aws/s3:ListBucket/replace-me', 'aws:call aws/s3:PutObject/replace-me/b'],
  ],
  [
    'gsutil cp a "gs://${BUCKET}/b"',
    ['gcp:read gcp/storage.objects.list/replace-me', 'gcp:call gcp/storage.objects.create/replace-me/*'],
  ],
  [
    'helm -n web upgrade --install app ./chart',
    [
      'k8s:write cluster/apps/deployments/web/*',
      'k8s:write cluster/core/services/web/*',
      'k8s:write cluster/secrets/web/*',
    ],
  ],
  ['aws lambda get-function --function-name f', ['aws:read aws/lambda:GetFunction/f']],
  ['kubectl -n web rollout status deploy/app', ['k8s:read cluster/apps/deployments/web/*']],
  ['ssh deploy@web.example.com systemctl restart app', ['ssh:exec host/deploy/systemctl restart app']],
  ["ssh deploy@web.example.com 'rm -rf /; reboot'", ['ssh:exec host/deploy/replace-me']],
  ['echo "npm publish"  # npm publish\n', []],
  ['for f in *; do npm ci; done', ['npm:install npm']],
]

for (const [script, grants] of cases)
  test(`what a command reaches: ${JSON.stringify(script)}`, () => {
    assert.deepEqual(reachOf(script, facts).needs.map(grantText), grants)
  })

test('a server of one’s own has its own API', () => {
  const own = { ...facts, repository: { ...facts.repository, host: 'https://git.example.com' } }
  const [other] = reachOf('gh -R ghe.example.com/octo/lib release create v1', facts).needs
  assert.equal(other?.url, 'https://ghe.example.com/api/v3')
  const urls = reachOf('gh release create v1; glab release create v1', own).needs.map(({ url }) => url)
  assert.deepEqual(urls, ['https://git.example.com/api/v3', 'https://git.example.com'])
})

test('a version that is released goes to the forge where the project is', () => {
  const at = (host: string) =>
    reachOf('npx semantic-release', { ...facts, repository: { ...facts.repository, host } }).needs.flatMap(
      ({ action, url }) => (action.endsWith(':release') ? [`${action} ${url ?? ''}`] : []),
    )
  assert.deepEqual(at('https://gitlab.com'), ['gitlab:release '])
  assert.deepEqual(at('https://git.example.com'), ['github:release https://git.example.com/api/v3'])
})

test('npm cannot sign in a step what it is asked to', () => {
  for (const script of ['npm publish --provenance', 'cd p && pnpm -r publish --provenance=true'])
    assert.match(impossibleIn(script)?.why ?? '', /the job’s identity token/)
  for (const script of ['npm publish', 'npm publish --provenance=false', 'verify --provenance a'])
    assert.equal(impossibleIn(script), undefined)
})

test('what is computed is no bare star: a grant never writes to everything', () => {
  for (const script of [
    'aws s3 rm "s3://$BUCKET" --recursive',
    'skopeo copy a docker://ghcr.io/$X:v1',
    'git push origin "$REF"',
  ])
    for (const { path = '', ref = 'x' } of reachOf(script, facts).needs)
      for (const one of [path.replace(/^s3:\w+\//, ''), ref.replace(/^refs\/\w+\//, '')])
        assert.doesNotMatch(one, /^[*/]*$/)
})

test('any text is gone through, in time', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      commandsOf(text)
      reachOf(text, facts)
    }),
    { numRuns: 300 },
  )
  const begunMs = Date.now()
  for (const part of ['"', '${{ ', "'", '\\\n', 'git push ', '$(', 'a=']) reachOf(part.repeat(60_000), facts)
  assert.ok(Date.now() - begunMs < 20_000)
})
