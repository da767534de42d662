import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policySchema } from '../../config/index.ts'
import { verifyProblems } from './problems.ts'

function problems(verify: object): string[] {
  const document = {
    scan: policySchema.shape.scan.parse({ verify }),
    connections: {
      vault: { kind: 'http', url: 'https://vault.corp.test' },
      clear: { kind: 'http', url: 'http://vault.corp.test' },
    } as never,
  }
  const locate = (path: readonly PropertyKey[]) => ({ path: path.map(String).join('.') }) as never
  return verifyProblems(document, locate).map((one) => {
    const { path, message } = one as unknown as { path: string; message: string }
    return `${path}: ${message}`
  })
}

test('what could never be asked is refused when the policy is loaded', () => {
  assert.deepEqual(problems({ kinds: ['npm-token'], revoke: ['npm-token'] }), [])
  assert.deepEqual(
    problems({ kinds: ['hashicorp-vault-token'], at: { 'hashicorp-vault-token': 'vault' } }),
    [],
  )
  for (const [verify, expected] of [
    [
      { kinds: ['npm-tokn'] },
      /^scan\.verify\.kinds\.0: .*no vendor can be asked about "npm-tokn": did you mean npm-token\?/,
    ],
    [{ kinds: ['pem-private-key'] }, /no vendor can be asked/],
    [{ kinds: ['hashicorp-vault-token'] }, /name its connection under at/],
    [{ kinds: ['npm-token'], revoke: ['slack-bot-token'] }, /^scan\.verify\.revoke\.0: .*not under kinds/],
    [{ kinds: ['openai-key'], revoke: ['openai-key'] }, /lets no holder end one: buildkite-api-token/],
    [{ kinds: ['npm-token'], at: { 'okta-api-token': 'vault' } }, /okta-api-token is not under kinds/],
    [{ kinds: ['npm-token'], at: { 'npm-token': 'nowhere' } }, /there is no connection "nowhere"/],
    [{ kinds: ['npm-token'], at: { 'npm-token': 'clear' } }, /not sent in the clear/],
  ] as const) {
    const found = problems(verify)
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', expected)
  }
})
