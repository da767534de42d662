import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hosts, isSignedWith, openAws, type Asking, type AwsWorld } from './aws.fixture.ts'

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

test('an operation is judged by members that are its own: a decoy beside them names nothing', async (t) => {
  const world = await openAws(t, [
    ...['iam:DeleteUser', 'iam:PutGroupPolicy', 'iam:AddUserToGroup', 'iam:UpdateUser'].map(
      (action) => `aws:call prod/${action}/ci-bot`,
    ),
    ...[
      'cloudformation',
      'codebuild',
      'codedeploy',
      'dynamodb',
      'ecr',
      'ecs',
      'kms',
      'logs',
      'sns',
      'sqs',
      'ssm',
    ].map((service) => `aws:call prod/${service}:*/app`),
    ...['states', 'secretsmanager'].map((service) => `aws:call prod/${service}:*/app`),
  ])
  const arn = (service: string, rest: string) => `arn:aws:${service}:eu-west-1:123456789012:${rest}`
  const asked = ([service, action, says]: readonly [string, string, Record<string, string>]): Asking => {
    const prefix = prefixes[service]
    const at =
      service === 'iam' ? iam : { ...on(service === 'ecr' ? 'api.ecr' : service), service, method: 'POST' }
    return prefix === undefined
      ? {
          ...at,
          body: new URLSearchParams({ Action: action, ...says }).toString(),
          headers: { 'content-type': form },
        }
      : { ...at, body: JSON.stringify(says), headers: { 'x-amz-target': `${prefix}.${action}` } }
  }
  const refused = (judged: string, ...what: Parameters<typeof asked>[0]) =>
    [
      asked(what),
      new RegExp(`add .*aws:(?:call|read) prod/${what[0]}:${what[1]}/${judged}(?:[^\\w/]|$)`),
    ] as const
  await assertRefused(world, [
    refused('victim', 'iam', 'DeleteUser', { RoleName: 'ci-bot', UserName: 'victim' }),
    refused('admins', 'iam', 'PutGroupPolicy', { UserName: 'ci-bot', GroupName: 'admins' }),
    refused('admins/ci-bot', 'iam', 'AddUserToGroup', { UserName: 'ci-bot', GroupName: 'admins' }),
    refused('root', 'iam', 'UpdateUser', { UserName: 'ci-bot', NewUserName: 'root' }),
    refused('~', 'dynamodb', 'ExecuteStatement', { TableName: 'app', Statement: 'DELETE FROM payroll' }),
    refused('payroll', 'dynamodb', 'TagResource', {
      TableName: 'app',
      ResourceArn: arn('dynamodb', 'table/payroll'),
    }),
    refused('evil', 'sqs', 'CreateQueue', { QueueUrl: 'https://x/123456789012/app', QueueName: 'evil' }),
    refused('~', 'sqs', 'ListQueues', { QueueUrl: 'https://x/123456789012/app' }),
    refused('evil', 'sns', 'CreateTopic', { TopicArn: arn('sns', 'app'), Name: 'evil' }),
    refused('victim', 'sns', 'TagResource', {
      TopicArn: arn('sns', 'app'),
      ResourceArn: arn('sns', 'victim'),
    }),
    refused('\\+49', 'sns', 'Publish', { TopicArn: arn('sns', 'app'), PhoneNumber: '+49' }),
    refused('victim', 'codebuild', 'DeleteProject', { projectName: 'app', name: 'victim' }),
    refused('~', 'codedeploy', 'StopDeployment', { applicationName: 'app', deploymentId: 'd-1' }),
    refused('~/app', 'codedeploy', 'DeleteDeploymentGroup', { deploymentGroupName: 'app' }),
    refused('victim', 'ecr', 'TagResource', {
      repositoryName: 'app',
      resourceArn: arn('ecr', 'repository/victim'),
    }),
    refused('~', 'ecr', 'PutRegistryPolicy', { repositoryName: 'app', policyText: '{}' }),
    refused('~', 'ecs', 'PutAccountSetting', { cluster: 'app', name: 'x' }),
    refused('alias/victim', 'kms', 'DeleteAlias', { KeyId: 'app', AliasName: 'alias/victim' }),
    refused('victim', 'kms', 'UpdateAlias', { AliasName: 'app', TargetKeyId: 'victim' }),
    refused('~', 'kms', 'CreateKey', { KeyId: 'app' }),
    refused('victim', 'logs', 'FilterLogEvents', { logGroupName: 'app', logGroupIdentifier: 'victim' }),
    refused('~', 'logs', 'PutAccountPolicy', { logGroupName: 'app' }),
    refused('~', 'ssm', 'DeleteActivation', { Name: 'app', ActivationId: 'x' }),
    refused('victim:1', 'states', 'StopExecution', {
      ...{
        stateMachineArn: arn('states', 'stateMachine:app'),
        executionArn: arn('states', 'execution:victim:1'),
      },
    }),
    refused('~', 'secretsmanager', 'GetRandomPassword', { SecretId: 'app' }),
    refused('victims', 'cloudformation', 'DeleteStackSet', { StackName: 'app', StackSetName: 'victims' }),
    refused('~', 'cloudformation', 'ListStacks', { StackName: 'app' }),
    [asked(['codebuild', 'DeleteProject', { Name: 'app', name: 'app' }]), /its name is no name/],
    [asked(['iam', 'DeleteUser', { userName: 'victim', UserName: 'ci-bot' }]), /its UserName is no name/],
  ])
  assert.equal((await world.askAws(asked(['codebuild', 'DeleteProject', { name: 'app' }]))).status, 200)
})

