import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpQuestion } from '../http-client/index.ts'
import { Secret } from '../lib/index.ts'
import type { IdentityTokenRequest } from '../oidc-issuer/index.ts'
import { assertHidden, failsWith, revealed, setUp, startApi, startMs, type Asked } from './api.fixture.ts'
import { awsRole } from './aws-role.ts'
import { sessionPolicy } from './aws-session-policy.ts'

const role = 'arn:aws:iam::123456789012:role/deploy'
const answer = (method: string) =>
  `<${method}Response><${method}Result><Credentials><AccessKeyId>ASIA0123456789ABCDEF</AccessKeyId><SecretAccessKey>made/secret+key</SecretAccessKey><SessionToken>made-token==</SessionToken><Expiration>${new Date(startMs + 900_000).toISOString()}</Expiration></Credentials></${method}Result></${method}Response>`
const form = ({ text }: Asked) => Object.fromEntries(new URLSearchParams(text))
const account = { connection: { account: '123456789012', regions: ['eu-west-1'] }, kind: 'aws' }
const grants = ['aws:call api/s3:PutObject/releases/app/*', 'aws:read api/s3:ListBucket/releases']

test('a session for Mayfly’s own identity: for the audience, with tags, named by the lease, narrowed to the grants', async (t) => {
  const api = await startApi(t, (asked) => ({ text: answer(form(asked)['Action'] ?? '') }))
  const asked: IdentityTokenRequest[] = []
  const tools = {
    identityToken: async (request: IdentityTokenRequest) => {
      asked.push(request)
      return new Secret('eyJ.own.identity')
    },
  }
  const it = setUp(awsRole, { ...account, ...{ url: api.url, api, config: { role }, grants, tools } })
  const { asked: request, minted } = await it.mint()
  const [token] = asked
  assert.equal(token?.audience, 'sts.amazonaws.com')
  assert.equal(token?.awsSessionTags, true)
  const { Policy: policy = '', ...rest } = form(api.seen[0] as Asked)
  assert.deepEqual(rest, {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: `mayfly-${request.lease.replaceAll('_', '-')}`,
    DurationSeconds: '900',
    WebIdentityToken: 'eyJ.own.identity',
  })
  const [put, list, kms] = (JSON.parse(policy) as { Statement: object[] }).Statement
  assert.deepEqual(put, {
    Effect: 'Allow',
    Action: ['s3:PutObject'],
    Resource: ['arn:aws:s3:::releases/app/*'],
  })
  assert.deepEqual(list, { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: ['arn:aws:s3:::releases'] })
  assert.deepEqual((kms as { Condition: object }).Condition, {
    StringEquals: { 'kms:ViaService': ['s3.eu-west-1.amazonaws.com'] },
  })
  const { access_key_id: id, secret_access_key: secret, session_token: session } = revealed(minted)
  assert.deepEqual([id, secret, session], ['ASIA0123456789ABCDEF', 'made/secret+key', 'made-token=='])
  assert.equal(minted.expiresMs, startMs + 900_000)
  assert.deepEqual(awsRole.revocation(it.config), { means: 'by_expiry' })
  assert.equal(await awsRole.revoke(it.held(request, minted), it.tools), 'nothing_to_do')
  assertHidden(minted.facts, ['made/secret+key', 'made-token=='])
  // As whoever has stolen it would ask.
  assert.equal(await awsRole.probe?.(it.held(request, minted), it.tools), 'alive')
  const probed = api.seen.at(-1)
  assert.match(
    String(probed?.headers.authorization),
    /Credential=ASIA0123456789ABCDEF\/\d{8}\/eu-west-1\/sts\/aws4_request/,
  )
  assert.equal(probed?.headers['x-amz-security-token'], 'made-token==')
  api.mood = () => ({ status: 403, text: '<Error><Code>ExpiredToken</Code></Error>' })
  assert.equal(await awsRole.probe?.(it.held(request, minted), it.tools), 'dead')
})

