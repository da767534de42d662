import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hosts, openAws, type Asking, type AwsWorld } from './aws.fixture.ts'

const form = 'application/x-www-form-urlencoded'
const on = (service: string) => ({ service, host: `${service}.eu-west-1.amazonaws.com` })
const iam = { host: hosts.iam, service: 'iam', region: 'us-east-1', method: 'POST' }

async function assertRefused(world: AwsWorld, cases: readonly (readonly [Asking, RegExp])[]): Promise<void> {
  for (const [asking, why] of cases) {
    const { status, body } = await world.askAws(asking)
    assert.equal(status, 403, `${JSON.stringify(asking)} ${body}`)
    assert.match(body, why, JSON.stringify(asking))
  }
  assert.deepEqual(
    world.aws.begun.map(({ url }) => url),
    [],
  )
}

test('a header or parameter names an operation only where the service is told by it: of others method and path are judged', async (t) => {
  const world = await openAws(t, ['aws:read prod/eks:*', 'aws:read prod/s3:*', 'aws:read prod/iam:*'])
  const target = (name: string) => ({ headers: { 'x-amz-target': name } })
  const eks = { ...on('eks'), method: 'DELETE', path: '/clusters/victim' }
  const point = { host: hosts.accessPoint, method: 'DELETE', path: '/secret/key' }
  await assertRefused(world, [
    [eks, /aws:call prod\/eks:DeleteCluster\/victim/],
    [{ ...eks, ...target('x.DescribeCluster') }, /of no service that is told by it/],
    [
      { ...eks, ...target('AmazonEC2ContainerServiceV20141113.DescribeClusters') },
      /names an operation of ecs/,
    ],
    [{ ...eks, path: '/clusters/victim?Action=DescribeCluster' }, /aws:call prod\/eks:DeleteCluster\/victim/],
    [
      { ...eks, path: '/service/x/operation/DescribeCluster', method: 'POST' },
      /aws:call prod\/eks:POST\/service\/x/,
    ],
    [{ ...point, ...target('x.GetObject') }, /of no service that is told by it/],
    [{ ...point, path: '/?Action=GetObject' }, /aws:call prod\/s3:DELETE\/x-123456789012.s3-accesspoint/],
    [
      { host: hosts.s3, path: '/bkt/k', ...target('TrentService.Decrypt') },
      /S3 is told nothing by X-Amz-Target/,
    ],
    // Of a service that takes it a path is another way to say what is done.
    ...['/endpoints/x/invocations', '/?a=b'].map(
      (path) =>
        [
          {
            ...on('ecs'),
            method: 'POST',
            path,
            body: '{}',
            ...target('AmazonEC2ContainerServiceV20141113.ListTasks'),
          },
          /more than one operation/,
        ] as const,
    ),
    [{ ...iam, path: '/elsewhere?Action=ListUsers' }, /more than one operation/],
    [{ ...iam, method: 'DELETE', path: '/?Action=ListUsers' }, /more than one operation/],
  ])
})

test('beside an Action of the query no body passes, and a form is one in one way only', async (t) => {
  const world = await openAws(t, ['aws:read prod/iam:ListUsers', 'aws:call prod/iam:POST/*'])
  const create = 'Action=CreateUser&UserName=evil'
  const ask = (body: string, type: string, path = '/?Action=ListUsers') => ({
    ...{ ...iam, path, body },
    headers: { 'content-type': type },
  })
  const parts = '--B\r\nContent-Disposition: form-data; name="Action"\r\n\r\nCreateUser\r\n--B--\r\n'
  await assertRefused(world, [
    [ask(parts, 'multipart/form-data; boundary=B'), /and has a body, too/],
    [ask(create, 'text/plain'), /and has a body, too/],
    [ask('{"Action":"CreateUser"}', 'application/x-amz-json-1.1'), /and has a body, too/],
    [ask('UserName=evil', form), /and has a body, too/],
    [ask(parts, 'multipart/form-data; boundary=B', '/'), /names no operation/],
    [ask(create, 'text/plain', '/'), /names no operation/],
    [ask(create, `${form}; charset=utf-16`, '/'), /names no operation/],
    [ask(create.replace('&', ';'), form, '/'), /not escaped/],
    [ask('Action=ListUsers&UserName=\u00e9', form, '/'), /not escaped/],
    [ask('Action=ListUsers&action=CreateUser', form, '/'), /more than one operation/],
    [ask('Action=ListUsers&PathPrefix=a&PathPrefix=b', form, '/'), /a parameter twice/],
  ])
  const plain = await world.askAws(ask('Action=ListUsers&Version=2010-05-08', `${form}; charset=utf-8`, '/'))
  assert.equal(plain.status, 200, plain.body)
})

test('a body in CBOR passes only where nothing in one would name more than its operation does', async (t) => {
  const world = await openAws(t, [
    'aws:call prod/codebuild:*',
    'aws:read prod/kinesis:*',
    'aws:call prod/monitoring:*',
  ])
  const cbor = (service: string, path: string, host = service) => ({
    ...on(host),
    ...{ service, method: 'POST', path, body: '\u0001' },
    headers: { 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' },
  })
  await assertRefused(world, [
    [cbor('codebuild', '/service/CodeBuild_20161006/operation/StartBuild'), /asked in CBOR/],
    [cbor('codebuild', '/service/CodeBuild_20161006/operation/StartBuild/'), /asked in CBOR/],
    [
      {
        ...{ ...on('kinesis'), method: 'POST', body: '{}' },
        headers: {
          'content-type': 'application/x-amz-cbor-1.1',
          'x-amz-target': 'Kinesis_20131202.ListShards',
        },
      },
      /not called JSON/,
    ],
  ])
  const path = '/service/GraniteServiceVersion20100801/operation/PutMetricData'
  const put = await world.askAws(cbor('monitoring', path))
  assert.equal(put.status, 200, put.body)
  assert.deepEqual(world.audit.ofType('access.granted').at(-1)?.data['operations'], [
    { action: 'aws:call', connection: 'prod', path: 'monitoring:PutMetricData', ref: '~' },
  ])
})