const prefixes: Readonly<Record<string, string>> = {
  ...{ codebuild: 'CodeBuild_20161006', codedeploy: 'CodeDeploy_20141006', dynamodb: 'DynamoDB_20120810' },
  ...{
    ecr: 'AmazonEC2ContainerRegistry_V20150921',
    ecs: 'AmazonEC2ContainerServiceV20141113',
    kms: 'TrentService',
  },
  ...{ logs: 'Logs_20140328', secretsmanager: 'secretsmanager', sqs: 'AmazonSQS', ssm: 'AmazonSSM' },
  ...{ states: 'AWSStepFunctions' },
}

test('a change set goes by its name within the stack that is judged, though its tool writes its ARN', async (t) => {
  const world = await openAws(t, ['aws:call prod/cloudformation:*/app'])
  const execute = (says: Record<string, string>) =>
    world.askAws({
      ...{ ...on('cloudformation'), method: 'POST', headers: { 'content-type': form } },
      body: new URLSearchParams({ Action: 'ExecuteChangeSet', ...says }).toString(),
    })
  const arn = 'arn:aws:cloudformation:eu-west-1:123456789012:changeSet/awscli-1/0f2e'
  assert.match((await execute({ ChangeSetName: arn })).body, /name the stack, too/)
  assert.match((await execute({ StackName: 'app', ChangeSetName: 'arn:x' })).body, /is no name/)
  assert.equal(world.aws.begun.length, 0)
  assert.equal((await execute({ StackName: 'app', ChangeSetName: arn })).status, 200)
  const seen = await world.lastSeen()
  assert.equal(String(seen.body), 'Action=ExecuteChangeSet&StackName=app&ChangeSetName=awscli-1')
  assert.ok(await isSignedWith(seen, 'injected', 'for-prod'))
})

test('a function’s code of 70 MiB passes; what is deep, of many values or without end is refused in AWS’s own words', async (t) => {
  const world = await openAws(t, ['aws:call prod/lambda:CreateFunction/app', 'aws:call prod/iam:PassRole/r'])
  const create = (code: string) => ({
    ...{ host: hosts.lambda, service: 'lambda', method: 'POST', path: '/2015-03-31/functions' },
    headers: { 'content-type': 'application/json' },
    body: `{"FunctionName":"app","Role":"arn:aws:iam::123456789012:role/r","Code":${code}}`,
  })
  await assertRefused(world, [
    [create('['.repeat(200_000) + ']'.repeat(200_000)), /"AccessDeniedException".*nested more than 200 deep/],
    [create(`[${'0,'.repeat(300_000)}0]`), /more than 250000 values/],
    [create('"'.repeat(1_000_000)), /no JSON/],
    [{ ...create('0'), body: `{"FunctionName":"${'a'.repeat(5_000)}"}` }, /its FunctionName is no name/],
    [{ ...iam, headers: { 'content-type': form }, body: '&'.repeat(2_000_000) }, /more than 500 parameters/],
    [{ ...iam, headers: { 'content-type': form }, body: '+'.repeat(2_000_000) }, /a name that is too long/],
    [
      {
        ...iam,
        headers: { 'content-type': form },
        body: `Action=DeleteUser&UserName=${'+'.repeat(2_000_000)}`,
      },
      /its UserName is no name/,
    ],
  ])
  const whole = create(`{"ZipFile":"${'A'.repeat(73_400_000)}"}`)
  const { status, body } = await world.askAws(whole)
  assert.equal(status, 200, body)
  assert.equal((await world.lastSeen()).body.length, whole.body.length)
})

test('a host of old is its service’s, of the region that it names', async (t) => {
  const world = await openAws(t, ['aws:read prod/sqs:GetQueueAttributes/app'])
  const attributes = (more: Partial<Asking>) =>
    world.askAws({
      ...{ host: 'eu-west-1.queue.amazonaws.com', service: 'sqs', method: 'POST', ...more },
      headers: { 'x-amz-target': 'AmazonSQS.GetQueueAttributes' },
      body: JSON.stringify({ QueueUrl: 'https://eu-west-1.queue.amazonaws.com/123456789012/app' }),
    })
  assert.equal((await attributes({})).status, 200)
  assert.match((await attributes({ service: 'ecs' })).body, /goes to sqs of eu-west-1, and is signed for ecs/)
})