test('a session by a vaulted key: signed with it, tags in the form; what the step takes longer is 15 minutes at least, and no more than said', async (t) => {
  const api = await startApi(t, (asked) => ({ text: answer(form(asked)['Action'] ?? '') }))
  const config = { role, key: 'secret:admin', external_id: 'octo', duration: '30m', session_policy: 'none' }
  const secrets: Record<string, string> = { admin: 'AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG\n' }
  const it = setUp(awsRole, { ...account, ...{ url: api.url, api, config, grants, secrets } })
  await it.mint({ ttlSeconds: 60, repository: 'octo/app' })
  await it.mint({ ttlSeconds: 86_400 })
  const [first, second] = api.seen.map(form)
  assert.deepEqual([first?.['DurationSeconds'], second?.['DurationSeconds']], ['900', '1800'])
  assert.deepEqual(
    [
      first?.['Action'],
      first?.['ExternalId'],
      first?.['Policy'],
      first?.['Tags.member.5.Key'],
      first?.['Tags.member.5.Value'],
    ],
    ['AssumeRole', 'octo', undefined, 'mayfly-repository', 'octo/app'],
  )
  assert.match(String(api.seen[0]?.headers.authorization), /Credential=AKIAIOSFODNN7EXAMPLE\//)
  secrets['admin'] = 'nothing'
  await assert.rejects(it.mint(), failsWith('bad_input', /no access key: write ACCESS_KEY_ID/))
})

test('what STS refuses is told with what to do, and odd answers are no session', async (t) => {
  const api = await startApi(t, () => ({ text: answer('X') }))
  const token = 'eyJ.own.identity'
  const tools = { identityToken: async () => new Secret(token) }
  const it = setUp(awsRole, { ...account, ...{ url: api.url, api, config: { role }, grants, tools } })
  for (const [code, advice] of [
    [
      'AccessDenied',
      /AccessDenied.*trust policy of arn:aws:iam::123456789012:role\/deploy allow sts:AssumeRoleWithWebIdentity/,
    ],
    ['PackedPolicyTooLarge', /write session_policy of connection "api" yourself/],
    ['InvalidIdentityToken', /identity provider in that account/],
  ] as const) {
    api.mood = () => ({
      status: 403,
      text: `<ErrorResponse><Error><Code>${code}</Code><Message>${token}</Message></Error></ErrorResponse>`,
    })
    await assert.rejects(it.mint(), failsWith('credential_failed', advice, [token]))
  }
  for (const text of [
    '',
    '<html>',
    answer('X').replace(/<SessionToken>.*<\/SessionToken>/, ''),
    answer('X').replace(/<Expiration>[^<]+/, '<Expiration>soon'),
  ]) {
    api.mood = () => ({ text })
    await assert.rejects(it.mint(), failsWith('credential_failed', /no credentials|no Expiration/))
  }
})

test('a registry of ECR: the session’s token for it, narrowed to the repositories that may be pulled and pushed', async () => {
  const seen: HttpQuestion[] = []
  const tools = {
    identityToken: async () => new Secret('eyJ.own.identity'),
    http: {
      async ask(question: HttpQuestion) {
        seen.push(question)
        const isEcr = question.url.includes('//api.ecr.')
        const token = Buffer.from('AWS:token-of-the-registry').toString('base64')
        const body = isEcr
          ? JSON.stringify({ authorizationData: [{ authorizationToken: token }] })
          : answer('X')
        return { status: 200, headers: {}, body: Buffer.from(body) }
      },
    },
  }
  const url = 'https://123456789012.dkr.ecr.eu-central-1.amazonaws.com'
  const all = ['oci:pull api/base/*', 'oci:push api/octo/app@v*']
  const it = setUp(awsRole, { kind: 'oci', url, config: { role }, grants: all, tools })
  const { minted } = await it.mint()
  assert.deepEqual(
    seen.map((one) => one.url),
    ['https://sts.eu-central-1.amazonaws.com/', 'https://api.ecr.eu-central-1.amazonaws.com/'],
  )
  const { authorization } = revealed(minted)
  assert.equal(Buffer.from(authorization.slice(6), 'base64').toString(), 'AWS:token-of-the-registry')
  const policy = JSON.parse(String(new URLSearchParams(String(seen[0]?.body)).get('Policy'))) as {
    Statement: { Action: string[]; Resource: string }[]
  }
  assert.deepEqual(
    policy.Statement.map(({ Action, Resource }) => [Action.includes('ecr:PutImage'), Resource]),
    [
      [false, '*'],
      [false, 'arn:aws:ecr:eu-central-1:123456789012:repository/base/*'],
      [true, 'arn:aws:ecr:eu-central-1:123456789012:repository/octo/app'],
    ],
  )
})

test('the session policy is never narrower than the grants, and left out where it cannot say them', () => {
  const place = { account: '123456789012', regions: ['eu-west-1', 'eu-central-1'] }
  const said = (...all: string[]) => {
    const text = sessionPolicy(all, place)
    return text === undefined
      ? undefined
      : (JSON.parse(text) as { Statement: { Action: string[]; Resource: string[] }[] }).Statement
  }
  assert.deepEqual(
    said(
      'aws:call x/lambda:Invoke*/web',
      'aws:call x/ecs:UpdateService/prod/web',
      'aws:read x/ecs:Describe*',
    )?.map(({ Action, Resource }) => [Action, Resource]),
    [
      [
        ['lambda:Invoke*'],
        ['arn:aws:lambda:*:123456789012:function:web', 'arn:aws:lambda:*:123456789012:function:web:*'],
      ],
      [['ecs:UpdateService', 'ecs:Describe*'], ['*']],
    ],
  )
  assert.deepEqual(said('aws:read x/s3:List*/releases')?.[0]?.Resource, ['*'])
  assert.deepEqual(said('aws:read x/s3:GetObject/a%20b')?.[0]?.Resource, ['*'])
  // CloudFormation does others' work with the caller's rights.
  assert.equal(said('aws:call x/cloudformation:CreateStack/web'), undefined)
  assert.deepEqual(said('aws:read x/cloudformation:Describe*')?.[0]?.Action, ['cloudformation:Describe*'])
  assert.equal(
    said(...Array.from({ length: 60 }, (_, i) => `aws:read x/s3:GetObject/bucket-of-number-${i}/*`)),
    undefined,
  )
  assert.equal(said('aws:credential x'), undefined)
})
